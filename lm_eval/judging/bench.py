"""The judges of a run, from its settings: built, checked before anything is paid, described and closed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import LM, RunContext
from lm_eval.api.registry import get_aggregation, get_model
from lm_eval.config.redact import redact
from lm_eval.config.run import RunSettings
from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.judging.juror import Juror, settings_of
from lm_eval.judging.jury import Docket, Jury
from lm_eval.judging.reading import VerdictReader
from lm_eval.judging.summary import judged_documents, summary
from lm_eval.judging.templates import mark_version, template_of
from lm_eval.text import first_names, sha256

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.results.answered import AnsweredDocument

eval_logger = logging.getLogger("lm_eval")

__all__ = ["FLAGS", "Bench", "bench", "judged_tasks"]

FLAGS = "--judge_model local-chat-completions --judge_model_args model=NAME,base_url=URL"
_DEFAULT_KIND = "local-chat-completions"
_KEY = "LM_EVAL_JUDGE_API_KEY"


@dataclass(slots=True)
class Bench:
    """The judges of a run.

    Attributes:
        jurors: The judges; none in a run without judged tasks.
        dockets: Task name to what is needed to judge it.
        seed: The seed of the run, for the marks around answers.
        jury: The judges at work, once there were some.
        in_batches: Whether the run asks in batches.
    """

    jurors: list[Juror]
    dockets: dict[str, Docket]
    seed: object
    jury: Jury | None = None
    in_batches: bool = False

    def prepare(self, context: RunContext) -> None:
        """Check the endpoints of the judges, and choose how verdicts are asked for.

        Args:
            context: The context of the run; each judge has a journal of its own next to that of the run.

        Raises:
            CapabilityError: A judge cannot generate text.
            APIError: An endpoint cannot be used.
            ConfigError: A judge cannot be read as a task wants it.
        """
        if not self.dockets:
            return
        self.in_batches = context.batch is not None
        for number, juror in enumerate(self.jurors):
            generation = [
                settings_of(docket.spec, "choice" if docket.spec.read == "choice" else "text")
                for docket in self.dockets.values()
            ]
            journal, own = context.journal, f"judge-{number}-{_identity(juror.settings)}"
            if journal is not None:
                journal = journal.with_name(f"{journal.stem}.{own}.sqlite")
            juror.lm.harness_prepare(
                replace(
                    context,
                    request_types=frozenset({"generate_until"}),
                    chat=bool(getattr(juror.lm, "chat", False)),
                    journal=journal,
                    batch=context.batch and context.batch.within(own),
                    progress=False,
                    generation=generation,
                    system_instruction=None,
                )
            )
            if (reason := juror.lm.harness_refuses("generate_until")) is not None:
                raise CapabilityError(f"Judge {juror.name}: {reason}")
            for name, docket in self.dockets.items():
                juror.choose(name, docket.spec)

    @contextmanager
    def at_work(self, judged: Callable[[AnsweredDocument], None] | None = None) -> Iterator[Jury | None]:
        """Judge documents while the block runs; at its end all are judged.

        Args:
            judged: Called with each document that has its judgement, from another thread.

        Yields:
            The jury; None in a run without judged tasks.
        """
        if not self.dockets:
            yield None
            return
        self.jury = Jury(self.jurors, self.dockets, self.seed, judged, at_once=self.in_batches)
        with self.jury.at_work():
            yield self.jury

    def add_to(self, results: dict[str, Any], described: Mapping[str, Any]) -> None:
        """Add to results what is known of the judges and their verdicts, without secrets.

        Args:
            results: The results of the run; ``judging``, ``notes``, ``config.judge`` and ``config.judge_info`` are
                added.
            described: What the evaluated model says of itself.
        """
        if not self.dockets:
            return
        stopped = self.jury.stopped if self.jury is not None else {}
        results["judging"] = {
            name: summary(
                docket.spec,
                docket.template,
                list(judged_documents(docket.task, docket.spec).values()),
                {juror.name: juror.reads[name] for juror in self.jurors},
                stopped,
                docket.baseline_from,
            )
            for name, docket in self.dockets.items()
            if docket.task.instances
        }
        infos = [juror.lm.harness_describe() for juror in self.jurors]
        config = results.setdefault("config", {})
        config["judge"] = [dict(juror.settings) for juror in self.jurors]
        config["judge_info"] = infos
        itself = [
            juror.name
            for juror, info in zip(self.jurors, infos, strict=True)
            if described.get("model") and _where(info) == _where(described)
        ]
        for name in results["judging"] if itself else ():
            note = f"the judge {first_names(itself)} is the evaluated model: it may prefer its own answers"
            results.setdefault("notes", {}).setdefault(name, []).append(note)


def _where(info: Mapping[str, Any]) -> tuple[object, ...]:
    return info.get("model"), *sorted(map(str, info.get("endpoints") or ()))


def judged_tasks(tasks: Mapping[str, Task]) -> list[str]:
    """Return the names of the tasks whose answers are judged.

    Args:
        tasks: Task name to task.
    """
    return [name for name, task in tasks.items() if task.scorer is not None]


@contextmanager
def bench(
    settings: RunSettings, tasks: Mapping[str, Task], judge: LM | Sequence[LM] | None = None, *, seed: object = None
) -> Iterator[Bench]:
    """Build the judges that the settings name; nothing is sent. At the end of the context they are closed.

    Args:
        settings: The settings of the run.
        tasks: Its tasks.
        judge: Judges as objects, instead of those that the settings name; they are not closed.
        seed: The seed for the marks around answers; None takes that of the run.

    Yields:
        The judges; none if no task is judged.

    Raises:
        ConfigError: A task is judged and there is no judge, or a template, a model or a baseline cannot be used.
        UnknownNameError: There is no such kind of model.
    """
    names = judged_tasks(tasks)
    given = [judge] if isinstance(judge, LM) else list(judge or ())
    wanted = _wanted(settings)
    if names and not given and not wanted:
        raise ConfigError(
            f"{first_names(names)} {'is' if len(names) == 1 else 'are'} scored by a judge, and there is none. Add "
            f"{FLAGS} (in Python: judge_model=…, judge_model_args=…, or judge=LM); --predict_only saves the answers, "
            "which lm_eval rescore can judge later."
        )
    if wanted and not names and not settings.predict_only:
        eval_logger.warning("No task of this run is scored by a judge: judge_model has no effect.")
    dockets = {name: _docket(name, tasks[name], settings) for name in names}
    with ExitStack() as stack:
        jurors: list[Juror] = []
        for number, lm in enumerate(given if names else ()):
            if not isinstance(lm, LM):
                raise ConfigError(f"judge is an LM or a list of them, not {type(lm).__name__}.")
            name = str(getattr(lm, "model", "") or type(lm).__name__)
            jurors.append(Juror(_distinct(name, jurors, number), lm, {"model": type(lm).__name__}, {}))
        for number, (kind, arguments) in enumerate(wanted if names and not given else ()):
            try:
                lm = stack.enter_context(closing(get_model(kind).create_from_arg_obj(_with_key(arguments))))
            except ConfigError as error:
                raise ConfigError(f"judge_model_args: {error}") from error
            name = str(arguments.get("model") or arguments.get("pretrained") or kind)
            shown = {"model": kind, "model_args": redact(arguments)}
            jurors.append(Juror(_distinct(name, jurors, number), lm, shown, {}))
        yield Bench(jurors, dockets, settings.seed[0] if seed is None else seed)


def _wanted(settings: RunSettings) -> list[tuple[str, dict[str, object]]]:
    """Pair the kinds of judges with their arguments; one kind holds for all arguments."""
    kinds, arguments = settings.judge_model, settings.judge_model_args
    if arguments and not kinds:
        kinds = [_DEFAULT_KIND]
    if len(kinds) == 1:
        return [(kinds[0], each) for each in arguments or [{}]]
    if len(kinds) != len(arguments) and kinds:
        raise ConfigError(
            f"{len(kinds)} judges have {len(arguments)} judge_model_args; give one for each, or one judge_model for "
            "all."
        )
    return list(zip(kinds, arguments, strict=True))


def _with_key(arguments: Mapping[str, object]) -> dict[str, object]:
    key = os.environ.get(_KEY)
    return {**({"auth_token": key} if key else {}), **arguments}


def _distinct(name: str, jurors: Sequence[Juror], number: int) -> str:
    """Return a name that no other judge has."""
    return f"{name}#{number + 1}" if any(juror.name == name for juror in jurors) else name


def _docket(name: str, task: Task, settings: RunSettings) -> Docket:
    spec = task.scorer
    assert spec is not None
    template = template_of(task, spec, settings.judge_template)
    mark_version(task, template)
    baseline: Mapping[int, str] = {}
    if spec.verdict.kind == "pairwise":
        if settings.judge_baseline is not None:
            baseline = _saved_answers(name, settings.judge_baseline)
        elif spec.verdict.baseline is None:
            raise ConfigError(f"{name} is judged against the answers of another run; name it: --judge_baseline DIR.")
    if spec.only_if is not None and spec.only_if.metric not in task.aggregation():
        raise ConfigError(f"Task {name}: only_if needs the metric {spec.only_if.metric!r} in metric_list.")
    for metric in spec.metrics:
        if isinstance(metric.aggregation, str):
            get_aggregation(metric.aggregation)
    return Docket(
        task, spec, template, VerdictReader(spec), baseline, (settings.judge_baseline or "") if baseline else ""
    )


def _saved_answers(name: str, path: str) -> dict[int, str]:
    """Return the answers of a saved run to the documents of a task: the first response to each."""
    from lm_eval.results import load

    run = load(Path(path))
    if name not in run.sample_files:
        raise ConfigError(f"judge_baseline: {path} has no saved answers of {name!r}; it needs --log_samples.")
    found: dict[int, str] = {}
    for sample in run.read(name):
        responses = sample.all_requests[0].responses if sample.all_requests else ()
        if isinstance(sample.doc_id, int) and responses and sample.error is None:
            found.setdefault(sample.doc_id, str(responses[0]))
    return found


def _identity(settings: Mapping[str, object]) -> str:
    """Return a short name for a judge's journal."""
    arguments = settings.get("model_args")
    known = arguments if isinstance(arguments, Mapping) else {}
    named = [settings.get("model"), *(known.get(key) for key in ("model", "pretrained", "base_url"))]
    return sha256("\0".join(map(str, named)))[:8]
