"""Judging as a function, for code that scores by itself: a metric of a Python task, or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, RunContext
from lm_eval.api.task import ConfigurableTask
from lm_eval.api.verdicts import Judgement
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError
from lm_eval.judging.bench import bench
from lm_eval.results.answered import AnsweredDocument

__all__ = ["judge_answers"]

_NAME = "judge_answers"


def judge_answers(
    judge: LM | Sequence[LM],
    scorer: Mapping[str, Any],
    documents: Sequence[Mapping[str, Any]],
    *,
    seed: int = 0,
    context: RunContext | None = None,
) -> list[Judgement]:
    """Let judges score answers.

    Args:
        judge: The judge, or several.
        scorer: What a task file has under ``scorer``.
        documents: For each answer a mapping with ``answer``, and with whatever else the template shows, such as
            ``question`` and ``target``.
        seed: The seed for the marks around answers. Default 0.
        context: Where replies are kept; None keeps none.

    Returns:
        One judgement per document, in order: its ``score`` is None where no verdict could be read.

    Raises:
        ConfigError: ``scorer`` cannot be used, or a document has no answer.
        APIError: The endpoint of a judge cannot be used.
    """
    if any("answer" not in document for document in documents):
        raise ConfigError("judge_answers: each document is a mapping with an answer.")
    rows = [{key: value for key, value in document.items() if key != "answer"} for document in documents]
    task = ConfigurableTask(
        config={
            "task": _NAME,
            "custom_dataset": lambda **_: {"test": rows},
            "test_split": "test",
            "doc_to_text": lambda doc: doc.get("question", ""),
            "doc_to_target": lambda doc: doc.get("target", ""),
            "scorer": dict(scorer),
        }
    )
    instances = [
        Instance("generate_until", row, (str(row.get("question", "")), {}), 0, (_NAME, number, 1), [document["answer"]])
        for number, (row, document) in enumerate(zip(rows, documents, strict=True))
    ]
    with bench(RunSettings(), {_NAME: task}, judge, seed=seed) as judges:
        judges.prepare(context or RunContext())
        with judges.at_work() as jury:
            assert jury is not None
            for number, instance in enumerate(instances):
                jury.take(AnsweredDocument(_NAME, task, number, [instance]))
    return [instance.judgement or Judgement("unjudged") for instance in instances]
