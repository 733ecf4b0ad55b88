"""Verdicts of a rescored run: a judge is asked again, or the saved ones are combined again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import RunContext
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError
from lm_eval.judging import FLAGS, answers_of, bench, judged_documents, judged_tasks, replayed, summary_of_saved
from lm_eval.results.answered import AnsweredDocument, by_document
from lm_eval.results.json_values import as_mapping

if TYPE_CHECKING:
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.results import Run

__all__ = ["Judging", "judged_again"]


@dataclass(slots=True)
class Judging:
    """What rescoring adds to results about judges.

    Attributes:
        entries: What ``judging`` has for each task.
        config: The judges in ``config``; empty for those of the saved run.
    """

    entries: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def add_to(self, results: dict[str, Any]) -> None:
        """Add it to results.

        Args:
            results: The results, with ``config``.
        """
        if self.entries:
            results["judging"] = self.entries
            results["config"] |= self.config
        for name, lines in self.notes.items():
            known = results.setdefault("notes", {}).setdefault(name, [])
            known += [line for line in lines if line not in known]


def judged_again(
    run: Run,
    tasks: Mapping[str, Task],
    settings: RunSettings,
    judge: LM | Sequence[LM] | None,
    tracker: EvaluationTracker | None,
) -> Judging:
    """Give the documents of judged tasks their judgements.

    Args:
        run: The saved run.
        tasks: Its tasks, with the saved answers.
        settings: Name the judges; without judges the saved verdicts count.
        judge: Judges as objects.
        tracker: Where results will be saved.

    Raises:
        ConfigError: A task is judged, and there is neither a judge nor a saved verdict.
    """
    names = judged_tasks(tasks)
    asks = bool(judge or settings.judge_model or settings.judge_model_args)
    if asks and not names:
        raise ConfigError("No task of this run is scored by a judge; a task file says so with scorer.")
    if not asks:
        for given in ("judge_template", "judge_baseline"):
            if getattr(settings, given) is not None:
                raise ConfigError(f"{given} needs a judge: {FLAGS}.")
        return Judging({name: _from_saved(run, name, tasks[name]) for name in names})
    seed = run.config.get("random_seed")
    with bench(settings, {name: tasks[name] for name in names}, judge, seed=seed) as judges:
        judges.prepare(RunContext(journal=_journal(run, tracker, names)))
        with judges.at_work() as jury:
            assert jury is not None
            for name in names:
                for doc_id, group in by_document(tasks[name].instances).items():
                    jury.take(AnsweredDocument(name, tasks[name], doc_id, group))
        added: dict[str, Any] = {"config": {}}
        judges.add_to(added, as_mapping(run.config.get("model_info")))
    return Judging(added["judging"], added["config"], added.get("notes", {}))


def _journal(run: Run, tracker: EvaluationTracker | None, names: Sequence[str]) -> Any:
    """Return the file next to which the judges keep their replies."""
    if tracker is None:
        return None
    named = "\0".join(["rescore", run.path.name, *sorted(names)])
    return tracker.journal_path(hashlib.sha256(named.encode()).hexdigest()[:12])


def _from_saved(run: Run, name: str, task: Task) -> dict[str, Any]:
    """Give the documents of a task the judgements that their saved verdicts make; return the entry of ``judging``."""
    spec = task.scorer
    assert spec is not None
    by_doc = by_document(task.instances)
    found = False
    for sample in run.read(name):
        record, group = sample.line.get("judge"), by_doc.get(sample.doc_id) if isinstance(sample.doc_id, int) else None
        if isinstance(record, Mapping) and group:
            answers = [text for _, text in answers_of(task, group)] if spec.process_verdict is not None else ()
            group[0].judgement, found = replayed(spec, group[0].doc, record, answers), True
    if not found and any(instance.error is None for instance in task.instances):
        raise ConfigError(f"Task {name!r} is scored by a judge, and no verdict was saved. Judge its answers: {FLAGS}.")
    documents = judged_documents(task, spec)
    return summary_of_saved(spec, list(documents.values()), as_mapping(run.at("judging", name)))
