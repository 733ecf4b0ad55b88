"""Compare several runs at once: Bradley-Terry strengths and win rates from the documents that all of them answered."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Literal

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.columns import WIDTH, columns
from lm_eval.reports.markdown import markdown_table
from lm_eval.results import Run, Sample
from lm_eval.results.atomic import to_json
from lm_eval.results.json_values import as_mapping
from lm_eval.statistics.bradley_terry import Comparison, Strength, bradley_terry
from lm_eval.statistics.intervals import Interval
from lm_eval.statistics.pairwise import WinRate, win_rate
from lm_eval.text import first_names, visible
from lm_eval.utils import pattern_match

__all__ = ["Standing", "Strengths", "render_strengths", "strengths"]

BASELINE = "(baseline)"
"""The name of the answers that a pairwise judge compared with."""
_TITLES = ["", "n", "score", "wins", "ties", "losses", "win rate", "95 % interval", "strength", "rate", "95 % interval"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One model under one metric of a task.

    Attributes:
        model: The name of the model, or of its run where models have the same name.
        score: The mean value over the documents in common; None of a baseline.
        win_rate: Against all other models, or against the baseline of a pairwise judge. None of a baseline.
        strength: Its Bradley-Terry strength; None if the comparisons determine none.
    """

    model: str
    score: float | None
    win_rate: WinRate | None
    strength: Strength | None


@dataclass(frozen=True, slots=True)
class Strengths:
    """All models under one metric of a task.

    Attributes:
        task: The task.
        metric: The metric.
        filter: The filter pipeline.
        documents: Number of documents that all runs have a value of.
        against_baseline: Whether a judge compared each answer with a baseline; else models are compared by values.
        standings: The models, the strongest first.
        reason: Why there are no strengths; None if there are.
    """

    task: str
    metric: str
    filter: str
    documents: int
    against_baseline: bool
    standings: tuple[Standing, ...]
    reason: str | None = None


def strengths(runs: Sequence[Run], *, tasks: Sequence[str] = (), metrics: Sequence[str] = ()) -> list[Strengths]:
    """Compare several runs by the values of the documents that all of them answered.

    On each document, the run with the better value wins against each other run; equal values are ties. Where a judge
    compared answers with a baseline, each run plays against the baseline instead.

    Args:
        runs: The runs, at least two.
        tasks: Names or patterns of tasks; none means all.
        metrics: Names or patterns of metrics, also as ``metric,filter``; none means all.

    Returns:
        One entry per task, metric and filter that all runs have with values of documents.

    Raises:
        ConfigError: A run is given twice, or the runs have no such values in common.
        UnknownNameError: A task or metric is in none of the runs.
    """
    paths = [run.path.resolve() for run in runs]
    if len(set(paths)) < len(paths):
        raise ConfigError(f"The same results file is given twice: {next(p for p in paths if paths.count(p) > 1)}.")
    names = _names(runs)
    known = list(dict.fromkeys(task for run in runs for task in run.tasks))
    found: list[Strengths] = []
    for task in _chosen("task of these runs", tasks, known):
        if all(task in run.sample_files for run in runs):
            found += _of_task(task, dict(zip(names, runs, strict=True)))
    keys = [name for entry in found for name in (entry.metric, f"{entry.metric},{entry.filter}")]
    wanted = set(_chosen("metric of these runs", metrics, list(dict.fromkeys(keys))))
    kept = [entry for entry in found if wanted & {entry.metric, f"{entry.metric},{entry.filter}"}]
    if not kept:
        raise ConfigError(f"The runs have no values of documents in common: {first_names(known)}; use --log_samples.")
    return kept


def _names(runs: Sequence[Run]) -> list[str]:
    """Name each run by its model, and by its folder where models have the same name."""
    models = [run.model_name or "model" for run in runs]
    folders = [f"{model} ({run.path.parent.parent.name})" for model, run in zip(models, runs, strict=True)]
    names = [each if models.count(each) == 1 else folder for each, folder in zip(models, folders, strict=True)]
    return [name if names.count(name) == 1 else f"{name} {place + 1}" for place, name in enumerate(names)]


def _chosen(what: str, patterns: Sequence[str], known: Sequence[str]) -> list[str]:
    if not patterns:
        return list(known)
    for pattern in patterns:
        if not pattern_match(pattern, known):
            raise UnknownNameError(what, pattern, known)
    return [name for name in known if any(pattern_match(pattern, [name]) for pattern in patterns)]


def _of_task(task: str, runs: Mapping[str, Run]) -> Iterator[Strengths]:
    samples = {name: list(run.read(task)) for name, run in runs.items()}
    first = next(iter(runs.values()))
    every = [sample for each in samples.values() for sample in each]
    keys = dict.fromkeys((metric, sample.filter) for sample in every for metric in sample.metrics)
    for metric, pipeline in keys:
        values = {name: _values(each, metric, pipeline) for name, each in samples.items()}
        common = set.intersection(*(set(each) for each in values.values()))
        if common:
            documents = [document for document in next(iter(values.values())) if document in common]
            paired = _is_outcome([sample for sample in every if sample.filter == pipeline], metric)
            lower = first.members[task].higher_is_better.get(metric) is False
            scores = {name: [each[document] for document in documents] for name, each in values.items()}
            yield _of_metric(task, metric, pipeline, scores, against_baseline=paired, lower=lower)


