"""The judges of a run at work: documents go in while the model still answers others, and come out judged."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lm_eval.api.instance import Instance
from lm_eval.api.model import ask_model
from lm_eval.api.verdicts import Judgement, Verdict
from lm_eval.config.scorer import Criterion, ScorerSpec
from lm_eval.errors import BatchesPending, ConfigError, LMEvalError
from lm_eval.judging.juror import MAX_ATTEMPTS, Juror
from lm_eval.judging.questions import BOTH, Answered, Question, answers_of, baseline_of, criteria_of, questions
from lm_eval.judging.reading import VerdictReader
from lm_eval.judging.reduction import judgement_of, settled, unjudged
from lm_eval.judging.templates import Template
from lm_eval.models.http.runner import cancel
from lm_eval.text import shorten

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.results.answered import AnsweredDocument

__all__ = ["Docket", "Jury"]

eval_logger = logging.getLogger("lm_eval")

_SECONDS_BETWEEN_LINES = 30.0


@dataclass(frozen=True, slots=True)
class Docket:
    """What is needed to judge the documents of one task.

    Attributes:
        task: The task.
        spec: Its ``scorer``.
        template: The template of the judge's prompt.
        reader: Reads verdicts.
        baseline: Document to the answer of the run to compare with; empty where there is none.
        baseline_from: That run; empty where there is none.
    """

    task: Task
    spec: ScorerSpec
    template: Template
    reader: VerdictReader
    baseline: Mapping[int, str] = field(default_factory=dict)
    baseline_from: str = ""


@dataclass(slots=True)
class _Case:
    """A document that is being judged."""

    document: AnsweredDocument
    docket: Docket
    criteria: Sequence[Criterion]
    left: int
    lengths: Sequence[float] = ()
    baseline: str = ""
    answers: Sequence[str] = ()
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(slots=True)
class _Request:
    """A question to one judge."""

    case: _Case
    question: Question
    instance: Instance
    repeats: list[int]
    attempt: int = 1


class Jury:
    """Asks each judge in a thread of its own, in waves: a wave is whatever waits when the one before is answered.

    Attributes:
        jurors: The judges.
        dockets: Task name to what is needed to judge it.
        stopped: Name of a judge to why it was given up.
    """

    def __init__(
        self,
        jurors: Sequence[Juror],
        dockets: Mapping[str, Docket],
        seed: object,
        judged: Callable[[AnsweredDocument], None] | None = None,
        *,
        at_once: bool = False,
    ) -> None:
        """Prepare; no thread is started.

        Args:
            jurors: The judges, at least one.
            dockets: Task name to what is needed to judge it.
            seed: The seed of the run, for the marks around answers.
            judged: Called with each document that has its judgement, from a thread of the jury.
            at_once: Whether the first wave waits for all documents, because each wave is a batch. Default False.
        """
        self.jurors, self.dockets = jurors, dockets
        self.stopped: dict[str, str] = {}
        self._seed, self._judged = seed, judged
        self._documents: queue.SimpleQueue[AnsweredDocument | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._waiting: dict[str, list[_Request]] = {juror.name: [] for juror in jurors}
        self._open = self._unprepared = 0
        self._asked = self._answered = 0
        self._at_once, self._all_taken = at_once, False
        self._closed = False
        self._failure: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._guarded, args=(self._prepare_all,), name="lm-eval-clerk", daemon=True),
            *(
                threading.Thread(target=self._guarded, args=(self._ask_all, juror), name="lm-eval-judge", daemon=True)
                for juror in jurors
            ),
        ]

    def take(self, document: AnsweredDocument) -> None:
        """Take an answered document to judge, if its task is judged and it is not lost; returns at once.

        Args:
            document: The document.
        """
        if document.name not in self.dockets or any(instance.error for instance in document.instances):
            return
        with self._changed:
            self._open += 1
            self._unprepared += 1
        self._documents.put(document)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Judge documents that the block takes; at its end, wait until all of them are judged.

        Raises:
            BaseException: What ended a thread of the jury, apart from failures of a judge's endpoint.
        """
        for thread in self._threads:
            thread.start()
        try:
            yield
            with self._changed:
                self._all_taken = True
                self._changed.notify_all()
            self._wait()
        finally:
            self._close()
        if self._failure is not None:
            raise self._failure

    def _wait(self) -> None:
        line = time.monotonic() + _SECONDS_BETWEEN_LINES
        while self._open and self._failure is None:
            with self._changed:
                self._changed.wait(0.5)
            if time.monotonic() > line:
                eval_logger.info(
                    "Waiting for the judges: %d documents are left; %d of %d requests are answered.",
                    self._open,
                    self._answered,
                    self._asked,
                )
                line = time.monotonic() + _SECONDS_BETWEEN_LINES

    def _close(self) -> None:
        self._closed = True
        self._documents.put(None)
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            while thread.is_alive():
                cancel(thread)  # without effect on a thread that asks nothing
                thread.join(0.2)

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except BaseException as error:
            if not self._closed:
                self._failure = error
            with self._changed:
                self._changed.notify_all()

    # From a document to requests.

    def _prepare_all(self) -> None:
        while (document := self._documents.get()) is not None and not self._closed:
            docket = self.dockets[document.name]
            try:
                found = self._requests(document, docket)
            except (Exception, SystemExit) as error:  # filters, metrics and templates are code of the task
                said = str(error) if isinstance(error, LMEvalError) else f"{type(error).__name__}: {error}"
                found = unjudged(f"The judge cannot be asked: {shorten(said, 300)}")
            if isinstance(found, Judgement):
                self._finish(document, found)
                found = {}
            with self._changed:
                self._unprepared -= 1
                for name, requests in found.items():
                    self._waiting[name] += requests
                self._changed.notify_all()

    def _requests(self, document: AnsweredDocument, docket: Docket) -> dict[str, list[_Request]] | Judgement:
        """Return what each judge is asked about a document, or its judgement if none is asked."""
        task, spec, instances = docket.task, docket.spec, document.instances
        first = instances[0]
        answers = answers_of(task, instances)
        if any(instance.error for instance in instances):
            return unjudged("The document was lost.")
        if spec.only_if is not None:
            pipeline = task.filters[0].name
            values = task.process_results(first.doc, [instance.filtered_resps[pipeline] for instance in instances])
            value = values.get(spec.only_if.metric)
            if not isinstance(value, int | float):
                raise ConfigError(f"only_if: the task gives no number under the name {spec.only_if.metric!r}.")
            if not spec.only_if.holds(value):
                return settled(spec, spec.only_if.metric, float(value))
        saved = docket.baseline.get(document.doc_id)
        baseline = baseline_of(spec, first.doc, saved) if spec.verdict.kind == "pairwise" else None
        answered = Answered(first.doc, answers, baseline, len(instances))
        asked = list(questions(task, spec, docket.template.source, answered, docket.reader, self._seed))
        criteria = criteria_of(spec, first.doc)
        texts = [answer for _, answer in answers]
        mean = sum(map(len, texts)) / max(1, len(texts))
        lengths = () if baseline is None else (mean, len(baseline))
        case = _Case(document, docket, criteria, len(asked) * len(self.jurors), lengths, baseline or "", texts)
        repeats = list(range(spec.repeats))
        return {
            juror.name: [
                _Request(case, question, juror.instance(document.name, document.doc_id, spec, question), repeats)
                for question in asked
            ]
            for juror in self.jurors
        }

    # From requests to verdicts.

    def _ask_all(self, juror: Juror) -> None:
        while wave := self._next_wave(juror):
            if juror.name not in self.stopped:
                try:
                    ask_model(juror.lm, [request.instance for request in wave], self._count)
                except BatchesPending:
                    raise
                except LMEvalError as error:
                    if self._closed:
                        return
                    # The answers are paid for: the run goes on without this judge.
                    self.stopped[juror.name] = str(error)
                    eval_logger.error("Judge %s is given up: %s", juror.name, error)
            if self._closed:
                return
            again = [request for each in wave if (request := self._read(juror, each)) is not None]
            with self._changed:
                self._waiting[juror.name] += again

    def _next_wave(self, juror: Juror) -> list[_Request]:
        """Wait for requests; return none when the jury is closed."""
        with self._changed:
            while not self._closed and (not self._waiting[juror.name] or self._more_to_come()):
                self._changed.wait(0.5)
            wave, self._waiting[juror.name] = self._waiting[juror.name], []
            self._asked += len(wave)
            return [] if self._closed else wave

    def _count(self, instance: Instance) -> None:
        with self._changed:
            self._answered += 1

    def _more_to_come(self) -> bool:
        """Say whether a wave waits for further documents."""
        return self._at_once and (not self._all_taken or self._unprepared > 0)

    def _read(self, juror: Juror, request: _Request) -> _Request | None:
        """Add the verdicts of a request to its case; return the request for those that cannot be read, if any."""
        case, instance = request.case, request.instance
        docket, document = case.docket, case.document
        found = juror.verdicts(document.name, docket.reader, request.question, instance, request.repeats)
        for verdict in found:
            verdict.attempts = request.attempt
            if verdict.status == "failed" and juror.name in self.stopped:
                verdict.error = self.stopped[juror.name]
        unread = [verdict for verdict in found if verdict.status == "unreadable"]
        more = bool(unread) and request.attempt < MAX_ATTEMPTS and juror.name not in self.stopped
        with self._changed:
            case.verdicts += [verdict for verdict in found if not (more and verdict.status == "unreadable")]
            case.left -= not more
            complete = case.left == 0
        if complete:
            order = [each.name for each in self.jurors]
            case.verdicts.sort(key=lambda verdict: _place(verdict, order))
            doc = document.instances[0].doc
            judgement = judgement_of(docket.spec, doc, case.verdicts, case.criteria, case.lengths, case.answers)
            judgement.baseline = case.baseline
            self._finish(document, judgement)
        if not more:
            return None
        repeats = [verdict.repeat for verdict in unread]
        asked = juror.instance(document.name, document.doc_id, docket.spec, request.question, again=len(repeats))
        return _Request(case, request.question, asked, repeats, request.attempt + 1)

    def _finish(self, document: AnsweredDocument, judgement: Judgement) -> None:
        document.instances[0].judgement = judgement
        if self._judged is not None:
            self._judged(document)
        with self._changed:
            self._open -= 1
            self._changed.notify_all()


def _place(verdict: Verdict, jurors: Sequence[str]) -> tuple[int, int, int, int, int]:
    """Return where a verdict stands in the record of its document."""
    return (
        verdict.answer,
        jurors.index(verdict.juror),
        verdict.repeat,
        verdict.criterion or 0,
        BOTH.index(verdict.first) if verdict.first is not None else 0,
    )
