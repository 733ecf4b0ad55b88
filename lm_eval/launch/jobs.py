"""What the jobs of a run have in common: its settings in a file, with limits divided among the shards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from lm_eval.api.registry import MODELS
from lm_eval.config.run import RunSettings
from lm_eval.config.run_file import config_text
from lm_eval.config.shard import MAX_SHARDS
from lm_eval.errors import ConfigError, SavingError, SeveralErrors, UnknownNameError
from lm_eval.models.arguments import ModelArguments

__all__ = [
    "CONFIG",
    "ENDED_WELL",
    "KEYS",
    "NO_RETRY",
    "Files",
    "Jobs",
    "check_tasks",
    "references",
    "write_config",
    "write_file",
]

CONFIG = "run.yaml"
NO_RETRY = 2
"""The exit code of a mistake that the user can correct, so that trying again would not help."""
ENDED_WELL = (0, 3)
"""Exit codes of a shard that is complete. After 3 some documents are lost, which the merge counts."""
KEYS = ("OPENAI_API_KEY", "LM_EVAL_JUDGE_API_KEY", "HF_TOKEN")
"""Variables that may hold keys of a run."""
_PER_SHARD = ("requests_per_minute", "tokens_per_minute")
_OF_ALL = ("max_cost", "max_tokens_total")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?")
_KEY = re.compile(r"(?:(model_args)|judge_model_args\.\d+)\.(?:auth_token|api_key)")


@dataclass(frozen=True, slots=True)
class Jobs:
    """How a run is cut into jobs.

    Attributes:
        name: The name of the jobs: small letters, digits and ``-``.
        shards: The number of shards, each a job.
        at_once: Maximum number of shards at the same time; None for all.
        retries: How often a shard is tried again.
        memory: Memory of a job, as the scheduler writes it.
        cpus: Number of CPUs of a job.
    """

    name: str = "lm-eval"
    shards: int = 8
    at_once: int | None = None
    retries: int = 3
    memory: str = "2G"
    cpus: int = 1

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: A value cannot be used.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"--name takes small letters, digits and '-', not {self.name!r}.")
        given = (("jobs", self.shards, 1), ("at_once", self.at_once, 1), ("cpus", self.cpus, 1))
        for flag, value, least in (*given, ("retries", self.retries, 0)):
            if value is not None and value < least:
                raise ConfigError(f"--{flag} takes a whole number from {least} on, not {value}.")
        if self.shards > MAX_SHARDS:
            raise ConfigError(f"--jobs takes a whole number up to {MAX_SHARDS}, not {self.shards}.")

    @property
    def running(self) -> int:
        """The maximum number of shards at the same time."""
        return min(self.at_once or self.shards, self.shards)


@dataclass(frozen=True, slots=True)
class Files:
    """What was written.

    Attributes:
        paths: The files, in the order in which a person reads them.
        submit: The commands that submit the jobs.
        notes: What the user should know, one sentence each.
    """

    paths: tuple[Path, ...]
    submit: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def write_config(settings: RunSettings, jobs: Jobs, folder: Path, changes: Mapping[str, object]) -> tuple[str, ...]:
    """Write the settings of a run as the config file of its shards.

    Args:
        settings: The settings.
        jobs: How the run is cut.
        folder: Where the file goes.
        changes: Settings that the jobs replace, such as ``output_path``.

    Returns:
        A sentence for each key that is left out, and for each limit that was divided among the shards.

    Raises:
        ConfigError: The settings do not make a run, or the folder has those of another run.
        SavingError: The file cannot be written.
    """
    settings = copy(settings)
    _check(settings)
    notes = []
    given = dict(settings.model_args)
    shares = {**dict.fromkeys(_PER_SHARD, jobs.running), **dict.fromkeys(_OF_ALL, jobs.shards)}
    for name, share in shares.items():
        value = given.get(name)
        if value is None or share == 1:
            continue
        whole = float(str(value))
        part = whole / share
        given[name] = part = max(1, int(part)) if isinstance(value, int) and name == "max_tokens_total" else part
        notes.append(f"{name}={whole:g} holds for the run: each of {share} shards gets {part:g}.")
    # The variables and files that arguments refer to are those of the jobs, and need not be here.
    here = {name: value for name, value in given.items() if not re.search(r"\b(?:env|file):", str(value))}
    ModelArguments.parse(here, passes_more="" if settings.model in MODELS else "the model")
    settings.model_args = given
    for name, value in changes.items():
        setattr(settings, name, value)
    text, secrets = config_text(settings)
    notes = [_note_on(secret, len(settings.judge_model_args)) for secret in secrets] + notes
    path = folder / CONFIG
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
        raise ConfigError(
            f"{path} has other settings, which jobs that wait in a queue read when they start. Give another --folder, "
            "or remove the file."
        )
    write_file(path, text)
    return tuple(notes)


def _check(settings: RunSettings) -> None:
    """Refuse settings with which no job would reach its end."""
    for name in ("dry_run", "shard", "distribute"):
        if getattr(settings, name):
            raise ConfigError(f"--{name} and launch exclude each other: the jobs are the shards of the run.")
    if not settings.output_path:
        raise ConfigError("launch needs --output_path: a folder that all jobs see.")
    if settings.output_path.endswith(".json"):
        raise ConfigError("--output_path of a launch is a folder.")
    settings.shard = "auto"
    settings.check_command()
    settings.shard = None
    if settings.batch_wait is not None:
        raise ConfigError(
            "--batch_wait and launch exclude each other: a job that leaves its batches is tried again at once. Leave "
            "it out; the jobs wait for their batches."
        )
    if settings.batch is not None and settings.batch != "openai":
        raise ConfigError("launch takes --batch openai only: in a job, nobody answers the files of --batch file:DIR.")


def _note_on(secret: str, judges: int) -> str:
    """Say which variable replaces a secret that is left out of the file.

    Raises:
        ConfigError: No variable does.
    """
    found = _KEY.fullmatch(secret)
    if found is None or not (found[1] or judges == 1):
        raise ConfigError(
            f"{secret} holds a secret, which launch writes into no file. Give a key or a header as env:NAME, the name "
            "of a variable that the jobs have."
        )
    return f"{secret} is in no file: set {KEYS[0] if found[1] else KEYS[1]} for the jobs, which take the key from it."


def check_tasks(settings: RunSettings) -> None:
    """Refuse tasks that nobody knows.

    Args:
        settings: The settings of the run.

    Raises:
        UserError: A name is not known, or a task file cannot be read.
    """
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.task_files.resolve import select

    manager = TaskManager(include_path=settings.include_path or None)
    problems = []
    for task in settings.tasks if not settings.keep_going else ():
        try:
            select([task], manager.task_index, manager.unknown)
        except UnknownNameError as error:
            problems.append(str(error))
    if problems:
        raise SeveralErrors(problems)


def references(value: object) -> Iterator[str]:
    """Find the variables that arguments name as ``env:NAME``.

    Args:
        value: An argument, or a mapping or list of arguments.

    Yields:
        The names.
    """
    if isinstance(value, str) and value.startswith("env:"):
        yield value.removeprefix("env:")
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from references(inner)


def write_file(path: Path, text: str) -> None:
    """Write a file, and the folder that it is in.

    Args:
        path: The file.
        text: Its text.

    Raises:
        SavingError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SavingError(f"--folder: {path} cannot be written: {error.strerror or error}.") from None
