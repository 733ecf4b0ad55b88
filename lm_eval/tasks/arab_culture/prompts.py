"""ArabCulture: the wordings of the prompt, and how the environment chooses one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from lm_eval.errors import ConfigError

_PLACES = {
    "Egypt": "مصر",
    "Morocco": "المغرب",
    "Algeria": "الجزائر",
    "Libya": "ليبيا",
    "Sudan": "السودان",
    "Tunisia": "تونس",
    "Jordan": "الأردن",
    "Lebanon": "لبنان",
    "Syria": "سوريا",
    "Palestine": "فلسطين",
    "Yemen": "اليمن",
    "UAE": "الإمارات",
    "KSA": "السعودية",
    "Gulf": "الخليج",
    "Levant": "الشام",
    "North Africa": "شمال أفريقيا",
    "Nile Valley": "وادي النيل",
}


@dataclass(frozen=True)
class Wording:
    """The sentences of the prompt in one language.

    The first line asks about choices or about a statement alone in the same words. The advice has one form for a
    prompt that names the place and another for one that does not.
    """

    task: str
    place: str
    statement: str
    advice_here: str
    advice: str
    options: str


ENGLISH = Wording(
    task="You are tasked with selecting the most culturally appropriate option based on the context provided below.",
    place="Location: ",
    statement="Statement: ",
    advice_here="Consider the cultural nuances of the specified location and choose the most suitable response from "
    "the options provided.",
    advice="Consider the cultural nuances and choose the most suitable response from the options provided.",
    options="Options:",
)
ARABIC = Wording(
    task="مهمتك هي اختيار الخيار الأنسب ثقافياً بناءً على السياق المقدم أدناه.",
    place="الموقع: ",
    statement="الجملة: ",
    advice_here="يرجى مراعاة الفروق الثقافية للموقع المحدد واختيار الإجابة الأكثر ملاءمة من الخيارات المتاحة.",
    advice="يرجى مراعاة الفروق الثقافية واختيار الإجابة الأكثر ملاءمة من الخيارات المتاحة.",
    options="الخيارات:",
)


def switched_on(name: str) -> bool:
    """Return whether a switch of the prompt is on: its environment variable is ``True``.

    Args:
        name: ``COUNTRY``, ``REGION`` or ``ARABIC``.
    """
    return os.environ.get(name) == "True"


def prompt(doc: dict[str, Any], options: str | None = None) -> str:
    """Return the prompt of a statement.

    Args:
        doc: A row with ``first_statement``, ``country`` and ``region``.
        options: The choices, where the prompt shows them.

    Raises:
        ConfigError: The environment asks for the country without its region, which has no wording.
    """
    arabic, region, country = switched_on("ARABIC"), switched_on("REGION"), switched_on("COUNTRY")
    if country and not region:
        raise ConfigError("ArabCulture names the country only with its region: set REGION=True beside COUNTRY=True")
    words = ARABIC if arabic else ENGLISH
    places = [doc[part] for part, shown in (("country", country), ("region", region)) if shown]
    shown_places = ", ".join(_PLACES[place] if arabic else place for place in places)
    lines = [
        "",
        words.task,
        "",
        *([words.place + shown_places] if places else []),
        words.statement + doc["first_statement"].strip(),
        "",
        words.advice_here if places else words.advice,
        *(["", words.options, options] if options is not None else []),
    ]
    return "\n".join(lines) + "\n"
