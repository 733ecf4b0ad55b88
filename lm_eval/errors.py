"""Every exception this package raises on purpose.

```
LMEvalError
├── UserError                    a mistake to mend in the command or a file; one line, exit code 2
│   ├── ConfigError              an argument, option or key that cannot be used
│   │   └── ConfigFileError      a --config file with faults, one line each
│   ├── UnknownNameError         a name nothing is registered under
│   ├── TaskFileError            a fault in a task file: file, key, line
│   ├── TemplateError            a template that does not render for a doc
│   ├── DatasetError             a dataset that cannot be had
│   ├── MissingPackageError      an optional package that is not installed
│   └── CapabilityError          the endpoint cannot do what a task needs
├── APIError                     an answer, or none, from an endpoint
│   ├── EndpointUnreachable      no connection: refused, name not found, TLS
│   ├── RequestTimeout           no complete answer in time
│   ├── AuthenticationError      401, 403
│   ├── EndpointNotFound         404: wrong URL or unknown model
│   ├── RequestRejected          400, 413, 422 and other 4xx: the request itself is at fault
│   │   └── ContextLengthExceeded  the prompt does not fit the model's window
│   ├── RateLimited              429
│   ├── ServerError              5xx
│   └── MalformedResponse        200, but not what the API promises
│       └── CheckFailed          well-formed log-probabilities that cannot be right
└── RunStopped                   the run ended early on purpose (a budget, Ctrl-C); answers are kept
```
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "APIError",
    "AuthenticationError",
    "CapabilityError",
    "CheckFailed",
    "ConfigError",
    "ConfigFileError",
    "ContextLengthExceeded",
    "DatasetError",
    "EndpointNotFound",
    "EndpointUnreachable",
    "LMEvalError",
    "MalformedResponse",
    "MissingPackageError",
    "RateLimited",
    "RequestRejected",
    "RequestTimeout",
    "RunStopped",
    "ServerError",
    "TaskFileError",
    "TemplateError",
    "UnknownNameError",
    "UserError",
    "did_you_mean",
    "nearest",
]


def nearest(name: str, options: Iterable[str], limit: int = 3) -> list[str]:
    """Find the options most like a name, best first.

    Args:
        name: What was asked for.
        options: What exists.
        limit: The most to return.

    Returns:
        Up to ``limit`` options; empty when none is close.
    """
    names = {str(option).lower(): str(option) for option in options}
    close = difflib.get_close_matches(name.lower(), names, n=limit, cutoff=0.6)
    return [names[match] for match in close]


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Phrase the nearest options as the end of an error message.

    Args:
        name: What was asked for.
        options: What exists.

    Returns:
        ``" Did you mean 'a' or 'b'?"``, or an empty string when nothing is close.
    """
    close = nearest(name, options)
    return f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


class LMEvalError(Exception):
    """Base of every exception raised on purpose."""


class UserError(LMEvalError):
    """A mistake the user can mend: shown as one line, exit code 2."""


class ConfigError(UserError):
    """An argument, option or key that cannot be used as given."""


class ConfigFileError(ConfigError):
    """A ``--config`` file that cannot be used.

    Attributes:
        problems: A line for each fault: the file, the line in it where known, and what is wrong.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        """Keep the faults.

        Args:
            problems: A line for each.
        """
        self.problems = list(problems)
        super().__init__(" ".join(self.problems))


class UnknownNameError(UserError, KeyError):
    """A name that nothing is registered under."""

    def __init__(self, kind: str, name: str, options: Iterable[str], hint: str = "") -> None:
        """Build the message, with the nearest names.

        Args:
            kind: What was looked for, such as ``"task"``.
            name: The unknown name.
            options: The names that exist.
            hint: A further sentence for when no name is near.
        """
        close = did_you_mean(name, options)
        tail = close or (f" {hint}" if hint else "")
        self.name = name
        self.message = f"Unknown {kind} {name!r}.{tail}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class TaskFileError(UserError):
    """A fault in a task file, with the file and, where known, the key and the line."""

    def __init__(self, message: str, *, path: object = None, key: str | None = None, line: int | None = None) -> None:
        """Build the message.

        Args:
            message: What is wrong.
            path: The file.
            key: The key at fault.
            line: Its line, counted from 1.
        """
        self.path, self.key, self.line = path, key, line
        where = str(path) if path is not None else ""
        if line is not None:
            where += f":{line}"
        if key is not None:
            where += f"{' ' if where else ''}[{key}]"
        super().__init__(f"{where}: {message}" if where else message)


class TemplateError(UserError):
    """A template that does not render for a doc."""


class DatasetError(UserError):
    """A dataset that can be found neither locally nor on the Hub."""


class MissingPackageError(UserError, ImportError):
    """An optional package that is needed and not installed."""


class CapabilityError(UserError):
    """The endpoint cannot do what a task needs; scoring it would give a wrong number."""


class APIError(LMEvalError):
    """An endpoint answered with an error, or not at all.

    Attributes:
        kind: A short stable name of the failure, for counts and result files.
        retryable: Whether the same request may succeed later.
    """

    kind = "api_error"
    retryable = False

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
        """Keep what is known of the failure and build a one-line message.

        Args:
            message: What happened.
            status: The HTTP status, when there was an answer.
            endpoint: The URL asked, without credentials.
            body: The start of the answer's body.
            advice: What to try.
            retry_after: Seconds the endpoint asked to wait.
            retryable: Overrides the class's default.
        """
        self.status, self.endpoint, self.advice, self.retry_after = status, endpoint, advice, retry_after
        self.body = " ".join(body.split())[:300]
        self.attempts = 1
        if retryable is not None:
            self.retryable = retryable
        parts = [message]
        if status is not None:
            parts.append(f"HTTP {status}")
        if endpoint:
            parts.append(f"from {endpoint}")
        text = " ".join(parts)
        if self.body:
            text += f": {self.body}"
        if advice:
            text += f" - {advice}"
        super().__init__(text)


class EndpointUnreachable(APIError):
    """No connection: refused, unknown host, TLS failure."""

    kind = "unreachable"
    retryable = True


class RequestTimeout(APIError):
    """No complete answer within the time allowed."""

    kind = "timeout"
    retryable = True


class AuthenticationError(APIError):
    """401 or 403: the key is missing, wrong or not allowed."""

    kind = "authentication"


class EndpointNotFound(APIError):
    """404: a wrong URL or a model the server does not know."""

    kind = "not_found"


class RequestRejected(APIError):
    """A 4xx that asking again will not change."""

    kind = "rejected"


class ContextLengthExceeded(RequestRejected):
    """The prompt, or prompt and answer, do not fit the model's window."""

    kind = "context_length"


class RateLimited(APIError):
    """429: too many requests or tokens."""

    kind = "rate_limited"
    retryable = True


class ServerError(APIError):
    """A 5xx answer."""

    kind = "server_error"
    retryable = True


class MalformedResponse(APIError):
    """Status 200, but not the JSON the API promises."""

    kind = "malformed"
    retryable = True


class CheckFailed(MalformedResponse):
    """Well-formed log-probabilities that cannot be those of the text that was sent."""

    kind = "check_failed"
    retryable = False


class RunStopped(LMEvalError):
    """The run ended early on purpose; what was answered is kept and the same command resumes."""
