"""Every exception that this package raises on purpose.

```
LMEvalError
├── UserError                      a mistake in the command or in a file; printed as one line, exit code 2
│   ├── ConfigError                an argument, option or key that cannot be used
│   │   ├── SeveralErrors          several mistakes, one line each
│   │   │   └── ConfigFileError    a --config file with errors
│   │   └── ShardDamaged           a file of a shard that is missing, or is not the one that the shard wrote
│   ├── UnknownNameError           a name that is not registered
│   ├── TaskFileError              an error in a task file: file, key, line
│   ├── TemplateError              a template that does not render for a document
│   ├── DatasetError               a dataset that could not be loaded
│   ├── MissingPackageError        an optional package that is not installed
│   ├── SavingError                a file that cannot be written, such as on a full disk
│   └── CapabilityError            the endpoint cannot do what a task needs
├── APIError                       a request that got no usable answer
│   ├── EndpointUnreachable        no connection: refused, unknown host, TLS failure
│   │   └── ConnectionBroken       the connection closed before the answer was complete
│   ├── RequestTimeout             no complete answer in time
│   ├── AuthenticationError        HTTP 401, 403
│   ├── EndpointNotFound           HTTP 404: wrong URL or unknown model
│   ├── RequestRejected            HTTP 400, 413, 422 and other 4xx: the request itself is wrong
│   │   └── ContextLengthExceeded  the prompt does not fit the model's window
│   ├── RateLimited                HTTP 429
│   ├── ServerError                HTTP 5xx
│   ├── MalformedResponse          HTTP 200, but not the JSON that the API promises
│   │   └── CheckFailed            well-formed log-probabilities that cannot be right
│   │       ├── TokenNotListed     the token that was looked for is not among the listed ones
│   │       └── WrongTokens        the tokens of /tokenize are not those of the text
│   ├── RequestsLost               some requests of a list got no answer; the others are in the journal
│   └── RequestNotSent             the request was built to be inspected, and not sent
├── Refused                        an error that the mock server sends as its answer
├── RunStopped                     the run ended early on purpose (a budget, Ctrl-C); answers are kept
│   └── BatchesPending             batches are under way, or files wait for their replies; the same command goes on
└── RunAborted                     an APIError that ends the run, on its way to the caller

ScoringTimeout                     scoring a document took too long; no Exception, so that task code lets it pass
```
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from lm_eval.text import visible

__all__ = [
    "APIError",
    "AuthenticationError",
    "BatchesPending",
    "CapabilityError",
    "CheckFailed",
    "ConfigError",
    "ConfigFileError",
    "ConnectionBroken",
    "ContextLengthExceeded",
    "DatasetError",
    "EndpointNotFound",
    "EndpointUnreachable",
    "LMEvalError",
    "MalformedResponse",
    "MissingPackageError",
    "RateLimited",
    "Refused",
    "RequestNotSent",
    "RequestRejected",
    "RequestTimeout",
    "RequestsLost",
    "RunAborted",
    "RunStopped",
    "SavingError",
    "ScoringTimeout",
    "ServerError",
    "SeveralErrors",
    "ShardDamaged",
    "TaskFileError",
    "TemplateError",
    "TokenNotListed",
    "UnknownNameError",
    "UserError",
    "WrongTokens",
    "did_you_mean",
    "nearest",
]


def nearest(name: str, options: Iterable[str], limit: int = 3) -> list[str]:
    """Find the options that are most similar to a name, best first.

    Args:
        name: The name that was given.
        options: The names that exist.
        limit: Maximum number of options to return.

    Returns:
        At most ``limit`` options; empty when none is similar.
    """
    names = {str(option).lower(): str(option) for option in options}
    close = difflib.get_close_matches(name.lower(), names, n=limit, cutoff=0.6)
    return [names[match] for match in close]


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Phrase the nearest options as the end of an error message.

    Args:
        name: The name that was given.
        options: The names that exist.

    Returns:
        ``" Did you mean 'a' or 'b'?"``, or an empty string when no option is similar.
    """
    close = nearest(name, options)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


