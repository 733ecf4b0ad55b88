"""Describe a run for the head of the page: what was asked, what it cost, and what readers must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TypedDict

from lm_eval.api.result_keys import OUTCOME_WORDS
from lm_eval.config.redact import redact
from lm_eval.reports.html.packing import finite, to_text
from lm_eval.reports.judges import judge_lines
from lm_eval.results import Run, Speed
from lm_eval.results.json_values import as_count, as_list, as_mapping, at
from lm_eval.results.messages import messages_of
from lm_eval.text import count_of, not_run

__all__ = ["Notice", "Overview", "overview"]

_NOT_SETTINGS = {"model_info", "model_args"}
_ENVIRONMENT = ("lm_eval_version", "git_hash", "transformers_version", "pretty_env_info")
_USAGE = (
    "requests",
    "cached_answers",
    "retries",
    "failed_calls",
    "prompt_tokens",
    "completion_tokens",
    "cached_prompt_tokens",
    "reasoning_tokens",
    "cost",
)


class Notice(TypedDict, total=False):
    """Something that readers of the scores must know.

    Attributes:
        level: ``error``, ``note``, or ``fact`` for what is no fault.
        text: What they must know.
        tasks: The tasks concerned with the number of samples of each.
        show: The filter of the list that shows these samples.
    """

    level: str
    text: str
    tasks: list[tuple[str, int]]
    show: str


class Overview(TypedDict):
    """What the page says about a run besides its scores and samples.

    Attributes:
        model: The model's name.
        file: The name of the results file.
        facts: What identifies the run: names and short texts.
        figures: Name to number: documents, tokens, time and more.
        warnings: What readers must know.
        outcomes: Outcome of a response to the words for it.
        settings: Titles of sections, each with names and values.
        configs: Each task's name with its config as text.
    """

    model: str
    file: str
    facts: list[tuple[str, str]]
    figures: dict[str, float | int]
    warnings: list[Notice]
    outcomes: Mapping[str, str]
    settings: list[tuple[str, list[tuple[str, str]]]]
    configs: list[tuple[str, str]]


def overview(run: Run) -> Overview:
    """Describe a run.

    Args:
        run: The run.

    Returns:
        The description; secrets are masked.
    """
    return {
        "model": run.model_name or "model",
        "file": run.path.name,
        "facts": list(_facts(run)),
        "figures": _figures(run),
        "warnings": list(_warnings(run)),
        "outcomes": OUTCOME_WORDS,
        "settings": list(_settings(run)),
        "configs": [(name, to_text(redact(config))) for name, config in run.section("configs").items()],
    }


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    """List what identifies a run, the most important facts first."""
    config, info = run.config, run.model_info
    if server := at(info, "capabilities", "server"):
        yield "server", str(server)
    for url in as_list(info.get("endpoints")) or filter(None, [at(config, "model_args", "base_url")]):
        yield "endpoint", str(redact(f"{url}{info.get('path') or ''}"))
    for name in ("profile", "scoring", "bos"):
        if info.get(name):
            yield name, to_text(info[name])
    if run.date is not None:
        yield "date", run.date.strftime("%Y-%m-%d %H:%M UTC")
    for name, value in (("few-shot", config.get("num_fewshot")), ("limit", config.get("limit"))):
        if value is not None:
            yield name, f"{value:g}" if isinstance(value, float) else str(value)
    if config.get("gen_kwargs"):
        yield "gen_kwargs", _line(redact(config["gen_kwargs"]))
    if run.at("chat_template"):
        yield "chat template", "yes"
    if run.at("lm_eval_version"):
        yield "lm_eval", str(run.at("lm_eval_version"))


def _line(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_line(entry)}" for key, entry in value.items())
    return to_text(value)


def _figures(run: Run) -> dict[str, float | int]:
    figures: dict[str, object] = {
        **{name: run.usage.get(name) for name in _USAGE},
        "tasks": len(run.tasks),
        "docs": sum(as_count(at(count, "effective")) for count in run.section("n-samples").values()),
        "lost": run.at("errors", "lost"),
        "seconds": run.at("total_evaluation_time_seconds"),
        **_times(run.speed),
    }
    return {name: number for name, value in figures.items() if (number := finite(value)) is not None}


def _times(speed: Speed) -> dict[str, float | None]:
    spreads = {
        "latency": speed.latency,
        "first_token": speed.first_token,
        "tokens_per_second": speed.tokens_per_second,
    }
    found = {name: spread for name, spread in spreads.items() if spread is not None}
    return {f"{name}_{part}": getattr(spread, part) for name, spread in found.items() for part in ("p50", "p95")}


def _warnings(run: Run) -> Iterator[Notice]:
    """List what the scores alone do not show."""
    members, tasks = run.members, run.section("configs")
    lost = {name: member.lost for name, member in members.items() if name in tasks and member.lost}
    if lost:
        kinds: dict[str, int] = {}
        for name in lost:
            for kind, count in members[name].errors.items():
                kinds[kind] = kinds.get(kind, 0) + count
        why = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
        text = f"{count_of(sum(lost.values()), 'document')} lost ({why}); scores are over the others."
        yield {"level": "error", "text": text, "tasks": _largest_first(lost), "show": "error"}
        for line in messages_of(members[name].messages for name in lost):
            yield {"level": "error", "text": line}
    for name, member in members.items():
        for key, missing in member.missing.items():
            over = f"{(member.n or 0) - missing:,} of {member.n or 0:,} docs"
            yield {"level": "error", "text": f"{name}: {key} is over {over}; {missing:,} have no value."}
        for note in member.notes:
            yield {"level": "error", "text": f"{name}: {note}."}
        for key, reason in member.not_computed.items():
            yield {"level": "error", "text": f"{name}: {key} is not computed: {reason}"}
        for key, reason in member.failed.items():
            yield {"level": "error", "text": f"{name}: {key} could not be computed: {reason}"}
    for line in not_run(run.refused):
        yield {"level": "error", "text": line}
    for kind, words in OUTCOME_WORDS.items():
        found = {name: member.outcomes[kind] for name, member in members.items() if member.outcomes.get(kind)}
        if found:
            text = f"{count_of(sum(found.values()), 'answer')} {words}."
            yield {"level": "note", "text": text, "tasks": _largest_first(found), "show": "odd"}
    for said in judge_lines(run):
        yield {"level": "note" if said.warns else "fact", "text": said.text}
    cut = run.section("config", "model_info", "run").get("cut_prompts")
    if isinstance(cut, str):
        yield {"level": "error", "text": cut}
    limit = run.config.get("limit")
    if isinstance(limit, int | float):
        which = f"{limit:.3g} of the documents" if 0 < limit < 1 else f"the first {count_of(int(limit), 'document')}"
        yield {"level": "note", "text": f"Only {which} of each task: for trying out, not for reporting."}


def _largest_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: -entry[1])


def _settings(run: Run) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    info, arguments = run.model_info, run.config.get("model_args")
    settings = {name: value for name, value in run.config.items() if name not in _NOT_SETTINGS}
    for name in ("system_instruction", "chat_template", "fewshot_as_multiturn"):
        settings[name] = run.at(name)
    speeds = {item.name for item in fields(Speed)}
    sections: list[tuple[str, object]] = [
        ("Run", settings),
        ("Model arguments", arguments if isinstance(arguments, Mapping) else {"model_args": arguments}),
        ("Endpoint", {name: value for name, value in info.items() if name not in ("run", "capabilities")}),
        ("What the server can do", info.get("capabilities")),
        ("What the run took", {name: value for name, value in run.usage.items() if name not in speeds}),
        ("Speed of the requests", _speeds(run)),
        ("Environment", {name: run.at(name) for name in _ENVIRONMENT}),
    ]
    for title, values in sections:
        shown = redact(as_mapping(values)).items()
        if rows := [(str(name), to_text(value)) for name, value in shown if value is not None]:
            yield title, rows


def _speeds(run: Run) -> dict[str, str]:
    """Say how long the requests of the run and of each task took."""
    speeds = {"all": run.speed, **{task: run.speed_of(task) for task in run.tasks}}
    return {name: ", ".join(speed.words()) for name, speed in speeds.items() if speed}