def _values(samples: Sequence[Sample], metric: str, pipeline: str) -> dict[tuple[object, object], float]:
    """Map each document, by its id and content, to its value."""
    return {
        (sample.doc_id, sample.doc_hash): value
        for sample in samples
        if sample.filter == pipeline and (value := sample.number(metric)) is not None
    }


def _is_outcome(samples: Sequence[Sample], metric: str) -> bool:
    """Whether the values of a metric are the outcomes of a judge's comparisons with a baseline."""
    judged = [(as_mapping(sample.line.get("judge")), sample.number(metric)) for sample in samples]
    known = [(judge, value) for judge, value in judged if judge.get("status") == "judged" and value is not None]
    return bool(known) and all(judge.get("pairs") and judge.get("score") == value for judge, value in known)


def _of_metric(
    task: str,
    metric: str,
    pipeline: str,
    scores: Mapping[str, Sequence[float]],
    *,
    against_baseline: bool,
    lower: bool,
) -> Strengths:
    documents = len(next(iter(scores.values())))
    games = list(_against_baseline(scores) if against_baseline else _against_each_other(scores, lower))
    reason, found = None, dict[str, Strength]()
    try:
        found = dict(bradley_terry(games))
    except ValueError as error:
        reason = str(error)
    outcomes: dict[str, list[float]] = {name: [] for name in scores}
    for game in games:
        outcomes[game.one].append(game.outcome)
        if game.other in outcomes:
            outcomes[game.other].append(1 - game.outcome)
    standings = [
        Standing(name, sum(values) / documents, _rate(outcomes[name], documents), found.get(name))
        for name, values in scores.items()
    ]
    if BASELINE in found:
        standings.append(Standing(BASELINE, None, None, found[BASELINE]))
    standings.sort(key=lambda each: (-(each.strength.log_odds if each.strength else 0), each.model))
    return Strengths(task, metric, pipeline, documents, against_baseline, tuple(standings), reason)


def _rate(outcomes: Sequence[float], documents: int) -> WinRate | None:
    """Return a win rate over documents: the outcomes against several models on one document are averaged."""
    rate = win_rate(outcomes)
    if rate is None or len(outcomes) == documents:
        return rate
    others = len(outcomes) // documents
    by_document = win_rate([sum(outcomes[place::documents]) / others for place in range(documents)])
    return by_document and WinRate(
        by_document.rate, rate.wins, rate.ties, rate.losses, by_document.stderr, by_document.interval
    )


def _against_baseline(scores: Mapping[str, Sequence[float]]) -> Iterator[Comparison]:
    for name, values in scores.items():
        for place, value in enumerate(values):
            yield Comparison(name, BASELINE, value, place)


def _against_each_other(scores: Mapping[str, Sequence[float]], lower: bool) -> Iterator[Comparison]:
    for one, other in combinations(scores, 2):
        for place, (a, b) in enumerate(zip(scores[one], scores[other], strict=True)):
            better = a < b if lower else a > b
            yield Comparison(one, other, 0.5 if a == b else float(better), place)


def render_strengths(found: Sequence[Strengths], form: Literal["text", "markdown", "json"] = "text") -> str:
    """Format the strengths of several runs.

    Args:
        found: The strengths.
        form: The output format; JSON holds everything.

    Returns:
        The text; it ends with a line break.
    """
    if form == "json":
        return to_json([asdict(each) for each in found], indent=2) + "\n"
    parts = []
    for each in found:
        rows = [_cells(standing, each.documents) for standing in each.standings]
        title = f"{visible(each.task)} {visible(each.metric)},{visible(each.filter)}"
        if form == "markdown":
            parts.append(f"### {title}\n\n{markdown_table(_TITLES, rows, right=_TITLES[1:], width=None)}")
        else:
            lines = columns([_TITLES, *rows], right=range(1, len(_TITLES)), narrow=[0], width=WIDTH)
            parts.append("\n".join([title, *lines]))
        if each.reason:
            parts[-1] += f"\n{'' if form == 'text' else chr(10)}! No strengths: {visible(each.reason)}."
    legend = (
        "win rate: against the other runs on the same documents, or against the baseline of a pairwise judge; ties are"
        " half. strength: log odds of Bradley-Terry, 0 is the mean; rate: the win rate that it predicts against a model"
        " of mean strength. Documents are clusters."
    )
    if form == "text":
        legend = textwrap.fill(legend, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n\n".join([*parts, legend]) + "\n"


def _cells(standing: Standing, documents: int) -> list[str]:
    rate, strength = standing.win_rate, standing.strength
    score = "-" if standing.score is None else f"{standing.score:.4f}"
    counts = ["-"] * 5 if rate is None else [str(rate.wins), str(rate.ties), str(rate.losses), f"{rate.rate:.3f}"]
    if rate is not None:
        counts.append(_ends(rate.interval))
    fit = ["-"] * 3
    if strength is not None:
        fit = [f"{strength.log_odds:+.3f}", f"{strength.rate:.3f}", _ends(strength.interval)]
    return [standing.model, str(documents), score, *counts, *fit]


def _ends(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
