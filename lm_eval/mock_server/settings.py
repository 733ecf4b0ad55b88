"""The server's options, each declared once: the arguments of ``MockServer`` and the command line follow from here."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import TYPE_CHECKING, Literal, get_args

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.mock_server.batch_faults import BATCH_FAULTS, parse_batch_fault
from lm_eval.mock_server.faults import KINDS, FaultSource
from lm_eval.mock_server.judge import JudgeSettings
from lm_eval.mock_server.profiles import PROFILES, Profile, get_profile
from lm_eval.mock_server.refused_fields import WORDINGS, parse_rules

if TYPE_CHECKING:
    import ssl

__all__ = ["Answers", "ReasoningPlace", "ServerSettings", "add_arguments", "command_line", "given_options"]

Answers = Mapping[str, str] | Callable[[str], str | None]
"""Scripted answers: a function of the prompt that returns the answer, or None to let the model answer; or a mapping
from a text to the answer that is given when the prompt contains the text. If several texts match, the one that ends
furthest to the right counts, then the longest."""


ReasoningPlace = Literal["field", "tags", "end-tag", "no-end", "whole"]
"""Where a reasoning text stands in an answer."""


@dataclass(frozen=True)
class _Flag:
    """How an option is written on the command line.

    Attributes:
        name: The flag, such as ``--port``.
        type: Turns the text into the value.
        metavar: The placeholder in the help text; None for the option's name.
        default: The default on the command line; None for the option's own default.
        repeated: The flag may be given several times.
    """

    name: str
    type: Callable[[str], object] = str
    metavar: str | None = None
    default: object = None
    repeated: bool = False


def _about(help: str, flag: _Flag | None = None) -> dict[str, object]:
    """Describe an option; without a flag it exists only in Python."""
    return {"help": help, "flag": flag}


@dataclass(repr=False, eq=False)
class ServerSettings:
    """All options of a mock server; ``help(ServerSettings.__init__)`` describes them."""

    profile: str | Profile = field(
        default="default",
        metadata=_about(f"server to imitate: {', '.join(PROFILES)}", _Flag("--profile", metavar="NAME")),
    )
    port: int = field(
        default=0, metadata=_about("port to listen on; 0 for a free port", _Flag("--port", int, default=8000))
    )
    _: KW_ONLY
    host: str = field(default="127.0.0.1", metadata=_about("address to listen on", _Flag("--host")))
    model: str = field(default="mock", metadata=_about("model name to serve", _Flag("--model-name", metavar="NAME")))
    max_model_len: int = field(
        default=8192, metadata=_about("context length in tokens", _Flag("--max-model-len", int, "TOKENS"))
    )
    latency_ms: float | str = field(
        default=0,
        metadata=_about(
            "time per answer in milliseconds, fixed or as mean and standard deviation",
            _Flag("--latency-ms", metavar="MS[:SD]"),
        ),
    )
    slots: int = field(
        default=0,
        metadata=_about("maximum number of answers computed at once; 0: no limit", _Flag("--slots", int, "N")),
    )
    max_in_flight: int = field(
        default=0,
        metadata=_about(
            "answer 429 above this number of requests at once; 0: no limit", _Flag("--max-in-flight", int, "N")
        ),
    )
    requests_per_minute: float = field(
        default=0,
        metadata=_about("answer 429 above this request rate; 0: no limit", _Flag("--requests-per-minute", float, "N")),
    )
    rate_window: float = field(
        default=60.0, metadata=_about("seconds in which the quota of requests_per_minute refills from empty to full")
    )
    faults: FaultSource = field(
        default=(),
        metadata=_about(
            f"make a fraction of the requests fail; may be repeated. Kinds: {', '.join(KINDS)}",
            _Flag("--fault", metavar="KIND[=VALUE]:RATE", repeated=True),
        ),
    )
    batch_ms: float = field(
        default=0, metadata=_about("time that a batch takes in milliseconds", _Flag("--batch-ms", float, "MS"))
    )
    batch_faults: Sequence[str] = field(
        default=(),
        metadata=_about(
            f"what goes wrong with the first batches, in order; may be repeated. Kinds: {', '.join(BATCH_FAULTS)}",
            _Flag("--batch-fault", metavar="KIND[=VALUE]", repeated=True),
        ),
    )
    seed: int = field(
        default=0,
        metadata=_about("seed of faults and latency, and of requests without a seed", _Flag("--seed", int, "N")),
    )
    answers: Answers | None = field(
        default=None,
        metadata=_about(
            "scripted answers; on the command line a JSON file that maps a text in a prompt to the answer",
            _Flag("--answers", metavar="FILE"),
        ),
    )
    judge: str = field(
        default="",
        metadata=_about(
            f"judge other models' answers in chat requests that ask for a verdict; 'exact' by a rule, or with "
            f"probabilities: {', '.join(option.name for option in fields(JudgeSettings))}",
            _Flag("--judge", metavar="NAME=P,..."),
        ),
    )
    reasoning: str = field(
        default="", metadata=_about("reasoning text before every chat answer", _Flag("--reasoning", metavar="TEXT"))
    )
    reasoning_in: ReasoningPlace = field(
        default="field",
        metadata=_about(
            "where the reasoning text stands: field (where the imitated server puts it), tags (in the answer), end-tag "
            "(in the answer, without its start tag), no-end (it never ends), whole (the answer itself is in the field)",
            _Flag("--reasoning-in", metavar="PLACE"),
        ),
    )
    refuses: Sequence[str] = field(
        default=(),
        metadata=_about(
            f"refuse requests that have a field; may be repeated. Wordings: {', '.join(WORDINGS)}",
            _Flag("--refuse", metavar="FIELD:WORDING", repeated=True),
        ),
    )
    api_key: str | None = field(
        default=None, metadata=_about("API key that requests must send", _Flag("--api-key", metavar="KEY"))
    )
    prefix_cache_blocks: int = field(
        default=4096,
        metadata=_about(
            "size of the simulated prefix cache in blocks of 16 tokens; 0: no cache",
            _Flag("--prefix-cache-blocks", int, "N"),
        ),
    )
    refuse_for: float = field(default=0.0, metadata=_about("seconds after the start in which connections are refused"))
    log_requests: int = field(
        default=10_000, metadata=_about("maximum number of requests that are kept with their bodies")
    )
    ssl_context: ssl.SSLContext | None = field(
        default=None, metadata=_about("serve over TLS with this certificate; fetch_stats() does not work then")
    )
    process: bool = field(
        default=False, metadata=_about("run in a separate process, which takes only what the command line can say")
    )

    def __post_init__(self) -> None:
        """Replace the name of a profile by the profile.

        Raises:
            UnknownNameError: There is no such profile, or no such place for a reasoning text.
            ConfigError: A rule for refused fields, or a setting of the judge, has no meaning.
        """
        self.profile = get_profile(self.profile)
        if self.reasoning_in not in get_args(ReasoningPlace):
            raise UnknownNameError("place for a reasoning text", self.reasoning_in, get_args(ReasoningPlace))
        parse_rules(self.refuses)
        for text in self.batch_faults:
            parse_batch_fault(text)
        if self.judge:
            JudgeSettings.parse(self.judge)


# The docstring of the constructor, for help(): the options are described in one place only.
ServerSettings.__init__.__doc__ = "Describe a server; nothing starts yet.\n\nArgs:\n" + "".join(
    f"    {option.name}: {option.metadata['help']}.\n" for option in fields(ServerSettings)
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval mock-server``.

    Args:
        parser: The parser of the subcommand.
    """
    for option in fields(ServerSettings):
        flag: _Flag | None = option.metadata["flag"]
        if flag is None:
            continue
        help: str = option.metadata["help"]
        default = option.default if flag.default is None else flag.default
        if flag.repeated:
            parser.add_argument(
                flag.name, dest=option.name, action="append", default=[], metavar=flag.metavar, help=help
            )
            continue
        if default not in (None, ""):
            help += " (default: %(default)s)"
        parser.add_argument(
            flag.name, dest=option.name, type=flag.type, default=default, metavar=flag.metavar, help=help
        )


