"""What is said of a run before its scores: what was asked, what it took, what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval.config.redact import redact
from lm_eval.reports.html.choices import finite
from lm_eval.reports.html.packing import to_text
from lm_eval.reports.table import refusals
from lm_eval.results import Run

__all__ = ["overview"]

_OUTCOMES = {
    "length": "cut at the token limit",
    "empty": "empty",
    "refusal": "refused by the model",
    "filtered": "stopped by a content filter",
    "reasoning_only": "reasoning without an answer",
}
_APART = {"model_info", "model_args"}
_ENVIRONMENT = ("lm_eval_version", "git_hash", "transformers_version", "pretty_env_info")


def overview(run: Run) -> dict[str, Any]:
    """Gather what stands at the top of the page and under its settings.

    Args:
        run: The run.

    Returns:
        ``model``, ``facts`` (short texts), ``figures`` (name to number), ``warnings``, ``settings`` (sections of
        names and values) and ``configs`` (task name to its config as text); secrets are masked.
    """
    results = run.results
    return {
        "model": run.model_name or "model",
        "file": run.path.name,
        "facts": list(_facts(run)),
        "figures": _figures(run),
        "warnings": list(_warnings(results)),
        "settings": list(_settings(results)),
        "configs": [[name, to_text(redact(config))] for name, config in (results.get("configs") or {}).items()],
    }


def _info(results: Mapping[str, Any]) -> Mapping[str, Any]:
    return (results.get("config") or {}).get("model_info") or {}


def _facts(run: Run) -> Iterator[list[str]]:
    """Name what identifies a run, most telling first."""
    results = run.results
    config, info = results.get("config") or {}, _info(results)
    arguments = config.get("model_args")
    named = arguments.get("base_url") if isinstance(arguments, Mapping) else None
    urls = info.get("endpoints") or ([named] if named else [])
    server = (info.get("capabilities") or {}).get("server")
    if server:
        yield ["server", str(server)]
    for url in urls:
        yield ["endpoint", str(redact(f"{url}{info.get('path') or ''}"))]
    if info.get("profile"):
        yield ["profile", to_text(info["profile"])]
    if info.get("scoring"):
        yield ["scoring", str(info["scoring"])]
    if run.date is not None:
        yield ["date", run.date.strftime("%Y-%m-%d %H:%M UTC")]
    for name, value in (("few-shot", config.get("num_fewshot")), ("limit", config.get("limit"))):
        if value is not None:
            yield [name, f"{value:g}" if isinstance(value, float) else str(value)]
    if config.get("gen_kwargs"):
        yield ["gen_kwargs", _line(redact(config["gen_kwargs"]))]
    if results.get("chat_template"):
        yield ["chat template", "yes"]
    if results.get("lm_eval_version"):
        yield ["lm_eval", str(results["lm_eval_version"])]


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_line(entry)}" for key, entry in value.items())
    return value if isinstance(value, str) else to_text(value)


_SPENT = (
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


def _figures(run: Run) -> dict[str, float | int]:
    counts = (run.results.get("n-samples") or {}).values()
    spent = _info(run.results).get("run") or {}
    figures: dict[str, Any] = {
        **{name: spent.get(name) for name in _SPENT},
        "tasks": len(run.tasks),
        "docs": sum(count.get("effective") or 0 for count in counts),
        "lost": (run.results.get("errors") or {}).get("lost"),
        "seconds": run.results.get("total_evaluation_time_seconds"),
    }
    return {name: number for name, value in figures.items() if (number := finite(value)) is not None}


def _warnings(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Say what the numbers do not; ``tasks`` are those concerned, ``show`` the filter that lists their samples."""
    rows = results["results"]
    tasks = results.get("configs") or {}
    lost = {name: row["n_errors"] for name, row in rows.items() if name in tasks and row.get("n_errors")}
    if lost:
        kinds: dict[str, int] = {}
        for name in lost:
            for kind, count in (rows[name].get("errors") or {}).items():
                kinds[str(kind)] = kinds.get(str(kind), 0) + count
        why = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
        text = f"{_count(sum(lost.values()), 'doc')} lost ({why}); scores are over the others."
        yield {"level": "error", "text": text, "tasks": _tasks(lost), "show": "error"}
    for name, row in rows.items():
        for key, reason in (row.get("failed") or {}).items():
            yield {"level": "error", "text": f"{name}: {key} could not be computed: {reason}"}
    for line in refusals(results.get("refused") or {}):
        yield {"level": "error", "text": line}
    for kind, said in _OUTCOMES.items():
        found = {name: row["outcomes"][kind] for name, row in rows.items() if (row.get("outcomes") or {}).get(kind)}
        if found:
            text = f"{_count(sum(found.values()), 'answer')} {said}."
            yield {"level": "note", "text": text, "tasks": _tasks(found), "show": "odd"}
    limit = (results.get("config") or {}).get("limit")
    if limit is not None:
        which = f"{limit:.3g} of the docs" if 0 < limit < 1 else f"the first {_count(int(limit), 'doc')}"
        yield {"level": "note", "text": f"Only {which} of each task: for trying out, not for reporting."}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _tasks(counts: Mapping[str, int]) -> list[list[Any]]:
    return sorted(([name, count] for name, count in counts.items()), key=lambda entry: -entry[1])


def _settings(results: Mapping[str, Any]) -> Iterator[list[Any]]:
    config, info = results.get("config") or {}, _info(results)
    run = {name: value for name, value in config.items() if name not in _APART}
    for name in ("system_instruction", "chat_template", "fewshot_as_multiturn"):
        run[name] = results.get(name)
    arguments = config.get("model_args")
    sections: list[tuple[str, Any]] = [
        ("Run", run),
        ("Model arguments", arguments if isinstance(arguments, Mapping) else {"model_args": arguments}),
        ("Endpoint", {k: v for k, v in info.items() if k not in ("run", "capabilities")}),
        ("What the server can do", info.get("capabilities") or {}),
        ("What the run took", info.get("run") or {}),
        ("Environment", {name: results.get(name) for name in _ENVIRONMENT}),
    ]
    for title, values in sections:
        shown = [[str(name), to_text(value)] for name, value in redact(values).items() if value is not None]
        if shown:
            yield [title, shown]
