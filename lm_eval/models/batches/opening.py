"""Opens the batches of a run: their folder, the calls that wait, and the way by which answers come."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lm_eval.config.batch import NO_SERVER, BatchSettings, batch_folders
from lm_eval.config.redact import Redactor
from lm_eval.errors import ConfigError
from lm_eval.models.batches.api import BatchAPI
from lm_eval.models.batches.calls import BatchCalls
from lm_eval.models.batches.courier import ApiCourier, Courier, FileCourier
from lm_eval.models.batches.folder import BatchFolder, under_way
from lm_eval.models.http.endpoints import EndpointSet
from lm_eval.models.http.retry import RetryPolicy
from lm_eval.models.http.transport import Transport
from lm_eval.text import count_of, first_names

__all__ = ["Batches", "open_batches", "warn_of_batches"]

eval_logger = logging.getLogger("lm_eval")

_MAX_TRIES = 3


@dataclass(slots=True)
class Batches:
    """The batches of a run.

    Attributes:
        calls: The calls that wait.
        courier: Brings the answers.
        kept: Whether the files stay when all is answered, because they are in a folder of the user.
        received: The keys of replies that batches have brought, and that no unit has read yet.
    """

    calls: BatchCalls
    courier: Courier
    kept: bool
    received: set[bytes]

    def finish(self) -> None:
        """Delete the files of batches that are answered: the journal has their replies."""
        if not self.kept:
            self.calls.folder.remove()


def open_batches(
    settings: BatchSettings,
    counts: Counter[str],
    received: set[bytes],
    *,
    journal: Path,
    fresh: bool,
    transport: Transport,
    endpoints: EndpointSet,
    policy: RetryPolicy,
    redact: Redactor,
    model: str,
    identity: str,
    path: str,
) -> Batches:
    """Open the batches of a run.

    Args:
        settings: How the run asks in batches.
        counts: Counts the files and requests of this process, and the replies that came.
        received: Holds the keys of replies that no unit has read yet.
        journal: The file that keeps the answers of the run.
        fresh: Whether to leave out the batches of an earlier process.
        transport: An open transport.
        endpoints: The endpoint of the run.
        policy: When and how often a call is retried.
        redact: Removes secrets from error texts.
        model: The name of the model.
        identity: Whose answers are kept, as ``answer_identity`` says.
        path: The API of the run; empty where the URL says it.

    Returns:
        The batches.

    Raises:
        ConfigError: The folder belongs to another run.
        SavingError: The folder cannot be written.
    """
    (endpoint,) = endpoints.endpoints
    has_server = endpoint.base != NO_SERVER
    folder = settings.folder
    if folder is None:
        name = hashlib.sha256(f"{endpoints.identity}\n{model}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
        folder = batch_folders(journal) / name
    elif fresh and any(folder.glob("requests-*.jsonl")):
        raise ConfigError(f"{folder} has files of an earlier run. --fresh deletes no files there: name another folder.")
    opened = BatchFolder(
        folder,
        f"{model}\n{identity}",
        max_lines=settings.max_lines,
        max_bytes=settings.max_bytes,
        fresh=fresh and settings.folder is None,
        kept=settings.folder is not None,
    )
    calls = BatchCalls(
        opened,
        endpoint.shown if has_server else "",
        redact,
        counts,
        path=path or _path_of(endpoint.exact),
        max_tries=min(_MAX_TRIES, 1 + max(0, policy.retries)),
        has_server=has_server,
    )
    if settings.folder is not None:
        return Batches(calls, FileCourier(model), True, received)
    return Batches(calls, ApiCourier(BatchAPI(transport, endpoint, policy), settings.wait), False, received)


def warn_of_batches(journal: Path) -> None:
    """Warn that a run without ``--batch`` asks for what batches of an earlier process are about to answer.

    Args:
        journal: The file that keeps the answers of the run.
    """
    if ids := under_way(batch_folders(journal)):
        eval_logger.warning(
            "%s of this run under way, and to be paid: %s. Without --batch, their requests are asked again; with it, "
            "the same command collects the answers.",
            count_of(len(ids), "batch", "batches"),
            first_names(ids, 3),
        )


def _path_of(url: str) -> str:
    """Return the API that a complete URL names."""
    return next((path for path in ("/chat/completions", "/completions") if url.endswith(path)), "")
