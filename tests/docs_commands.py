"""The commands in the documentation, with the output that stands under them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md", *sorted(ROOT.glob("docs/*.md"))]

_COMMAND = re.compile(r"(?:\$ |- run: )?((?:python -m )?lm_eval (?:.|\\\n)+|eval \"\$\(lm_eval .+)")
_INLINE = re.compile(r"`(lm_eval [a-z][^`]*)`")
_COMMENT = re.compile(r"\s{2,}#.*")
_NUMBER = re.compile(r"[-+x]?\d[\d,.:T-]*(?:e[-+]\d+)?")


@dataclass
class Command:
    """A command of a page.

    Attributes:
        page: The name of the page.
        line: The number of its first line, from 1.
        words: The words after ``lm_eval``, as a shell would split them; a redirection is at the end.
        output: The lines under the command that show its output; empty when the page shows none.
        inline: Whether the command stands within a sentence.
    """

    page: str
    line: int
    words: list[str]
    output: list[str] = field(default_factory=list)
    inline: bool = False

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: lm_eval {shlex.join(self.words)}"


def commands(page: Path) -> Iterator[Command]:
    """Find the commands of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found: list[Command] = []
    end = 0
    for start, lines in _blocks(text.splitlines()):
        inside = list(_in_block(page.name, start, lines))
        between = " ".join(text.splitlines()[end : start - 1])
        if found and not inside and re.search(r"\bprints\b[^.]*:\s*(```)?$", between.strip()):
            found[-1].output += lines
        found += inside
        end = start - 1 + len(lines)
    yield from found
    prose = re.sub(r"^```.*?^```|^    .*?$", lambda found: "\n" * found[0].count("\n"), text, flags=re.M | re.S)
    for match in _INLINE.finditer(prose):
        line = prose.count("\n", 0, match.start()) + 1
        yield Command(page.name, line, shlex.split(match[1])[1:], inline=True)


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the lines of each code block, fenced or indented."""
    place = 0
    while place < len(lines):
        begin = place
        if lines[place].startswith("```"):
            place += 1
            while place < len(lines) and not lines[place].startswith("```"):
                place += 1
            yield begin + 2, lines[begin + 1 : place]
        elif lines[place].startswith("    ") and (place == 0 or not lines[place - 1].strip()):
            while place < len(lines) and (lines[place].startswith("    ") or not lines[place].strip()):
                place += 1
            yield begin + 1, [line[4:] for line in lines[begin:place]]
            continue
        place += 1


def _in_block(page: str, start: int, lines: list[str]) -> Iterator[Command]:
    found: Command | None = None
    place = 0
    while place < len(lines):
        number, text = start + place, lines[place]
        while text.endswith("\\"):
            place += 1
            text = text[:-1] + lines[place].strip()
        match = _COMMAND.fullmatch(_COMMENT.sub("", text.strip()))
        if match:
            if found is not None:
                yield found
            found = Command(page, number, _words(match[1]))
        elif found is not None and "- run: " not in lines[found.line - start] and text.strip():
            found.output.append(text)
        place += 1
    if found is not None:
        yield found


def _words(text: str) -> list[str]:
    """Split a command; take it out of ``eval "$(…)"``, and its brackets around what is optional off."""
    text = text.removeprefix('eval "$(').removesuffix(')"')
    text = re.sub(r" \[(-[^]]+)\]", r" \1", text)
    words = shlex.split(text)
    return words[words.index("lm_eval") + 1 :]


def skeleton(text: str) -> list[str]:
    """Split an output into words that do not depend on numbers, on the width of the terminal or on cuts."""
    words = re.split(r"[\s|…]+", _NUMBER.sub("0", text))
    return [word for word in words if word and not re.fullmatch(r"[-=:]+", word)]


def missing(documented: list[str], printed: list[str]) -> list[str]:
    """Return the first words of the documented output that the printed output does not have in this order."""
    place = 0
    for number, word in enumerate(documented):
        try:
            place = printed.index(word, place) + 1
        except ValueError:
            return documented[max(0, number - 3) : number + 5]
    return []
