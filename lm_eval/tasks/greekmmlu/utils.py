"""GreekMMLU: the prompt in Greek, with the subject's name as it stands after "question of", and Greek letters."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.shared.passages import lettered

# Capital letters of the Greek alphabet: alpha, beta, gamma, delta.
_LETTERS = "\u0391\u0392\u0393\u0394"
_SUBJECTS = {
    "Economics": "Οικονομικών",
    "Education": "Παιδαγωγικής",
    "Medicine": "Ιατρικής",
    "Electrical Engineering": "Ηλεκτρολόγων Μηχανικών",
    "Greek Mythology": "Ελληνικής Μυθολογίας",
    "Computer Networks & Security": "Δικτύων Υπολογιστών και Ασφάλειας",
    "Law": "Νομικής",
    "Physics": "Φυσικής",
    "Government and Politics": "Διακυβέρνησης και Πολιτικής",
    "Art": "Τέχνης",
    "Greek Literature": "Νεοελληνικής Λογοτεχνίας",
    "World History": "Παγκόσμιας Ιστορίας",
    "General Knowledge": "Γενικών Γνώσεων",
    "World Religions": "Παγκόσμιων Θρησκειών",
    "Mathematics": "Μαθηματικών",
    "Clinical Knowledge": "Κλινικών Γνώσεων",
    "Driving Rules": "Κανόνων Οδικής Κυκλοφορίας",
    "Biology": "Βιολογίας",
    "Civil Engineering": "Πολιτικών Μηχανικών",
    "Computer Science": "Επιστήμης Υπολογιστών",
    "Geography": "Γεωγραφίας",
    "Chemistry": "Χημείας",
    "Prehistory": "Προϊστορίας",
    "Agriculture": "Γεωργίας",
    "Modern Greek Language": "Νεοελληνικής Γλώσσας",
    "Accounting": "Λογιστικής",
    "Greek History": "Ελληνικής Ιστορίας",
    "Management": "Διοίκησης Επιχειρήσεων",
    "Greek Traditions": "Ελληνικών Παραδόσεων",
    "Maritime Safety and Rescue Operations": "Ναυαγοσωστικων Λειτουργιών και Ασφάλειας στη Θάλασσα",
}


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the question with its subject and choices.

    Args:
        doc: A row with ``subject``, ``question`` and ``choices``.
    """
    subject = _SUBJECTS.get(doc["subject"], doc["subject"])
    head = f"Αυτό είναι μια ερώτηση {subject}. Επίλεξε τη σωστή απάντηση!"
    return f"{head}\n\nΕρώτηση: {doc['question']}\n{lettered(doc['choices'], _LETTERS)}\n\n Απάντηση:"


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return a letter for each choice.

    Args:
        doc: A row with ``choices``.
    """
    return list(_LETTERS[: len(doc["choices"])])
