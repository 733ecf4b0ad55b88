"""Serves the figures of a run while it goes on, in the text format of Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from lm_eval.api.current_run import WATCH
from lm_eval.config.redact import redact
from lm_eval.errors import ConfigError, MissingPackageError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from lm_eval.models.http.engine import Engine
    from lm_eval.models.http.timing import Timing

__all__ = ["MetricsPort", "serve_metrics"]

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0)
"""Upper ends in seconds: from a small model's token to a long thought."""
_RATE_SECONDS = 30.0


class Progress(Protocol):
    """Counts the responses of a run.

    Attributes:
        done: Responses that came or were lost.
        errors: Responses that were lost.
    """

    done: int
    errors: int


class MetricsPort:
    """Collects the figures of one run; prometheus_client calls ``collect`` for each scrape.

    Attributes:
        port: The port on which they are served; 0 as long as they are not.
        url: Where they are served.
    """

    def __init__(self, registry: CollectorRegistry, model: str = "") -> None:
        """Register the metrics; they have no values before ``watch`` is called.

        Args:
            registry: Where to register them.
            model: The name of the model.
        """
        from prometheus_client import Histogram

        self.port, self.url = 0, ""
        self._watched: tuple[Progress, Engine, Callable[[], int]] | None = None
        self._model = model
        self._seen: list[tuple[float, int]] = []
        self._seconds, self._first_token = (
            Histogram(f"lm_eval_{name}_seconds", text, registry=registry, buckets=_BUCKETS)
            for name, text in (
                ("request", "Time from sending a request to the end of its answer."),
                ("first_token", "Time from sending a request to the first token of a streamed answer."),
            )
        )
        registry.register(self)

    def watch(self, progress: Progress, engine: Engine, total: Callable[[], int]) -> None:
        """Show a run. Another model that is asked meanwhile, such as a judge, is not shown.

        Args:
            progress: Counts the responses.
            engine: Knows requests, tokens, cost and calls in flight.
            total: Returns the number of responses to come.
        """
        if self._watched is not None and self._watched[1].accounting is not engine.accounting:
            return
        self._watched, self._seen = (progress, engine, total), [(time.monotonic(), progress.done)]
        engine.accounting.timings.observe = self._observe

    def _observe(self, timing: Timing) -> None:
        self._seconds.observe(timing.seconds)
        if timing.first_token is not None:
            self._first_token.observe(timing.first_token)

    def describe(self) -> list[Metric]:
        """Return nothing: the metrics are known once there is a run."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the present values, for one scrape."""
        from lm_eval import __version__

        watched = self._watched
        yield _family("info", "lm_eval_run", "The run.", [({"model": self._model, "version": __version__}, 1)])
        if watched is None:
            return
        run, engine, total = watched
        counts, gate = engine.accounting, engine.gate
        answered = [({"outcome": "answered"}, run.done - run.errors), ({"outcome": "lost"}, run.errors)]
        tokens = [({"kind": kind}, getattr(counts.usage, kind)) for kind in counts.usage.__slots__]
        sources = [({"source": "endpoint"}, counts.requests), ({"source": "cache"}, counts.cached)]
        errors = [({"kind": kind}, count) for kind, count in sorted(dict(counts.errors).items())]
        yield _family("gauge", "lm_eval_responses_expected", "Responses of the whole run.", [({}, total())])
        yield _family("counter", "lm_eval_responses", "Responses that came, or were lost to errors.", answered)
        yield _family("gauge", "lm_eval_responses_per_second", "Over the last 30 seconds.", [({}, self._rate(run))])
        yield _family("counter", "lm_eval_requests", "Answered requests.", sources)
        yield _family("counter", "lm_eval_request_errors", "Failed attempts, also those that were retried.", errors)
        yield _family("counter", "lm_eval_retries", "Further attempts after failed ones.", [({}, counts.retries)])
        yield _family("counter", "lm_eval_failed_requests", "Requests that failed for good.", [({}, counts.failed)])
        yield _family("counter", "lm_eval_tokens", "Tokens of answers that were not cached.", tokens)
        yield _family("gauge", "lm_eval_requests_in_flight", "Requests under way.", [({}, gate.inside)])
        yield _family("gauge", "lm_eval_concurrency_limit", "Their maximum number.", [({}, gate.limit.value)])
        if counts.cost is not None:
            yield _family("counter", "lm_eval_cost", "Cost at the prices given.", [({}, counts.cost)])

    def _rate(self, run: Progress) -> float:
        """Return responses per second since the oldest scrape of the last 30 s, or the one before it."""
        now, done = time.monotonic(), run.done
        while len(self._seen) > 1 and now - self._seen[1][0] > _RATE_SECONDS:
            self._seen.pop(0)
        began, before = self._seen[0]
        self._seen.append((now, done))
        return (done - before) / (now - began) if now > began else 0.0


def _family(kind: str, name: str, text: str, values: Sequence[tuple[dict[str, str], float]]) -> Metric:
    from prometheus_client.core import Metric

    metric = Metric(name, text, kind)
    suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
    for labels, value in values:
        metric.add_sample(name + suffix, labels, value)
    return metric


@contextmanager
def serve_metrics(port: int | None, host: str = "127.0.0.1", model: str = "") -> Iterator[MetricsPort | None]:
    """Serve the metrics of the runs that begin within this context, over HTTP and until its end.

    Args:
        port: The port; 0 takes a free one; None serves nothing.
        host: The address to listen on. Everybody who reaches it can read the figures.
        model: The name of the model.

    Yields:
        What is told of a run; None without a port.

    Raises:
        MissingPackageError: prometheus_client is not installed.
        ConfigError: The port cannot be used.
    """
    if port is None:
        yield None
        return
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        raise MissingPackageError(
            'metrics_port needs prometheus_client: pip install "lm-eval-api[prometheus]"'
        ) from error
    registry = CollectorRegistry()
    metrics = MetricsPort(registry, str(redact(model)))
    try:
        server, thread = start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"Metrics cannot be served on {host}:{port}: {reason}.") from error
    try:
        shown = f"[{host}]" if ":" in host else host
        metrics.port = server.server_port
        metrics.url = f"http://{shown}:{metrics.port}/metrics"
        token = WATCH.set(metrics.watch)
        try:
            yield metrics
        finally:
            WATCH.reset(token)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
