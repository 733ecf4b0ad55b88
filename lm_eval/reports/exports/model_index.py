"""The ``model-index`` of a model card on the Hub.

The format is that of ``huggingface_hub.EvalResult``, described in the Hub's documentation of model cards.
"""

from __future__ import annotations

from collections.abc import Iterator

from lm_eval.reports.exports.facts import About, dataset_of, score_name, settings_of
from lm_eval.reports.exports.parts import Part, yaml_writer
from lm_eval.results import Run, Score

__all__ = ["parts"]

_FILE = "model-index.yaml"


def parts(run: Run, scores: list[Score], about: About, left_out: list[str]) -> Iterator[Part]:
    """Write one YAML file, whose content belongs between the ``---`` lines of a model card.

    Args:
        run: The run.
        scores: The scores to write.
        about: What the results file does not know.
        left_out: Gets what the format cannot hold.

    Yields:
        The file.
    """
    results = []
    for task in dict.fromkeys(score.task for score in scores):
        config = run.members[task].config
        dataset = dataset_of(config)
        # A group, and a task whose documents are in its file, have no data set; the name stands for it.
        about_data = {"name": run.members[task].alias, "type": dataset.path or task}
        about_data |= {"config": dataset.config, "split": dataset.split, "revision": dataset.revision}
        described: dict[str, object] = {name: text for name, text in about_data.items() if text}
        described["args"] = dict(settings_of(run, task))
        result: dict[str, object] = {"task": {"type": "text-generation", "name": "Text Generation"}}
        result |= {"dataset": described, "metrics": [_metric(score) for score in scores if score.task == task]}
        if about.source_url:
            result["source"] = {"url": about.source_url, "name": about.organization or "lm_eval"}
        results.append(result)
    if results:
        yield _FILE, yaml_writer({"model-index": [{"name": about.model(run), "results": results}]})


def _metric(score: Score) -> dict[str, object]:
    args: dict[str, object] = {"filter": score.filter} if score.filter != "none" else {}
    if score.stderr is not None:
        args["stderr"] = score.stderr
    if score.interval is not None:
        args["interval"] = list(score.interval)
    metric: dict[str, object] = {"type": score.metric, "name": score_name(score), "value": score.value}
    return metric | ({"args": args} if args else {})
