"""CareQA: prompts of exam questions with four options."""

from __future__ import annotations

from typing import Any

# One row of the dataset has no question and no options; these are what the exam asked.
_LOST = {
    "question": (
        "In relation to the immune mechanism involved in the rejection of transplanted solid organs, indicate the "
        "incorrect answer:"
    ),
    "op1": (
        "Acute T-cell mediated rejection can be controlled through the use of drugs such as cyclosporine A or "
        "corticosteroids."
    ),
    "op2": (
        "The presence of specific antibodies against the donor (DSA) in the recipient prior to transplantation is a "
        "contraindication for it."
    ),
    "op3": (
        "Chronic rejection or chronic graft injury is associated with endothelial damage mediated by anti-HLA "
        "antibodies."
    ),
    "op4": (
        "Hyperacute rejection is mediated by cytotoxic T lymphocytes against donor antigens present in the recipient."
    ),
}


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write the question and its options.

    Args:
        doc: A row with ``question`` and ``op1`` to ``op4``.
    """
    asked = _LOST if doc["question"] is None else doc
    options = "".join(f"{letter}. {asked[f'op{number}']}\n" for number, letter in enumerate("ABCD", 1))
    return f"Question: {asked['question']}\nChoices:\n{options}Answer:"


def doc_to_target(doc: dict[str, Any]) -> int:
    """Return the index of the right option.

    Args:
        doc: A row with ``cop``, from 1 to 4.
    """
    return int(doc["cop"]) - 1
