"""What lists and tables of many runs need of each run, so that its results file is read once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lm_eval.config.pairs import read_pairs
from lm_eval.config.redact import redact, shown_url
from lm_eval.errors import UserError
from lm_eval.results import Run, Score
from lm_eval.results.json_values import as_list, as_mapping, as_number, at
from lm_eval.text import sha256, shorten

__all__ = ["RunSummary", "TaskFacts", "summarise"]

_SETTINGS = (
    "num_fewshot",
    "limit",
    "samples",
    "apply_chat_template",
    "fewshot_as_multiturn",
    "system_instruction",
    "predict_only",
)
"""Settings of a run that decide what is asked."""
_SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
_NOT_ABOUT_ANSWERS = frozenset(
    {
        *("model", "pretrained", "base_url", "header", "auth_token", "verify_certificate", "ca_cert_path"),
        *("client_cert", "client_key", "num_concurrent", "max_retries", "retry_time", "batch_size", "timeout"),
        *("connect_timeout", "requests_per_minute", "tokens_per_minute", "price_in", "price_out", "max_cost"),
        *("max_tokens_total", "max_time", "stream", "trust_remote_code", "device", "max_media_mb"),
    }
)
"""Model arguments that change neither prompts nor answers, or are shown elsewhere."""
_MAX_SETTING = 80


@dataclass(frozen=True)
class TaskFacts:
    """A task or group of a run.

    Attributes:
        alias: The name shown in tables.
        shots: Number of few-shot examples; None when the results do not say.
        n: Number of documents scored; None when the results do not say.
        lost: Number of documents lost to errors.
        version: The version of the task file, as text; empty when the results do not say.
    """

    alias: str
    shots: int | None
    n: int | None
    lost: int
    version: str


@dataclass(frozen=True)
class RunSummary:
    """A run without its configs and samples.

    Attributes:
        key: Identifies the run in addresses: a hash of its path below the folder, so that a link lasts.
        path: The results file, relative to the folder, with ``/``.
        model: The model's name.
        date: When the run started, in seconds since 1970; None when the results do not say.
        seconds: How long the run took; None when the results do not say.
        settings: Name to text of every setting that decides what is asked and how it is answered.
        lost: Number of documents lost to errors.
        cost: What the run cost, at the prices given; None without prices.
        tokens: Number of prompt and completion tokens; None when the results do not say.
        requests: Number of requests; None when the results do not say.
        version: The version of the harness.
        endpoints: Host and port of each endpoint; empty when the results do not say.
        groups: Group to the names directly in it.
        tasks: Name of a task or group to its facts, in the order of the results.
        scores: All scores, in the order of the results.
        speed: How long the requests took, in short phrases; empty when the results do not say.
    """

    key: str
    path: str
    model: str
    date: float | None
    seconds: float | None
    settings: Mapping[str, str]
    lost: int
    cost: float | None
    tokens: int | None
    requests: int | None
    version: str
    endpoints: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    tasks: Mapping[str, TaskFacts] = field(repr=False)
    scores: tuple[Score, ...] = field(repr=False)
    speed: tuple[str, ...] = ()

    @property
    def leaves(self) -> list[str]:
        """The tasks, without groups."""
        return [name for name in self.tasks if name not in self.groups]

    def to_json(self) -> str:
        """Write the summary for the index."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RunSummary:
        """Read what ``to_json`` wrote.

        Args:
            text: The JSON.

        Returns:
            The summary.
        """
        given: dict[str, Any] = json.loads(text)
        given["endpoints"] = tuple(given["endpoints"])
        given["tasks"] = {name: TaskFacts(**facts) for name, facts in given["tasks"].items()}
        given["groups"] = {name: tuple(children) for name, children in given["groups"].items()}
        given["scores"] = tuple(Score(**{**score, **_pairs(score)}) for score in given["scores"])
        given["speed"] = tuple(given["speed"])
        return cls(**given)


def _pairs(score: Mapping[str, Any]) -> dict[str, tuple[float, float] | None]:
    return {name: tuple(score[name]) if score[name] else None for name in ("interval", "bounds")}


def summarise(run: Run, path: str) -> RunSummary:
    """Keep of a run what lists and tables need; secrets are masked.

    Args:
        run: The run.
        path: Its results file, relative to the folder of the index, with ``/``.

    Returns:
        The summary.
    """
    cost, requests = as_number(run.usage.get("cost")), as_number(run.usage.get("requests"))
    counts = [as_number(run.usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    known = [count for count in counts if count is not None]
    return RunSummary(
        key=sha256(path)[:12],
        path=path,
        model=str(redact(run.model_name or "model")),
        date=run.date.timestamp() if run.date else None,
        seconds=run.seconds,
        settings=dict(_settings(run)),
        lost=run.lost,
        cost=cost,
        tokens=int(sum(known)) if known else None,
        requests=None if requests is None else int(requests),
        version=str(run.at("lm_eval_version") or ""),
        endpoints=tuple(_endpoints(run)),
        groups={name: tuple(children) for name, children in run.group_subtasks.items()},
        tasks={
            name: TaskFacts(
                alias=member.alias,
                shots=member.shots,
                n=member.n,
                lost=member.lost,
                version="" if member.version is None else str(member.version),
            )
            for name, member in run.members.items()
        },
        scores=tuple(run.scores),
        speed=tuple(run.speed.words()),
    )


def _settings(run: Run) -> Iterator[tuple[str, str]]:
    arguments = _arguments(run.config.get("model_args"))
    if (entry := _sweep_entry(run)) not in ("", run.model_name):
        yield "sweep_model", entry
    if server := at(run.model_info, "capabilities", "server"):
        yield "server", str(server)
    given: dict[str, object] = {name: run.config.get(name) for name in _SETTINGS}
    for name, value in _arguments(run.config.get("gen_kwargs")).items():
        given[f"gen_kwargs.{name}"] = value
    given |= {name: value for name, value in arguments.items() if name not in _NOT_ABOUT_ANSWERS}
    given |= {name: run.config.get(name) for name in _SEEDS}
    for name, value in as_mapping(redact(given)).items():
        if value is None or value is False or value in ("", {}, []):
            continue
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        # A hash keeps long texts apart that start alike.
        yield name, text if len(text) <= _MAX_SETTING else f"{shorten(text, _MAX_SETTING)} ({sha256(text)[:8]})"


def _sweep_entry(run: Run) -> str:
    """Return the name that a sweep gives the model, which tells apart servers that serve the same name."""
    try:
        cell = json.loads((run.path.parent.parent / "cell.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(as_mapping(cell).get("model") or "")


def _endpoints(run: Run) -> Iterator[str]:
    given = _arguments(run.config.get("model_args")).get("base_url")
    urls = given.split(";") if isinstance(given, str) else as_list(given)
    for url in filter(None, map(str, urls)):
        yield urlsplit(shown_url(url)).netloc or shown_url(url)


def _arguments(given: object) -> Mapping[str, object]:
    """Read arguments that the results have as a mapping, or as the text ``a=1,b=2``."""
    if not isinstance(given, str) or not given:
        return as_mapping(given)
    try:
        return read_pairs("arguments", given)
    except UserError:
        return {"arguments": given}
