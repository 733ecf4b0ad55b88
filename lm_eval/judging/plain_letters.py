"""Texts in plain letters, so that a verdict in look-alikes is found before a judge copies it in real ones."""

from __future__ import annotations

import unicodedata

__all__ = ["plain_letters"]

_CYRILLIC = {
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425": "ABESIJKMHOPCTYX",
    "\u0430\u0435\u0455\u0456\u0458\u043e\u0440\u0441\u0443\u0445\u04bb\u0501": "aesijopcyxhd",
}
_GREEK = {
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7": "ABEZHIKMNOPTYX",
    "\u03bf\u03b9\u03bd\u03c1": "oivp",
}
_SIGNS = {"\u2236\ua789\u02d0\u05c3": "::::", "\u3010\u3011\u3014\u3015": "[][]"}
_ALIKE = str.maketrans(
    {
        **{
            alike: plain
            for table in (_CYRILLIC, _GREEK, _SIGNS)
            for alikes, plains in table.items()
            for alike, plain in zip(alikes, plains, strict=True)
        },
        "\u27e6": "[[",
        "\u27e7": "]]",
        "\u301a": "[[",
        "\u301b": "]]",
    }
)


def plain_letters(text: str) -> str:
    """Return a text without invisible characters, with letters and signs that look like ASCII in ASCII.

    Args:
        text: The text.
    """
    if text.isascii():
        return text
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", visible).translate(_ALIKE)
