"""Families of tasks: what the front matter of a folder's README says about languages, skills, licence and paper.

The front matter is YAML between two lines ``---`` at the start of ``README.md``, see docs/task_files.md. It is read
only where somebody asks for it, since the index does not need it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.errors import ConfigError, TaskFileError, did_you_mean
from lm_eval.task_files.languages import find_language, languages

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskManager

__all__ = ["SKILLS", "Family", "families", "read_family"]

SKILLS = (
    "audio",
    "bias",
    "code",
    "commonsense",
    "culture",
    "dialogue",
    "extraction",
    "grammar",
    "instructions",
    "knowledge",
    "legal",
    "long-context",
    "math",
    "medical",
    "nli",
    "perplexity",
    "reading",
    "reasoning",
    "safety",
    "sentiment",
    "structured-output",
    "summarization",
    "tools",
    "translation",
    "truthfulness",
    "vision",
)
"""The skills that a family may name."""

_CODE = "{code}"
_KEYS = ("languages", "skills", "licence", "paper")


@dataclass(frozen=True, slots=True)
class Family:
    """A folder of task files, described by its README.

    Attributes:
        name: The folder.
        readme: The README; None if there is none.
        title: Its first heading; without a README, the name of the folder.
        summary: The first paragraph of the README, in one line.
        language_patterns: ISO 639-3 code to the patterns of the names in that language; ``*`` stands for all names.
        code_patterns: Patterns of names with ``{code}`` where the names have the code of their language.
        skill_patterns: Skill to the patterns of the names that need it.
        licence: The licence of the data; empty if the README does not say it.
        paper: The address of the paper; empty if the README does not say it.
    """

    name: str
    readme: Path | None = None
    title: str = ""
    summary: str = ""
    language_patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    code_patterns: tuple[str, ...] = ()
    skill_patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    licence: str = ""
    paper: str = ""

    def languages_of(self, name: str) -> list[str]:
        """Return the ISO 639-3 codes of the languages of a task or group.

        Args:
            name: The name of the task or group.
        """
        found = _matching(self.language_patterns, name)
        for pattern in self.code_patterns:
            match = _code_expression(pattern).fullmatch(name)
            code = _code_of(match.group("code")) if match else ""
            found += [code] if code and code not in found else []
        return found

    def skills_of(self, name: str) -> list[str]:
        """Return the skills that a task or group needs.

        Args:
            name: The name of the task or group.
        """
        return _matching(self.skill_patterns, name)


def families(manager: TaskManager) -> dict[str, Family]:
    """Read the READMEs of all families.

    Args:
        manager: Knows the roots of the task files; a later root replaces a family of an earlier one.

    Returns:
        The families by the name of their folder, sorted by name.

    Raises:
        TaskFileError: The front matter of a README cannot be used.
    """
    found: dict[str, Family] = {}
    for root in manager.roots:
        if root.is_dir():
            folders = [folder for folder in root.iterdir() if folder.is_dir() and folder.name[0] not in "._"]
            for folder in [root, *folders]:
                if (folder / "README.md").is_file():
                    found[folder.name] = read_family(folder)
    return dict(sorted(found.items()))


def read_family(folder: Path) -> Family:
    """Read the README of a family.

    Args:
        folder: The folder of the family.

    Returns:
        The family; without front matter it has no languages, skills, licence and paper.

    Raises:
        TaskFileError: The front matter cannot be used; the text names the key.
    """
    readme = folder / "README.md"
    try:
        text = readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaskFileError(f"cannot be read: {error}", path=readme) from error
    matter, body = _split(text)
    keys = _front_matter(matter, readme)
    title = re.search(r"^# (.+)$", body, re.MULTILINE)
    after = body[title.end() :] if title else body
    summary = next((" ".join(part.split()) for part in after.strip().split("\n\n") if part and part[0] != "#"), "")
    languages_key = keys.get("languages")
    code_patterns = [item for item in _words(languages_key) if _CODE in item]
    return Family(
        folder.name,
        readme,
        title=title.group(1).strip() if title else folder.name,
        summary=summary,
        language_patterns=_patterns(languages_key, "languages", readme),
        code_patterns=tuple(code_patterns),
        skill_patterns=_patterns(keys.get("skills"), "skills", readme),
        licence=str(keys.get("licence") or ""),
        paper=str(keys.get("paper") or ""),
    )


def _split(text: str) -> tuple[str, str]:
    """Return the front matter and the rest of a README."""
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    return (match.group(1), text[match.end() :]) if match else ("", text)


def _front_matter(text: str, readme: Path) -> dict[str, object]:
    if not text:
        return {}
    import yaml

    try:
        keys = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TaskFileError(f"the front matter is not YAML: {' '.join(str(error).split())}", path=readme) from error
    if not isinstance(keys, dict):
        raise TaskFileError("the front matter must have keys, such as 'languages: [eng]'", path=readme)
    for key in keys:
        if key not in _KEYS:
            raise TaskFileError(f"unknown key.{did_you_mean(str(key), _KEYS)}", path=readme, key=str(key))
    return keys


def _words(value: object) -> list[str]:
    """Return the strings of a string or a list; none of a mapping."""
    return [str(item) for item in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _patterns(value: object, key: str, readme: Path) -> dict[str, tuple[str, ...]]:
    """Read ``languages`` or ``skills``: words for all names, or words with the patterns of their names."""
    pairs = value.items() if isinstance(value, dict) else [(word, "*") for word in _words(value) if _CODE not in word]
    found: dict[str, tuple[str, ...]] = {}
    for word, names in pairs:
        if key == "languages" and word not in languages():
            near = did_you_mean(str(word), languages())
            raise TaskFileError(f"{word!r} is no known ISO 639-3 code.{near}", path=readme, key=key)
        if key == "skills" and word not in SKILLS:
            near = did_you_mean(str(word), SKILLS) or f" They are {', '.join(SKILLS)}."
            raise TaskFileError(f"{word!r} is no known skill.{near}", path=readme, key=key)
        found[str(word)] = tuple(_words(names))
    return found


def _matching(patterns: Mapping[str, Sequence[str]], name: str) -> list[str]:
    return [word for word, globs in patterns.items() if any(fnmatch.fnmatchcase(name, glob) for glob in globs)]


@cache
def _code_expression(pattern: str) -> re.Pattern[str]:
    """Return the expression of a pattern with ``{code}``, which stands for two or three letters."""
    escaped = re.escape(pattern).replace(re.escape("*"), ".*").replace(re.escape("?"), ".")
    return re.compile(escaped.replace(re.escape(_CODE), "(?P<code>[A-Za-z]{2,3})"), re.DOTALL)


@cache
def _code_of(word: str) -> str:
    """Return the ISO 639-3 code of a code in a name; empty for letters that are none."""
    try:
        return find_language(word).code
    except ConfigError:
        return ""
