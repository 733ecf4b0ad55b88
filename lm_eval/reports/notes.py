"""The lines below a table that say what its scores do not show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lm_eval.api.result_keys import OUTCOME_WORDS
from lm_eval.results import Member
from lm_eval.text import count_of

__all__ = ["MAX_LINES", "notes_of"]

MAX_LINES = 8
"""Number of tasks that have a line of one kind each; more of them share one line."""
_COUNTED = re.compile(r"(\d[\d,]*) of (\d[\d,]*) ((?:answers|prompts) .*)")


def notes_of(members: Sequence[Member]) -> list[str]:
    """Say what scores do not show: lost documents, unusual answers, scores that could not be computed.

    Args:
        members: The rows of a table.

    Returns:
        The lines, in the order of the members. Where more than eight tasks count answers or prompts in the same way,
        one line at the end has the sums.
    """
    unusual = [member.outcomes for member in members if member.outcomes]
    counted: dict[str, list[tuple[int, int]]] = {}
    for member in members:
        for note in member.notes:
            if found := _COUNTED.fullmatch(note):
                counted.setdefault(found[3], []).append((_count(found[1]), _count(found[2])))
    shared = {what: counts for what, counts in counted.items() if len(counts) > MAX_LINES}
    together = len(unusual) > MAX_LINES
    lines = [line for member in members for line in _of_one(member, shared, outcomes=not together)]
    if together:
        total: Counter[str] = Counter()
        for outcomes in unusual:
            total.update(outcomes)
        lines.append(f"! {len(unusual)} tasks: of their answers, {_outcomes(total)}.")
    for what, counts in shared.items():
        some, all_of_them = (sum(column) for column in zip(*counts, strict=True))
        lines.append(f"! {len(counts)} tasks: {some:,} of {all_of_them:,} {what}.")
    return lines


def _count(written: str) -> int:
    return int(written.replace(",", ""))


def _outcomes(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {OUTCOME_WORDS.get(kind, kind)}" for kind, count in sorted(counts.items()))


def _of_one(member: Member, shared: Iterable[str], *, outcomes: bool) -> Iterator[str]:
    if member.lost:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(member.errors.items()))
        lost = f"{count_of(member.lost, 'document')} lost ({kinds})"
        yield f"! {member.name}: {lost}; scores are over the {member.n or 0} answered."
    if member.outcomes and outcomes:
        yield f"! {member.name}: of its answers, {_outcomes(Counter(member.outcomes))}."
    for key, count in member.missing.items():
        scored = (member.n or 0) - count
        yield f"! {member.name}: {key} is over {scored} of {member.n or 0} docs; {count} have no value."
    for note in member.notes:
        found = _COUNTED.fullmatch(note)
        if found is None or found[3] not in shared:
            yield f"! {member.name}: {note}."
    for key, reason in member.not_computed.items():
        yield f"! {member.name}: {key} is not computed: {reason}"
    for key, reason in member.failed.items():
        yield f"! {member.name}: {key} could not be computed: {reason}"
