"""The lines that say who judged the answers of a task, how many, and how far the verdicts can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lm_eval.results import Results
from lm_eval.results.json_values import as_count, as_list, as_mapping, as_number
from lm_eval.text import count_of, first_names, visible

__all__ = ["JudgeLine", "judge_lines"]

_SHA_DIGITS = 8


@dataclass(frozen=True, slots=True)
class JudgeLine:
    """A line about the judge of a task.

    Attributes:
        text: The line.
        warns: Whether the line tells of something that makes the score less certain.
    """

    text: str
    warns: bool = False


def judge_lines(run: Results) -> Iterator[JudgeLine]:
    """Say of each judged task who judged it, what has no verdict, and how far verdicts agree.

    Args:
        run: The results of a run.

    Yields:
        The lines, task by task; tasks of which the same is to be said share a line.
    """
    tasks: dict[JudgeLine, list[str]] = {}
    for name, entry in run.section("judging").items():
        for said in _of_task(as_mapping(entry)):
            tasks.setdefault(said, []).append(name)
    for said, names in tasks.items():
        yield JudgeLine(f"{first_names(names)}: {said.text}", said.warns)


def _of_task(judged: Mapping[str, object]) -> Iterator[JudgeLine]:
    yield JudgeLine(f"{_who(judged)}.")
    if unjudged := as_count(judged.get("unjudged")):
        yield JudgeLine(f"{_unjudged(judged, unjudged)}.", warns=True)
    for reason in as_mapping(judged.get("stopped")).values():
        yield JudgeLine(visible(str(reason)), warns=True)
    if agreement := list(_agreement(judged)):
        yield JudgeLine(f"{'; '.join(agreement)}.")
    if pairs := as_count(judged.get("pairs")):
        yield JudgeLine(f"{_flips(judged, pairs)}.", warns=_is_biased(judged))
    if (of_judge := as_number(judged.get("stderr_judge"))) is not None:
        rest = as_number(judged.get("stderr_documents")) or 0.0
        yield JudgeLine(
            f"of the standard error, {of_judge:.4f} comes from differences between verdicts, {rest:.4f} from the"
            " documents (their squares add up)."
        )


def _who(judged: Mapping[str, object]) -> str:
    judges = ", ".join(visible(str(judge)) for judge in as_list(judged.get("judges"))) or "nobody"
    template, sha = judged.get("template"), str(judged.get("template_sha") or "")[:_SHA_DIGITS]
    from_file = "" if template in (None, "task") else f" of {visible(str(template))}"
    parts = [f"judged by {judges}", f"template{from_file} {sha}" if sha else ""]
    documents = as_count(judged.get("documents"))
    if documents:
        with_score = documents - as_count(judged.get("unjudged"))
        parts.append(f"{with_score:,} of {count_of(documents, 'document')}")
    if settled := as_count(judged.get("settled")):
        parts.append(f"{count_of(settled, 'document')} settled by {judged.get('only_if')}")
    return ", ".join(part for part in parts if part)


def _unjudged(judged: Mapping[str, object], unjudged: int) -> str:
    why = [
        count_of(count, what)
        for key, what in (("unreadable", "unreadable verdict"), ("failed", "lost request"))
        if (count := as_count(judged.get(key)))
    ]
    bounds = [number for value in as_list(judged.get("bounds")) if (number := as_number(value)) is not None]
    documents = as_count(judged.get("documents"))
    text = f"{unjudged:,} of {count_of(documents, 'document')} unjudged"
    text += f" ({', '.join(why)})" if why else ""
    text += f"; with them the score would be between {bounds[0]:.4f} and {bounds[1]:.4f}" if len(bounds) == 2 else ""
    return text


def _agreement(judged: Mapping[str, object]) -> Iterator[str]:
    for key, what in (("judges", "judges agree"), ("repeats", "repeats agree")):
        found = as_mapping(as_mapping(judged.get("agreement")).get(key))
        same, alpha = as_number(found.get("same")), as_number(found.get("alpha"))
        if same is not None:
            measured = "" if alpha is None else f" (Krippendorff's alpha {alpha:.3f})"
            yield f"{what} on {same:.1%} of verdicts{measured}"


def _flips(judged: Mapping[str, object], pairs: int) -> str:
    flips, first = as_count(judged.get("flips")), as_number(judged.get("first_rate"))
    text = f"{flips:,} of {count_of(pairs, 'pair')} flipped with the order of the answers, and count as ties"
    if first is None:
        return text
    interval = _interval(judged)
    within = f" [{interval[0]:.1%}, {interval[1]:.1%}]" if interval else ""
    return f"{text}; the answer shown first was preferred in {first:.1%}{within}"


def _interval(judged: Mapping[str, object]) -> tuple[float, float] | None:
    ends = [number for value in as_list(judged.get("first_rate_interval")) if (number := as_number(value)) is not None]
    return (ends[0], ends[1]) if len(ends) == 2 else None


def _is_biased(judged: Mapping[str, object]) -> bool:
    """Whether the interval of the first answer's rate excludes 0.5."""
    interval = _interval(judged)
    return interval is not None and not interval[0] <= 0.5 <= interval[1]
