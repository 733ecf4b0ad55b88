"""Write the tables of options in the docs from the settings of a run: ``python docs/option_tables.py``.

The tables stand between two comments, ``<!-- NAME: written by docs/option_tables.py -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lm_eval.config.options import Mark
from lm_eval.config.run import COLLABORATORS, RunSettings

FOLDER = Path(__file__).resolve().parent
COLLABORATOR_TEXTS = {
    "evaluation_tracker": "Saves results with its `save`; its folder also holds the answers from which a run resumes.",
    "task_manager": "Finds the tasks; None builds one.",
    "judge": "Judges as objects: an `LM`, or a list of them, instead of `judge_model`.",
}


def options() -> Iterator[str]:
    """Go through the lines of the tables for ``lm_eval run``, one table for each group."""
    texts, group = RunSettings.texts(), ""
    for name, option in RunSettings.command_line().items():
        if option.group != group:
            group = option.group
            yield from ("", f"### {group[0].upper()}{group[1:]}", "", "| option | meaning |", "|---|---|")
        flags = f"`--{name}`" + (f", `{option.short}`" if option.short else "")
        yield f"| {flags} | {texts[name]} |"
    yield ""


def arguments() -> Iterator[str]:
    """Go through the lines of the table for ``simple_evaluate`` and ``plan``."""
    texts, declared = RunSettings.texts(), RunSettings.options()
    yield from ("", "| argument | option | `plan` heeds it | meaning |", "|---|---|---|---|")
    for name, names in RunSettings.arguments().items():
        option = declared[name]
        flag = "" if Mark.PYTHON in option.marks else f"`--{name}`"
        heeded = "yes" if Mark.ASKED in option.marks else ""
        yield f"| {', '.join(f'`{item}`' for item in names)} | {flag} | {heeded} | {texts[name]} |"
    for name in COLLABORATORS:
        yield f"| `{name}` | | {'yes' if name == 'task_manager' else ''} | {COLLABORATOR_TEXTS[name]} |"
    yield ""


PAGES = {"command_line.md": {"options": options}, "python_api.md": {"arguments": arguments}}


def written(page: str) -> str:
    """Return a page with its tables as they should be.

    Args:
        page: The name of the page.

    Returns:
        The text of the page.
    """
    text = (FOLDER / page).read_text(encoding="utf-8")
    for name, lines in PAGES[page].items():
        start = f"<!-- {name}: written by docs/option_tables.py -->\n"
        table = start + "".join(f"{line}\n" for line in lines()) + "<!-- end -->"
        text, count = re.subn(re.escape(start) + r".*?<!-- end -->", lambda _, new=table: new, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{page} has {count} places for the table {name!r}.")
    return text


if __name__ == "__main__":
    for page in PAGES:
        (FOLDER / page).write_text(written(page), encoding="utf-8")
