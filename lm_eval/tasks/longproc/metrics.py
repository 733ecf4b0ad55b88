"""The scores of LongProc: whether the result of a long procedure is right, and how far its steps are."""

from __future__ import annotations

import csv
import operator
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lm_eval.tasks.longproc.cpp import passes
from lm_eval.tasks.shared.neural import NotComputed

__all__ = [
    "process_results_countdown",
    "process_results_html_to_tsv",
    "process_results_path_traversal",
    "process_results_pseudo_to_code",
    "process_results_tom_tracking",
    "process_results_travel_planning",
]

Doc = Mapping[str, Any]
Scores = dict[str, float]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _scores(accuracy: float, partial: float | None = None, extracted: bool = True) -> Scores:
    return {
        "score": accuracy,
        "accuracy": accuracy,
        "partial_accuracy": accuracy if partial is None else partial,
        "extraction_rate": float(extracted),
    }


def _between_tags(text: str, tag: str) -> str | None:
    start, end = text.find(f"<{tag}>"), text.find(f"</{tag}>")
    return None if start < 0 or end < 0 else text[start + len(tag) + 2 : end].strip()


def _equal_at_start(first: Sequence[object], second: Sequence[object]) -> int:
    """Count how many entries agree before the first that does not."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(first), len(second)))


def _last_looked_at(wrong: Iterable[bool], default: int) -> int:
    """Return the place of the first step that is wrong, else that of the last step; the default without steps."""
    place = default
    for place, is_wrong in enumerate(wrong):  # noqa: B007
        if is_wrong:
            break
    return place


def process_results_path_traversal(doc: Doc, results: Sequence[str]) -> Scores:
    """Compare a route with the right one, step by step.

    Args:
        doc: The document.
        results: The answer, with its route between ``<Route>`` tags.
    """
    wanted, route = doc["reference_output"].strip(), _between_tags(results[0], "Route")
    if route is None:
        return _scores(0.0, extracted=False)
    if route == wanted:
        return _scores(1.0)
    steps = wanted.split("\n")
    right = _equal_at_start(steps, route.split("\n"))
    return _scores(0.0, (right + 1) / len(steps) if right < len(steps) else 1.0)


_FILLERS = re.compile(
    r"\b(a|an|the|on|in|at|the|step|thinks|think|believes|believe|is|are|of|location|know|knows|belief)\b"
)


def _beliefs(text: str) -> list[str]:
    """Return the lines of a list, without punctuation and filling words."""
    lines = "\n".join(line for line in text.splitlines() if line.strip().startswith("-")).strip().split("\n")
    found = []
    for line in lines:
        if line.startswith("-"):
            plain = line[1:].strip().lower().translate(_NO_PUNCTUATION).replace("\u2019", "")
            found.append(" ".join(_FILLERS.sub(" ", plain).split()))
    return [belief for belief in found if belief]


def process_results_tom_tracking(doc: Doc, results: Sequence[str]) -> Scores:
    """Compare the listed locations and beliefs with the right ones.

    Args:
        doc: The document.
        results: The answer.
    """
    ours, wanted = _beliefs(results[0]), _beliefs(doc["reference_output"])
    if ours == wanted:
        return _scores(1.0)
    return _scores(0.0, _equal_at_start(ours, wanted) / len(wanted) if wanted else 0.0)


_OPERATIONS: dict[str, Callable[[int, int], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
_WHOLE = re.compile(r"\s*[+-]?\s*(?:0+|[1-9]\d*)\s*")


def _equation(line: str) -> tuple[int, int, int] | None:
    """Read ``a + b = c``; None unless it is one and true."""
    sides = line.strip().split("=")
    sign = next((sign for sign in _OPERATIONS if sign in sides[0]), None)
    if len(sides) != 2 or sign is None:
        return None
    numbers = [*sides[0].split(sign), sides[1]]
    if len(numbers) != 3 or not all(_WHOLE.fullmatch(number) for number in numbers):
        return None
    try:
        a, b, c = map(int, numbers)
        return (a, b, c) if _OPERATIONS[sign](a, b) == c else None
    except (ValueError, ArithmeticError):
        return None


def _reaches(numbers: Sequence[int], target: int, solution: str) -> bool:
    """Whether three equations use each number once and end at the target."""
    left, lines = list(numbers), solution.split("\n")
    if len(lines) != 3:
        return False
    for line in lines:
        equation = _equation(line)
        if equation is None:
            return False
        *used, result = equation
        for number in used:
            if number not in left:
                return False
            left.remove(number)
        left.append(result)
    return left[0] == target


def _right_steps(procedure: str, reference: str) -> float:
    """Return the share of the steps of a search before the first that is wrong."""
    (first, *ours), (wanted, *theirs) = procedure.strip().split("\n"), reference.strip().split("\n")
    if first != wanted or not theirs:
        return 0.0
    wrong = (step != right and not _same_try(step, right) for step, right in zip(ours, theirs, strict=False))
    return _last_looked_at(wrong, -1) / len(theirs)


def _same_try(step: str, right: str) -> bool:
    """Whether a step tries the same equation and drops the branch alike, in other words."""
    if "Pick two numbers" in right or "|- Try" not in right:
        return False
    drops = "drop this branch"
    return step.split("=")[0] == right.split("=")[0] and (drops in step) == (drops in right)


def process_results_countdown(doc: Doc, results: Sequence[str]) -> Scores:
    """Check the equations of a solution; without a right one, compare the search.

    Args:
        doc: The document.
        results: The answer, with its equations between ``<Solution>`` tags.
    """
    heading = "# Search Procedure"
    facts, answer = doc["metadata_parsed"], results[0]
    solution = _between_tags(answer, "Solution")
    if solution is not None and _reaches(facts["nums"], facts["target"], solution):
        return _scores(1.0)
    if heading not in answer:
        return _scores(0.0, extracted=solution is not None)
    reference = doc["reference_output"].split(heading)[-1].split("Now we have found the target")[0]
    partial = _right_steps(answer.split(heading)[-1], reference)
    return _scores(0.0, partial, extracted=solution is not None)


_VISIT = re.compile(r"\d+-\d+")
_FLIGHT = re.compile(r".*Day (\d+).*from (\w+) to (\w+)")
_TOTAL = re.compile(r"European cities for (\d+) days")
_PROCEDURE = "<Solving Procedure>"


def _stays(plan: str) -> list[tuple[str, int]]:
    """Return the cities of a plan with the days in each."""
    last_day, total = None, None
    flights: list[tuple[int, str, str]] = []
    for line in plan.split("\n"):
        if days := _TOTAL.findall(line):
            total = int(days[0])
        if visits := _VISIT.findall(line):
            last_day = int(visits[0].split("-")[1])
            if last_day == total:
                break
        if flown := _FLIGHT.findall(line):
            day, start, end = flown[0]
            flights.append((int(day), start, end))
    if last_day is None or not flights:
        return []
    cities = [flights[0][1], *(end for _, _, end in flights)]
    days = [1, *(day for day, _, _ in flights), last_day]
    return [(city, days[place + 1] - days[place] + 1) for place, city in enumerate(cities)]


def _plain_line(line: str) -> str:
    return " ".join(_ARTICLES.sub(" ", line.lower().translate(_NO_PUNCTUATION)).split())


def _travel_steps(answer: str, reference: str) -> float:
    """Return the share of the steps of the right procedure before the first that is missing."""

    def lines(text: str, needs_tag: bool) -> list[str]:
        text = text.replace("Output the plan in the required format:", "")
        if needs_tag or _PROCEDURE in text:
            text = _PROCEDURE + text.split(_PROCEDURE)[1]
        return [line.rstrip() for line in text.strip().split("\n") if line.strip()]

    wanted, ours = lines(reference, True), lines(answer, False)
    wrong = (_plain_line(right) not in _plain_line(step) for step, right in zip(ours, wanted, strict=False))
    return _last_looked_at(wrong, 0) / len(wanted)


def _is_planned(plan: str, facts: Mapping[str, str]) -> bool:
    cities = [city for city in facts["ground_truth_cities"].split("**") if city]
    days = [int(number) for number in facts["ground_truth_durations"].split("**") if number]
    wanted = list(zip(cities, days, strict=False))
    return _stays(plan)[: len(wanted)] == wanted


def process_results_travel_planning(doc: Doc, results: Sequence[str]) -> Scores:
    """Check the cities and days of a plan; for a wrong plan, compare the procedure.

    Args:
        doc: The document.
        results: The answer, with its plan between ``<Plan>`` tags.
    """
    plan = _between_tags(results[0], "Plan")
    if plan is not None and _is_planned(plan, doc["metadata_parsed"]):
        return _scores(1.0)
    return _scores(0.0, _travel_steps(results[0], doc["reference_output"]), extracted=plan is not None)


def _table(text: str) -> tuple[int, list[list[str]]] | None:
    """Return the number of columns and the rows of a table, with cells in plain letters; None if it cannot be read."""
    try:
        (header, *rows) = csv.reader(text.strip().split("\n"), delimiter="\t")
    except csv.Error:
        return None
    if len(set(header)) < len(header):
        return None
    if rows and len(rows[-1]) != len(header):
        rows.pop()  # an answer that was cut
    cells = [row if len(row) == len(header) else ["N/A"] * len(header) for row in rows]
    return len(header), [[_plain_line(cell).replace(" ", "") for cell in row] for row in cells]


def process_results_html_to_tsv(doc: Doc, results: Sequence[str]) -> Scores:
    """Compare the rows of a table with the right ones.

    Args:
        doc: The document.
        results: The answer, with its table in a code block of ``tsv``.
    """
    fenced = re.search(r"```tsv([\s\S]*)```", results[0])
    text = fenced.group(1) if fenced else results[0].split("```tsv")[1] if "```tsv" in results[0] else results[0]
    found, wanted = _table(text.strip()), _table(doc["reference_output"])
    precision = recall = f1 = 0.0
    readable = bool(found and wanted and found[0] == wanted[0] and found[1] and wanted[1])
    if found and wanted and readable:
        precision = sum(row in wanted[1] for row in found[1]) / len(found[1])
        recall = sum(row in found[1] for row in wanted[1]) / len(wanted[1])
        f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
    return {"score": f1, "f1": f1, "precision": precision, "recall": recall, "extraction_rate": float(readable)}


def process_results_pseudo_to_code(doc: Doc, results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compile a C++ program and run it on the test cases.

    Args:
        doc: The document.
        results: The answer, with its program in a code block of ``cpp`` or ``c++``.
    """
    found = re.search(r"```cpp([\s\S]*)```", results[0].replace("```c++", "```cpp"))
    if found is None:
        return {**_scores(0.0, extracted=False)}
    passed = passes(found.group(1), doc["metadata_parsed"]["testcases"])
    if isinstance(passed, NotComputed):
        return {**dict.fromkeys(("score", "accuracy", "partial_accuracy"), passed), "extraction_rate": 1.0}
    return {**_scores(float(passed))}
