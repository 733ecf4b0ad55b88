r"""SCORE's mathematics: the answer in a ``\boxed{...}``, and answers in one form.

The rules were made for the answers of the MATH dataset: they take away units, marks of LaTeX and spaces, and write
fractions, roots and mixed numbers in one way.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["boxed", "normalized"]

_BOX = "\\boxed{"
_WRAPPERS = ("text", "mathrm", "mathcal", "textbf", "textit")
_POWERS = {"million": "*10^6", "billion": "*10^9", "trillion": "*10^12"}
_UNITS = ["degree", "cm", "centimeter", "meter", "mile", "second", "minute", "hour", "week", "month", "year"]
_UNITS += ["foot", "feet", "inch", "yard", "p.m.", "PM"]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def boxed(response: str) -> str | None:
    r"""Return what is in the last ``\boxed{...}`` of a text.

    Args:
        response: The text.

    Returns:
        The content; None if there is none, or its braces are not closed.
    """
    start = response.rfind("\\boxed")
    end = _closing(response, start) if start >= 0 else None
    if end is None or not response.startswith(_BOX, start):
        return None
    return response[start + len(_BOX) : end]


def _closing(text: str, start: int) -> int | None:
    """Return the place of the brace that closes the first brace from a place on."""
    depth = 0
    for place in range(start, len(text)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return place
    return None


def boxes(solution: str) -> list[str]:
    r"""Return what is in each ``\boxed{...}`` of a text that is not in another one.

    Args:
        solution: The text.
    """
    found: list[str] = []
    start = solution.find(_BOX)
    while start >= 0:
        end = _closing(solution, start)
        if end is None:
            break
        found.append(solution[start + len(_BOX) : end])
        start = solution.find(_BOX, end)
    return found


def normalized(answer: str) -> str:
    """Write an answer in the form in which answers are compared.

    Args:
        answer: The answer.
    """
    for rule in _RULES:
        answer = rule(answer)
    return answer


def _words_between(answer: str) -> str:
    answer = answer.replace("\\left", "").replace("\\right", "")
    return re.sub(r",\s*,", ",", re.sub(r"\s*\\text{\s*(?:or|and)\s*}\s*", ",", answer))


def _unit_at_the_end(answer: str) -> str:
    parts = re.split(r"\\text\s*{\s*", answer)
    if len(parts) == 2 and parts[0] not in ("", "("):
        return parts[0]
    if "\\text{" in answer:
        return re.sub(r"\\text{([^}]+)}", r"\1", answer)
    return answer.partition("\\mbox{")[0]


def _set_of(answer: str) -> str:
    r"""Keep what follows the first ``\in``."""
    return answer.split("\\in ")[1].strip() if "\\in " in answer else answer


def _unwrapped(answer: str) -> str:
    for name in _WRAPPERS:
        answer = answer.replace(f"\\\\{name}", "")
        if match := re.search(rf"^\\{name}\{{(.+?)\}}$", answer):
            answer = match.group(1)
    return answer


def _without_signs(answer: str) -> str:
    for sign, instead in (("\\!", ""), ("\\%", "%"), ("\\$", "$"), ("$", ""), ("%", ""), ("^{\\circ}", "")):
        answer = answer.replace(sign, instead)
    for word in (" or ", " and "):
        answer = answer.replace(word, " , ")
    for word, power in _POWERS.items():
        answer = answer.replace(word, power)
    return answer


def _without_units(answer: str) -> str:
    for unit in _UNITS:
        answer = re.sub(rf"{unit}(es)?(s)? *(\^[0-9]+)?", "", answer)
    if not any(day in answer for day in _WEEKDAYS):
        answer = re.sub("days?", "", answer)
    answer = re.sub(r"\^ *\\circ", "", answer)
    return answer[1:-1] if answer[:1] == "{" and answer[-1:] == "}" else answer


def _braced_roots(answer: str) -> str:
    return re.sub(r"\\sqrt(\s*\w+)", r"\\sqrt{\1}", answer)


def _braced_fractions(answer: str) -> str:
    r"""Put the two signs after ``\frac`` in braces: ``\frac12`` is ``\frac{1}{2}``."""
    answer = re.sub(r"\\frac +", r"\\frac", answer)
    head, *fractions = answer.split("\\frac")
    made = [head]
    for fraction in fractions:
        if fraction[:1] == "{":
            made.append(fraction)
            continue
        if len(fraction) < 2:
            return answer
        over, under, rest = fraction[0], fraction[1], fraction[2:]
        made.append(f"{{{over}}}{under}{rest}" if under == "{" else f"{{{over}}}{{{under}}}{rest}")
    return "\\frac".join(made)


def _sums_for_mixed_numbers(answer: str) -> str:
    answer = re.sub("- *", "-", answer)
    answer = re.sub("([0-9]) +([0-9])", r"\1+\2", answer)
    return re.sub(r"(\d+) *\\frac{(\d+)}{(\d+)}", r"\1 + \2/\3", answer).replace(" ", "")


def _whole_number(answer: str) -> str:
    digits, before = answer, None
    while digits != before:
        before, digits = digits, re.sub(r"(\d),(\d\d\d)($|\D)", r"\1\2\3", digits)
    try:
        number = float(digits)
        if abs(number - round(number)) <= 1e-7:
            # An underscore is followed by the base of the number.
            return str(int(float(answer.replace(",", "").partition("_")[0])))
    except (ValueError, OverflowError):
        pass
    return answer


_RULES: tuple[Callable[[str], str], ...] = (
    _words_between,
    _unit_at_the_end,
    _set_of,
    _unwrapped,
    _without_signs,
    _without_units,
    _braced_roots,
    _braced_fractions,
    _sums_for_mixed_numbers,
    _whole_number,
)
