"""Inspect's eval log: a ``.eval`` file per task, which ``inspect view`` opens.

The file is a ZIP archive with a header, a summary of each sample and one JSON file per sample: version 2 of the format
in Inspect's documentation of eval logs.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import IO

from lm_eval.api.instance import RequestError
from lm_eval.config.redact import redact
from lm_eval.reports.exports.facts import About, dataset_of, generation_of, safe_name, settings_of
from lm_eval.reports.exports.parts import Part, json_bytes
from lm_eval.reports.exports.samples import Answered, answered
from lm_eval.reports.html.packing import to_text
from lm_eval.results import Member, Run, Score
from lm_eval.results.json_values import as_number
from lm_eval.text import sha256, shorten

__all__ = ["parts"]

_VERSION = 2
_MAX_SUMMARY = 500
_ROLES = frozenset({"system", "user", "assistant"})
_STOPS = {"length": "max_tokens", "filtered": "content_filter", "refusal": "content_filter"}
_CONFIG = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_gen_toks": "max_tokens"}


def parts(run: Run, scores: list[Score], about: About, left_out: list[str]) -> Iterator[Part]:
    """Write one log per task.

    Args:
        run: The run.
        scores: The scores to write.
        about: What the results file does not know.
        left_out: Gets what the format cannot hold.

    Yields:
        The files.
    """
    groups = [score.task for score in scores if score.is_group]
    if groups:
        left_out.append(f"A log holds one task, so groups are left out: {', '.join(dict.fromkeys(groups))}.")
    start = "" if run.date is None else run.date.strftime("%Y-%m-%dT%H-%M-%S+00-00_")
    for task in run.tasks:
        of_task = [score for score in scores if score.task == task]
        if of_task:
            identity = sha256(f"{run.path.name} {task}")[:22]
            yield (
                f"{start}{safe_name(task).replace('_', '-')}_{identity}.eval",
                _writer(run, run.members[task], of_task, about, identity),
            )


def _writer(
    run: Run, task: Member, scores: Sequence[Score], about: About, identity: str
) -> Callable[[IO[bytes]], object]:
    def write(file: IO[bytes]) -> None:
        spec = _spec(run, task, about, identity)
        plan = {"name": "plan", "steps": [], "config": spec["model_generate_config"]}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _add(archive, "_journal/start.json", {"version": _VERSION, "eval": spec, "plan": plan})
            summaries = list(_samples(archive, run, task, about)) if task.name in run.sample_files else []
            _add(archive, "summaries.json", summaries)
            header = {"version": _VERSION, "status": "success", "eval": spec, "plan": plan}
            header |= {"results": _results(task, scores, len(summaries)), "stats": _stats(run, about)}
            _add(archive, "header.json", header)

    return write


def _add(archive: zipfile.ZipFile, name: str, value: object) -> None:
    # With a fixed time, the same run gives the same bytes.
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, json_bytes(value))


def _spec(run: Run, task: Member, about: About, identity: str) -> dict[str, object]:
    dataset = dataset_of(task.config)
    generation = generation_of(run, task.name)
    config = {name: number for key, name in _CONFIG.items() if (number := as_number(generation.get(key))) is not None}
    for name in ("max_tokens", "top_k"):
        if name in config:
            config[name] = int(config[name])
    limit = run.config.get("limit")
    spec: dict[str, object] = {
        "eval_id": identity,
        "run_id": sha256(run.path.name)[:22],
        "created": _time(run, 0),
        "task": task.name,
        "task_id": identity,
        "task_version": str(task.version) if task.version is not None else 0,
        "task_args": dict(settings_of(run, task.name)),
        "dataset": {
            "name": dataset.config or dataset.path or task.name,
            **({"location": dataset.path} if dataset.path else {}),
            **({"samples": task.n} if task.n is not None else {}),
            "shuffled": False,
        },
        "model": about.model(run),
        "model_generate_config": config,
        "config": {"limit": int(limit)} if isinstance(limit, int | float) and limit >= 1 else {},
        "packages": {"lm_eval": str(run.at("lm_eval_version") or "unknown")},
        "metadata": {"results_file": run.path.name, "harness": "lm-eval-api"},
    }
    return spec


def _time(run: Run, seconds: float) -> str:
    if run.date is None:
        return "1970-01-01T00:00:00+00:00"
    return (run.date + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _stats(run: Run, about: About) -> dict[str, object]:
    counts = {name: int(as_number(run.usage.get(f"{key}_tokens")) or 0) for name, key in _TOKENS.items()}
    usage = {**counts, "total_tokens": sum(counts.values())}
    return {
        "started_at": _time(run, 0),
        "completed_at": _time(run, run.seconds or 0),
        "model_usage": {about.model(run): usage} if usage["total_tokens"] else {},
    }


_TOKENS = {"input_tokens": "prompt", "output_tokens": "completion"}


def _results(task: Member, scores: Sequence[Score], logged: int) -> dict[str, object]:
    """Lay scores out as one scorer per filter, with its metrics."""
    scorers: dict[str, list[Score]] = {}
    for score in scores:
        scorers.setdefault(score.filter, []).append(score)
    entries = []
    for name, of_filter in scorers.items():
        metrics: dict[str, object] = {}
        for score in of_filter:
            metrics[score.metric] = {"name": score.metric, "value": score.value, "metadata": _about(score)}
            if score.stderr is not None:
                label = f"{score.metric}_stderr"
                metrics[label] = {"name": label, "value": score.stderr}
        entries.append({"name": name, "scorer": name, "metrics": metrics, "scored_samples": of_filter[0].n})
    total = (task.n or 0) + task.lost
    return {"total_samples": total or logged, "completed_samples": task.n or logged, "scores": entries}


def _about(score: Score) -> dict[str, object]:
    known = {"higher_is_better": score.higher_is_better, "interval": score.interval, "method": score.method or None}
    return {name: value for name, value in known.items() if value is not None}


def _samples(archive: zipfile.ZipFile, run: Run, task: Member, about: About) -> Iterator[dict[str, object]]:
    """Write the samples, one file per document, and yield a summary of each."""
    by_doc: dict[str, list[Answered]] = {}
    for answer in answered(run, task.name):
        by_doc.setdefault(str(answer.sample.doc_id), []).append(answer)
    for answers in by_doc.values():
        sample = _sample(answers, about)
        _add(archive, f"samples/{sample['id']}_epoch_1.json", sample)
        yield _summary(sample)


def _sample(answers: Sequence[Answered], about: About) -> dict[str, object]:
    first, doc_id = answers[0], answers[0].sample.doc_id
    messages = [_message(role, text) for role, text in first.turns]
    if not messages:
        messages = [_message("user", first.prompt)]
    outputs = [_choice(text, first, place, about) for place, text in enumerate(first.responses)]
    sample: dict[str, object] = {
        # A slash in an id would make a folder, where the reader does not look.
        "id": doc_id if isinstance(doc_id, int) else str(doc_id).replace("/", "_"),
        "epoch": 1,
        "input": messages if first.turns else first.prompt,
        "target": first.references[0] if len(first.references) == 1 else first.references,
        "messages": [*messages, *(output["message"] for output in outputs[:1])],
        "output": {"model": about.model_id, "choices": outputs},
        "scores": {answer.sample.filter: _score(answer) for answer in answers if not answer.sample.is_lost},
        "metadata": {"doc": first.sample.doc},
    }
    if first.choices:
        sample["choices"] = first.choices
    if first.log_likelihoods:
        sample["metadata"] = {"doc": first.sample.doc, "log_likelihoods": first.log_likelihoods}
    if (error := first.sample.error) is not None:
        sample["error"] = _error(error)
    return sample


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role if role in _ROLES else "user", "content": text}


def _choice(text: str, answer: Answered, place: int, about: About) -> dict[str, object]:
    info = answer.sample.info
    outcome = str(info[place].outcome) if place < len(info) else ""
    content: object = text
    if place < len(answer.reasoning):
        content = [{"type": "reasoning", "reasoning": answer.reasoning[place]}, {"type": "text", "text": text}]
    return {"message": {"role": "assistant", "content": content}, "stop_reason": _STOPS.get(outcome, "stop")}


def _score(answer: Answered) -> dict[str, object]:
    """Write the values of all metrics; a single number is the value itself, and what is no number a text."""
    sample = answer.sample
    numbers = {metric: sample.number(metric) for metric in sample.metrics}
    values = {metric: to_text(sample.value(metric)) if number is None else number for metric, number in numbers.items()}
    return {"value": next(iter(values.values())) if len(values) == 1 else values, "answer": answer.filtered}


def _error(error: RequestError) -> dict[str, object]:
    text = str(redact(f"{error.kind}: {error.message}"))
    return {"message": text, "traceback": text, "traceback_ansi": text}


def _summary(sample: Mapping[str, object]) -> dict[str, object]:
    kept = {name: sample[name] for name in ("id", "epoch", "target", "scores")}
    given = sample["input"]
    text = given if isinstance(given, str) else "\n".join(str(message["content"]) for message in given)  # type: ignore[attr-defined]
    summary = {**kept, "input": shorten(text, _MAX_SUMMARY), "metadata": {}, "completed": True}
    error = sample.get("error")
    return summary | ({"error": error["message"]} if isinstance(error, Mapping) else {})