class LMEvalError(Exception):
    """Base class of every exception that this package raises on purpose."""


class UserError(LMEvalError):
    """A mistake that the user can correct: printed as one line, exit code 2."""


class ConfigError(UserError, ValueError):
    """An argument, option or key that cannot be used as given; a ``ValueError``, as in the reference harness."""


class SeveralErrors(ConfigError):
    """Several mistakes that are reported together.

    Attributes:
        problems: One line per error.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        """Join the errors to one message.

        Args:
            problems: One line per error.
        """
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


class ConfigFileError(SeveralErrors):
    """A ``--config`` file that cannot be used; an error names the file, the line where known, and what is wrong."""


class ShardDamaged(ConfigError):
    """A file of a shard is missing, or is not the one that the shard wrote.

    Attributes:
        what: The file, and what is wrong with it.
    """

    def __init__(self, what: str, shard: str) -> None:
        """Say how the file comes back.

        Args:
            what: The file, and what is wrong with it, as a sentence.
            shard: The shard, such as ``3/16``.
        """
        self.what = what
        super().__init__(f"{what} Repeat the command that ran shard {shard}; it does the shard again.")


class UnknownNameError(UserError, KeyError, ValueError):
    """A name that is not registered; a ``KeyError`` and a ``ValueError``, as in the reference harness."""

    def __init__(self, kind: str, name: str, options: Iterable[str], hint: str = "") -> None:
        """Build the message, with the most similar names.

        Args:
            kind: The kind of thing that was looked up, such as ``"task"``.
            name: The unknown name.
            options: The names that exist.
            hint: A sentence to add when no name is similar.
        """
        close = did_you_mean(name, options)
        tail = close or (f" {hint}" if hint else "")
        self.name = name
        self.message = f"Unknown {kind} {name!r}.{tail}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class TaskFileError(UserError, ValueError):
    """An error in a task file, with the file and, where known, the key and the line."""

    def __init__(self, message: str, *, path: object = None, key: str | None = None, line: int | None = None) -> None:
        """Build the message.

        Args:
            message: What is wrong.
            path: The file.
            key: The key that is wrong.
            line: Its line number, counted from 1.
        """
        self.path, self.key, self.line = path, key, line
        where = str(path) if path is not None else ""
        if line is not None:
            where += f":{line}"
        if key is not None:
            where += f"{' ' if where else ''}[{key}]"
        super().__init__(f"{where}: {message}" if where else message)


class TemplateError(UserError):
    """A template that does not render for a document."""


class DatasetError(UserError):
    """A dataset that could be loaded neither from a local folder nor from the Hub."""


class MissingPackageError(UserError, ImportError):
    """An optional package that is needed but not installed."""


class SavingError(UserError):
    """A file that cannot be written: the disk is full, or the folder may not be written to."""


class CapabilityError(UserError):
    """The endpoint cannot do what a task needs; scoring it would give a wrong number."""


class APIError(LMEvalError):
    """A request that got no usable answer: an error, or no answer at all.

    Attributes:
        kind: A short stable name of the failure, for counts and results files.
        retryable: Whether the same request may succeed later.
        within_answer: Whether an answer with HTTP status 200 reports the failure; the server itself is then up.
    """

    kind = "api_error"
    retryable = False
    within_answer = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        endpoint: str = "",
        body: str = "",
        advice: str = "",
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        """Store the details of the failure and build a one-line message.

        Args:
            message: What happened.
            status: The HTTP status; None when there was no answer.
            endpoint: The URL that was asked, without credentials.
            body: The start of the answer's body.
            advice: What the user can try.
            retry_after: Seconds that the endpoint asked to wait.
            retryable: Overrides the default of the class.
        """
        self.status, self.endpoint, self.advice, self.retry_after = status, endpoint, advice, retry_after
        self.body = visible(" ".join(body.split())[:300])
        self.attempts = 1
        if retryable is not None:
            self.retryable = retryable
        origin = f"from {endpoint}" if endpoint else ""
        if status is not None:
            text = f"{message} (HTTP {status}{' ' if origin else ''}{origin})"
        else:
            text = f"{message} {origin}".rstrip()
        if self.body:
            text += f": {self.body}"
        if advice:
            text += f" - {advice}"
        # Parts of it come from a server, such as the address of a redirection.
        super().__init__(visible(text))


class EndpointUnreachable(APIError):
    """No connection: refused, unknown host, TLS failure."""

    kind = "unreachable"
    retryable = True


class ConnectionBroken(EndpointUnreachable):
    """The connection was open and closed before the answer was complete."""


class RequestTimeout(APIError):
    """No complete answer within ``timeout`` seconds."""

    kind = "timeout"
    retryable = True


class AuthenticationError(APIError):
    """HTTP 401 or 403: the key is missing, wrong or not allowed."""

    kind = "authentication"


class EndpointNotFound(APIError):
    """HTTP 404: a wrong URL, or a model that the server does not know."""

    kind = "not_found"


class RequestRejected(APIError):
    """An HTTP 4xx error that a retry does not change."""

    kind = "rejected"


class ContextLengthExceeded(RequestRejected):
    """The prompt, or prompt and answer together, do not fit the model's window."""

    kind = "context_length"


