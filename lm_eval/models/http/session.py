"""The state of a model's requests, built from its arguments; lives as long as the model."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.api.instance import Usage
from lm_eval.api.model import RunContext
from lm_eval.config.batch import NO_SERVER
from lm_eval.config.redact import Redactor, remember
from lm_eval.config.shard import ALONE, Share
from lm_eval.errors import CapabilityError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.concurrency import AutoLimit, FixedLimit
from lm_eval.models.http.descriptions import Descriptions
from lm_eval.models.http.endpoints import EndpointSet, parse_base_urls
from lm_eval.models.http.limits import Limits
from lm_eval.models.http.retry import RetryPolicy
from lm_eval.models.http.shared import SharedLimits
from lm_eval.models.http.streaming import Streaming
from lm_eval.models.http.usage import Accounting, usage_of
from lm_eval.models.work import Call

if TYPE_CHECKING:
    from lm_eval.models.batches.opening import Batches
    from lm_eval.models.http.engine import Engine
    from lm_eval.models.http.journal import Journal
    from lm_eval.models.http.transport import Transport

__all__ = ["Session"]

eval_logger = logging.getLogger("lm_eval")


class Session:
    """Endpoints, limits, counters and journals of one model.

    Attributes:
        accounting: Tokens and requests so far.
        descriptions: What the server has said of itself since the run began.
        context: The settings of the run.
    """

    def __init__(self, args: ModelArguments, path: str) -> None:
        """Build the parts; opens no connection and no file.

        Args:
            args: The model's arguments.
            path: The API path after the base URL.
        """
        self.context = RunContext()
        self.accounting = Accounting(
            args.price_in,
            args.price_out,
            args.max_cost,
            args.max_tokens_total,
            args.max_time,
            batch_discount=args.batch_discount,
        )
        self._args, self._path = args, path
        self._endpoints = EndpointSet(parse_base_urls(args.base_url, path))
        self._limit = AutoLimit() if args.num_concurrent == "auto" else FixedLimit(int(args.num_concurrent))
        self._limits = Limits(args.requests_per_minute, args.tokens_per_minute)
        self._policy = RetryPolicy(retries=args.max_retries, seconds=args.retry_time)
        # The probe retries a failing server twice. It reports a server without connection at once, unless there are
        # other endpoints.
        several = len(self._endpoints.endpoints) > 1
        self._probe_policy = RetryPolicy(
            retries=min(2, args.max_retries), seconds=60.0, first_wait=0.3, unreachable=several
        )
        self.descriptions = Descriptions()
        self._streaming = Streaming(args.stream)
        self._cleared = self._opened = False
        self._runs = 0
        self._model_identity = ""
        self._resumed_answers = self._damaged_answers = 0
        self._batch_counts: Counter[str] = Counter()
        self._received: set[bytes] = set()

    @property
    def has_server(self) -> bool:
        """Whether there is a server to ask; there is none where requests go through files and no URL is given."""
        return any(endpoint.base != NO_SERVER for endpoint in self._endpoints.endpoints)

    @property
    def urls(self) -> list[str]:
        """The base URLs without credentials."""
        return [endpoint.shown for endpoint in self._endpoints.endpoints]

    @asynccontextmanager
    async def engine(
        self, header: Mapping[str, str], *, checking: bool = False, feeler: Call | None = None
    ) -> AsyncIterator[Engine]:
        """Open an engine for as long as one event loop runs.

        Args:
            header: The HTTP headers to send.
            checking: Whether the engine is for the probe: it then uses no journal and few retries, and a refusal does
                not end the run.
            feeler: A small call to the URL and model of the run, for an outage.

        Yields:
            The engine.

        Raises:
            ConfigError: A journal or a certificate cannot be used.
            RunStopped: ``max_time`` is over; whatever was under way is cancelled.
        """
        from lm_eval.models.http.engine import Engine

        if checking and not self.has_server:
            raise CapabilityError("The run goes through files; without base_url=URL there is no server to ask.")
        journals: list[Journal] = []
        batches: Batches | None = None
        self.accounting.start()
        fresh = not self._cleared
        try:
            if not checking:
                self._open_journals(journals)
            async with self._max_time(), self._transport(header, checking=checking) as transport:
                batches = None if checking else self._batches(transport, header, fresh=fresh)
                endpoints, limits, accounting = self._counting(checking=checking)
                yield Engine(
                    transport,
                    endpoints,
                    self._limit,
                    limits=limits,
                    policy=self._probe_policy if checking else self._policy,
                    accounting=accounting,
                    journals=journals,
                    model_identity=self._model_identity,
                    main_path=None if checking else self._path,
                    feeler=feeler,
                    descriptions=self.descriptions if checking else None,
                    streaming=self._streaming,
                    batches=batches,
                )
        finally:
            if batches is not None:
                batches.calls.folder.close()
            for journal in journals:
                journal.close()
                self._damaged_answers += journal.damaged

    def _counting(self, *, checking: bool) -> tuple[EndpointSet, Limits, Accounting]:
        """Return what counts requests.

        In a run by several processes one of them has sent the probe. Its recorded replies take nothing from the limits,
        and the first shard alone counts them.
        """
        shared = self.context.shared
        if not checking or shared is None:
            return self._endpoints, self._limits, self.accounting
        if shared.counts_probe:
            return self._endpoints, Limits(), self.accounting
        return EndpointSet(parse_base_urls(self._args.base_url, self._path)), Limits(), Accounting()

    @asynccontextmanager
    async def _max_time(self) -> AsyncIterator[None]:
        """Cancel the current task when ``max_time`` is over, so that nothing waits longer."""
        left = self.accounting.seconds_left()
        if left is None:
            yield
            return
        task, over = asyncio.current_task(), False
        assert task is not None

        def end() -> None:
            nonlocal over
            over = True
            task.cancel()

        timer = asyncio.get_running_loop().call_later(left, end)
        try:
            yield
        except asyncio.CancelledError:
            if not over:
                raise
            if sys.version_info >= (3, 11):
                task.uncancel()
            raise self.accounting.stopped_by_time() from None
        finally:
            timer.cancel()

    def begin(self, context: RunContext) -> None:
        """Use the settings of a run.

        Args:
            context: The settings: journal, cache, progress.
        """
        self.context = context
        self._runs += 1
        self._cleared, self._opened = not context.fresh, False
        if context.shared is not None:
            self._limits = SharedLimits(context.shared)
            context.shared.attach(self.accounting, self._endpoints, self._limit)
        elif context.share != ALONE:
            self._take_share(context.share)
        self._model_identity = ""
        self.descriptions.clear()

    def _take_share(self, share: Share) -> None:
        args, limits, budgets = self._args, share.processes, share.shards
        self._limits = Limits(
            args.requests_per_minute and args.requests_per_minute / limits,
            args.tokens_per_minute and args.tokens_per_minute / limits,
        )
        self.accounting.max_cost = args.max_cost and args.max_cost / budgets
        self.accounting.max_tokens_total = args.max_tokens_total and max(1, args.max_tokens_total // budgets)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Ask without batches while the block runs, for a question before a run."""
        context, self.context = self.context, replace(self.context, batch=None)
        try:
            yield
        finally:
            self.context = context

    async def identify(self, header: Mapping[str, str]) -> None:
        """Ask the endpoints what the model is beyond its name, if the run keeps answers.

        Args:
            header: The HTTP headers to send.
        """
        from lm_eval.models.http.identity import identify

        if self._path and (self.context.journal is not None or self.context.use_cache is not None):
            async with self._transport(header, checking=True) as transport:
                endpoints = self._endpoints.endpoints
                known = self.descriptions if len(endpoints) == 1 else Descriptions()
                self._model_identity = await identify(transport, endpoints, self._args.model, known)

    def describe(self) -> dict[str, object]:
        """Return the counters, for the results file; they differ from run to run."""
        return {
            **self.accounting.describe(),
            "resumed_with_answers": self._resumed_answers,
            **({"damaged_answers": self._damaged_answers} if self._damaged_answers else {}),
            **({"batches": dict(self._batch_counts)} if self._batch_counts else {}),
            "waited_for_limits_seconds": round(self._limits.waited, 3),
            "concurrency": self._limit.describe(),
            "endpoints": self._endpoints.describe(),
        }

    def _batches(self, transport: Transport, header: Mapping[str, str], *, fresh: bool) -> Batches | None:
        context = self.context
        journal = context.journal or (_answers_file(context.use_cache) if context.use_cache is not None else None)
        if context.batch is None or journal is None:
            return None
        from lm_eval.models.batches.opening import open_batches
        from lm_eval.models.http.journal import answer_identity

        return open_batches(
            context.batch,
            self._batch_counts,
            self._received,
            journal=journal,
            fresh=fresh,
            transport=transport,
            endpoints=self._endpoints,
            policy=self._policy,
            redact=self._redactor(header),
            model=self._args.model,
            identity=answer_identity(self._endpoints.identity, self._model_identity),
            path=self._path,
        )

    def _redactor(self, header: Mapping[str, str]) -> Redactor:
        remember(header, "header")
        redact = Redactor([self._args.auth_token])
        redact.add_headers(header)
        base_url = self._args.base_url
        for url in base_url.split(";") if isinstance(base_url, str) else base_url:
            redact.add_url(url)
        return redact

    def _transport(self, header: Mapping[str, str], *, checking: bool) -> Transport:
        from lm_eval.models.http.recorded import RecordedTransport
        from lm_eval.models.http.transport import Transport, TransportSettings

        args = self._args
        settings = TransportSettings(
            timeout=args.timeout,
            connect_timeout=args.connect_timeout,
            verify_certificate=args.verify_certificate,
            ca_cert_path=args.ca_cert_path,
            client_cert=args.client_cert,
            client_key=args.client_key,
            headers=header,
        )
        redactor, recorded = self._redactor(header), self.context.recorded
        if checking and recorded is not None:
            return RecordedTransport(settings, redactor, recorded)
        return Transport(settings, redactor)

    def _say_what_is_kept(self, journal: Journal) -> None:
        from lm_eval.models.http.journal import answer_identity

        of_model = answer_identity(self._endpoints.identity, self._model_identity)
        self._resumed_answers = journal.count(of_model)
        if self._resumed_answers:
            what = "Resuming: %d answers of an earlier run are in %s; --fresh starts over."
            eval_logger.warning(what, self._resumed_answers, journal.path)
        else:
            what = "The answers in %s are not used: they are of another model of this name, as the server describes it."
            eval_logger.warning(what, journal.path)

    def _count_what_is_kept(self, journal: Journal) -> None:
        """Let the budgets of the run count what its answers so far have cost, however often it was stopped.

        A model that has made a run before may have paid for the answers itself, and counts them already. In a run by
        several processes, the one that starts the others counts.
        """
        if self.accounting.has_budget and self._runs == 1 and self.context.shared is None:
            self.accounting.earlier_discount = self._args.batch_discount if self.context.batch else 0.0
            self.accounting.earlier = _usage_in(journal)

    def _open_journals(self, journals: list[Journal]) -> None:
        from lm_eval.models.http.journal import Journal

        context = self.context
        if context.journal is not None:
            copy = context.shared.keep_row if context.shared is not None else None
            journal = Journal(context.journal, fresh=not self._cleared, own=True, copy=copy)
            journals.append(journal)
            # Answers that are there when the journal is opened again, for a later turn, are of this run.
            if journal.resumed and not self._resumed_answers and not self._opened:
                self._say_what_is_kept(journal)
                self._count_what_is_kept(journal)
            self._cleared = self._opened = True
        if context.use_cache is not None:
            journals.append(Journal(_answers_file(context.use_cache)))


def _usage_in(journal: Journal) -> Usage:
    """Add up the tokens of all replies in a journal.

    Args:
        journal: The journal.
    """
    from lm_eval.models.http.transport import decode

    found = Usage()
    for raw in journal.replies():
        with contextlib.suppress(ValueError, RecursionError):
            found.add(usage_of(decode(raw)) or Usage())
    return found


def _answers_file(path: Path) -> Path:
    """Return the file of a shared cache; in a folder it is ``answers.sqlite``."""
    return path / "answers.sqlite" if path.is_dir() else path