def given_options(namespace: argparse.Namespace) -> dict[str, object]:
    """Collect the options that were given on the command line.

    Args:
        namespace: The options as ``add_arguments`` parses them.

    Returns:
        Names and values for ``MockServer``; ``answers`` is still the name of a file.
    """
    return {
        option.name: getattr(namespace, option.name) for option in fields(ServerSettings) if option.metadata["flag"]
    }


def command_line(settings: ServerSettings) -> list[str]:
    """Write settings as arguments of ``python -m lm_eval.mock_server``.

    Args:
        settings: The settings; ``process`` is not written.

    Returns:
        The arguments.

    Raises:
        ConfigError: The command line has no way to say one of the settings.
    """
    words: list[str] = []
    for option in fields(settings):
        if option.name == "process":
            continue
        flag: _Flag | None = option.metadata["flag"]
        value: object = getattr(settings, option.name)
        texts = None if flag is None else _as_texts(value, scripted=option.name == "faults")
        if flag is not None and texts is not None:
            words += [f"{flag.name}={text}" for text in texts]
        elif value != option.default:
            raise ConfigError(
                "A mock server in a separate process takes only what its command line can say, which excludes this "
                f"value of {option.name}."
            )
    return words


def _as_texts(value: object, *, scripted: bool) -> list[str] | None:
    """Write a value for the command line: one text per use of the flag, or None if that is not possible.

    A text without a rate is part of a script, which the command line cannot say, if the option may have one.
    """
    if value is None:
        return []
    if isinstance(value, str | int | float):
        return [str(value)]
    if isinstance(value, Profile):
        return [value.name] if PROFILES.get(value.name) == value else None
    if isinstance(value, Sequence) and all(isinstance(item, str) and (not scripted or ":" in item) for item in value):
        return [str(item) for item in value]
    return None
