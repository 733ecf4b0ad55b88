"""Which part of a run this process does: shard i of n."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lm_eval.errors import ConfigError

__all__ = ["ALONE", "MAX_SHARDS", "Shard", "Share", "shard_of_environment"]

MAX_SHARDS = 100_000
_WRITTEN = re.compile(r"\s*(\d{1,20})\s*/\s*(\d{1,20})\s*")
_COUNT = "LM_EVAL_SHARDS"
_COUNTS_OF_JOBS = ("JOB_COMPLETIONS", "JOB_COMPLETION_COUNT", _COUNT)
"""Variables that hold the number of completions of an Indexed Job; Kubernetes sets the index only."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a run.

    Attributes:
        index: The number of the shard, from 0.
        count: The number of shards.
    """

    index: int
    count: int

    @classmethod
    def read(cls, text: str) -> Shard:
        """Read ``3/16``.

        Args:
            text: Index and count.

        Returns:
            The shard.

        Raises:
            ConfigError: The text is no shard.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ConfigError(f"shard takes i/n such as 0/16, or auto, not {text!r}.")
        return cls._checked(int(found[1]), int(found[2]))

    @classmethod
    def _checked(cls, index: int, count: int) -> Shard:
        if not 1 <= count <= MAX_SHARDS:
            raise ConfigError(f"shard: the number of shards is 1 to {MAX_SHARDS}, not {count}.")
        if not 0 <= index < count:
            raise ConfigError(f"shard {index}/{count}: shards of {count} are 0/{count} to {count - 1}/{count}.")
        return cls(index, count)

    @property
    def name(self) -> str:
        """The shard as the name of a folder, such as ``0003-of-0016``."""
        return f"{self.index:04d}-of-{self.count:04d}"

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


class Share(NamedTuple):
    """How many divide the user's limits and budgets for an endpoint that they all ask, without telling each other.

    Attributes:
        processes: The number of processes that run at the same time; each gets an equal part of the limits per minute.
        shards: The number of shards; each gets an equal part of the budgets.
    """

    processes: int = 1
    shards: int = 1


ALONE = Share()
"""The share of a process that has the endpoint for itself."""


def shard_of_environment(environment: Mapping[str, str] | None = None) -> Shard:
    """Find out which shard this process does, from the variables that a scheduler sets.

    Args:
        environment: The variables; None means those of this process.

    Returns:
        From ``LM_EVAL_SHARD`` and ``LM_EVAL_SHARDS``, of a Slurm array from ``SLURM_ARRAY_TASK_ID`` and
        ``SLURM_ARRAY_TASK_COUNT``, where the ids may begin at ``SLURM_ARRAY_TASK_MIN``, or of a Kubernetes Indexed Job
        from ``JOB_COMPLETION_INDEX``, with the number of completions in ``JOB_COMPLETIONS`` or ``LM_EVAL_SHARDS``.

    Raises:
        ConfigError: The variables are not there, are no numbers, or contradict each other.
    """
    given = os.environ if environment is None else environment
    found = [(name, read(given)) for name, read in _SOURCES.items() if name in given]
    if not found:
        raise ConfigError(f"shard=auto finds none of {', '.join(_SOURCES)}; give --shard i/n.")
    (name, shard), *others = found
    # A variable that is left over in a profile would send every task of an array to the same shard.
    for other, another in others:
        if another != shard:
            raise ConfigError(
                f"shard=auto: {name} says shard {shard}, and {other} says {another}. Unset one of them, or give "
                "--shard i/n."
            )
    if _COUNT in given and _number(given, _COUNT) != shard.count:
        raise ConfigError(
            f"shard=auto: {name} says shard {shard}, and {_COUNT} says {given[_COUNT]}. Unset {_COUNT}, or give "
            "--shard i/n."
        )
    return shard


def _of_variables(given: Mapping[str, str]) -> Shard:
    return _of(given, "LM_EVAL_SHARD", _COUNT)


def _of_kubernetes(given: Mapping[str, str]) -> Shard:
    counts = [name for name in _COUNTS_OF_JOBS if name in given] or [_COUNTS_OF_JOBS[0]]
    for name in counts[1:]:
        if _number(given, name) != _number(given, counts[0]):
            raise ConfigError(
                f"shard=auto: {counts[0]} is {given[counts[0]]}, and {name} is {given[name]}: both hold the number of "
                "shards. Unset one of them, or give --shard i/n."
            )
    return _of(given, "JOB_COMPLETION_INDEX", counts[0])


def _of(given: Mapping[str, str], index: str, count: str) -> Shard:
    return _checked(_number(given, index), _number(given, count), f"{index} and {count}")


def _of_slurm(given: Mapping[str, str]) -> Shard:
    start = _number(given, "SLURM_ARRAY_TASK_MIN") if "SLURM_ARRAY_TASK_MIN" in given else 0
    count = _number(given, "SLURM_ARRAY_TASK_COUNT")
    last = _number(given, "SLURM_ARRAY_TASK_MAX") if "SLURM_ARRAY_TASK_MAX" in given else start + count - 1
    if last - start + 1 != count:
        raise ConfigError(
            f"shard=auto: the Slurm array has {count} tasks with ids from {start} to {last}. Ids have to follow one"
            " another; to repeat single shards, give --shard i/n."
        )
    return _checked(_number(given, "SLURM_ARRAY_TASK_ID") - start, count, "SLURM_ARRAY_TASK_ID and its count")


def _checked(index: int, count: int, names: str) -> Shard:
    try:
        return Shard._checked(index, count)
    except ConfigError as error:
        raise ConfigError(f"shard=auto, from {names}: {error}") from None


def _number(given: Mapping[str, str], name: str) -> int:
    try:
        return int(given[name])
    except KeyError:
        raise ConfigError(f"shard=auto: the variable {name} is not set; give --shard i/n.") from None
    except ValueError:
        raise ConfigError(f"shard=auto: the variable {name} is no number: {given[name]!r}.") from None


_SOURCES: dict[str, Callable[[Mapping[str, str]], Shard]] = {
    "LM_EVAL_SHARD": _of_variables,
    "SLURM_ARRAY_TASK_ID": _of_slurm,
    "JOB_COMPLETION_INDEX": _of_kubernetes,
}
"""The variable by which a source is known to what reads the shard from it."""
