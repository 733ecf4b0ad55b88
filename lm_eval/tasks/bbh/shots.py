"""The written-out shots of BIG-Bench Hard: ``!function shots.snarks`` is the list of those of ``snarks``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import cast

import yaml

Shot = dict[str, str]


@cache
def _shots() -> dict[str, list[Shot]]:
    return cast(
        dict[str, list[Shot]], yaml.safe_load(Path(__file__).with_name("shots.yml").read_text(encoding="utf-8"))
    )


def __getattr__(name: str) -> list[Shot]:
    """Return the shots of a subject."""
    if name in _shots():
        return _shots()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the subjects, so that the error for another name says what is near."""
    return list(_shots())