class RateLimited(APIError):
    """HTTP 429: too many requests or tokens."""

    kind = "rate_limited"
    retryable = True


class ServerError(APIError):
    """An HTTP 5xx error."""

    kind = "server_error"
    retryable = True


class MalformedResponse(APIError):
    """HTTP 200, but not the JSON that the API promises."""

    kind = "malformed"
    retryable = True


class CheckFailed(MalformedResponse):
    """Well-formed log-probabilities that cannot be those of the text that was sent."""

    kind = "check_failed"
    retryable = False


class TokenNotListed(CheckFailed):
    """A sound answer that does not list the token that was looked for; a retry would list the same tokens."""


class WrongTokens(CheckFailed):
    """The tokens that ``/tokenize`` gave do not spell the text; a retry may help."""

    retryable = True


class RequestsLost(APIError):
    """Some requests of a list got no answer; a list of answers cannot express that."""

    kind = "lost"


class RequestNotSent(APIError):
    """Stands for the answer to a request that was built to be inspected, and not sent."""


class RunStopped(LMEvalError):
    """The run ended early on purpose; answers are kept, and the same command resumes the run."""


class BatchesPending(RunStopped):
    """The answers of a run come later: batches are under way, or files of requests wait for their replies.

    Attributes:
        commands: Commands that answer the files; empty for batches of a server.
    """

    def __init__(self, message: str, commands: Iterable[str] = ()) -> None:
        """Build the exception.

        Args:
            message: What the run waits for.
            commands: Commands that answer the files.
        """
        super().__init__(message)
        self.commands = list(commands)


class RunAborted(LMEvalError):
    """Carries an error that ends the run past the code that treats an ``APIError`` as one lost request.

    Attributes:
        error: The error that ends the run.
    """

    def __init__(self, error: APIError) -> None:
        """Wrap an error.

        Args:
            error: The error that ends the run.
        """
        super().__init__(str(error))
        self.error = error


class ScoringTimeout(BaseException):
    """The code of a task took too long for a document.

    It is no ``Exception``, because task code often catches every ``Exception`` and goes on.
    """

    def __init__(self, seconds: float) -> None:
        """Build the message.

        Args:
            seconds: The limit, in seconds of CPU time.
        """
        self.seconds = seconds
        super().__init__(f"scoring took more than {seconds:g} s of CPU time for a document")


class Refused(LMEvalError):
    """An error that the mock server sends as its answer.

    Attributes:
        status: The HTTP status.
        body: A JSON object, or plain text.
    """

    def __init__(self, status: int, body: dict[str, object] | str) -> None:
        """Build the exception.

        Args:
            status: The HTTP status.
            body: A JSON object, or plain text.
        """
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body
