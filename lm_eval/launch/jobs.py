"""What the jobs of a run have in common: its settings in a file, with limits divided among the shards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from lm_eval.config.run import RunSettings
from lm_eval.config.run_file import save_config_file
from lm_eval.errors import ConfigError
from lm_eval.models.arguments import ModelArguments

__all__ = ["CONFIG", "ENDED_WELL", "NO_RETRY", "Files", "Jobs", "write_config"]

CONFIG = "run.yaml"
NO_RETRY = 2
"""The exit code of a mistake that the user can correct, so that trying again would not help."""
ENDED_WELL = (0, 3)
"""Exit codes of a shard that is complete. After 3 some documents are lost, which the merge counts."""
_PER_SHARD = ("requests_per_minute", "tokens_per_minute")
_OF_ALL = ("max_cost", "max_tokens_total")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Jobs:
    """How a run is cut into jobs.

    Attributes:
        name: The name of the jobs: small letters, digits and ``-``.
        shards: The number of shards, each a job.
        at_once: Maximum number of shards at the same time.
        retries: How often a shard is tried again.
        memory: Memory of a job, as the scheduler writes it.
        cpus: Number of CPUs of a job.
    """

    name: str = "lm-eval"
    shards: int = 8
    at_once: int = 0
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
        for flag, value, least in (("jobs", self.shards, 1), ("cpus", self.cpus, 1), ("at_once", self.at_once, 0)):
            if value < least:
                raise ConfigError(f"--{flag} takes a whole number from {least} on, not {value}.")
        if self.retries < 0:
            raise ConfigError(f"--retries takes a whole number from 0 on, not {self.retries}.")

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
        A sentence for each limit that was divided among the shards.

    Raises:
        ConfigError: The settings do not make a run, or the file cannot be written.
    """
    settings = copy(settings)
    settings.check_command()
    if not settings.output_path:
        raise ConfigError("launch needs --output_path: a folder that all jobs see.")
    for name in ("dry_run", "shard", "distribute"):
        if getattr(settings, name):
            raise ConfigError(f"--{name} and launch exclude each other: the jobs are the shards of the run.")
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
    ModelArguments.parse(given, passes_more="the model")
    settings.model_args = given
    for name, value in changes.items():
        setattr(settings, name, value)
    folder.mkdir(parents=True, exist_ok=True)
    save_config_file(settings, folder / CONFIG)
    return tuple(notes)
