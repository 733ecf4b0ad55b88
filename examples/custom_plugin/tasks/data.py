"""Load the rows of the task next to this file."""

from typing import Any


def load(**_: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all splits, by split name."""
    return {"test": [{"number": number} for number in (4, 9, 14, 40, 99, 1990)]}
