"""Which shard a process does: as it is written, and from the variables of schedulers."""

from __future__ import annotations

import pytest

from lm_eval.config.shard import Shard, shard_of_environment
from lm_eval.errors import ConfigError


def test_a_shard_is_read_as_it_is_written() -> None:
    assert str(Shard.read(" 3/16 ")) == "3/16"


@pytest.mark.parametrize("text", ["", "3", "16/16", "-1/4", "0/0", "1/2/3", "a/b", "0.5/2"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="shard"):
        Shard.read(text)


@pytest.mark.parametrize("text", ["0/0", "0/100001", "1/1000000", "0/100000000"])
def test_the_limit_of_the_number_of_shards_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="the number of shards is 1 to 100000, not"):
        Shard.read(text)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "16"}, Shard(3, 16)),
        (
            {"SLURM_ARRAY_TASK_ID": "16", "SLURM_ARRAY_TASK_COUNT": "16", "SLURM_ARRAY_TASK_MIN": "1"},
            Shard(15, 16),
        ),
        ({"JOB_COMPLETION_INDEX": "2", "JOB_COMPLETIONS": "4"}, Shard(2, 4)),
        ({"JOB_COMPLETION_INDEX": "2", "LM_EVAL_SHARDS": "4"}, Shard(2, 4)),
        ({"LM_EVAL_SHARD": "1", "LM_EVAL_SHARDS": "2"}, Shard(1, 2)),
        ({"JOB_COMPLETION_INDEX": "2", "JOB_COMPLETIONS": "4", "LM_EVAL_SHARDS": "4"}, Shard(2, 4)),
        (
            {
                **{"LM_EVAL_SHARD": "1", "LM_EVAL_SHARDS": "2"},
                **{"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "2"},
            },
            Shard(1, 2),
        ),
    ],
)
def test_the_variables_of_schedulers_say_which_shard_it_is(variables: dict[str, str], expected: Shard) -> None:
    assert shard_of_environment(variables) == expected


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "SLURM_ARRAY_TASK_ID"),
        ({"JOB_COMPLETION_INDEX": "2"}, "JOB_COMPLETIONS"),
        ({"SLURM_ARRAY_TASK_ID": "x", "SLURM_ARRAY_TASK_COUNT": "2"}, "no number"),
        ({"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "2"}, "shards of 2"),
        (
            # sbatch --array=0,5,9: the ids say nothing about the number of shards
            {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MAX": "9"},
            "follow one",
        ),
    ],
)
def test_variables_that_say_no_shard_are_named(variables: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        shard_of_environment(variables)


SLURM = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "16"}


@pytest.mark.parametrize(
    ("variables", "first", "second"),
    [
        ({"JOB_COMPLETION_INDEX": "1", "JOB_COMPLETIONS": "2", "LM_EVAL_SHARDS": "3"}, "JOB_COMPLETIONS", "SHARDS"),
        ({**SLURM, "LM_EVAL_SHARDS": "8"}, "SLURM_ARRAY_TASK_ID", "LM_EVAL_SHARDS"),
        # A variable that is left over in a profile.
        ({**SLURM, "LM_EVAL_SHARD": "0", "LM_EVAL_SHARDS": "16"}, "LM_EVAL_SHARD ", "SLURM_ARRAY_TASK_ID"),
        (
            {**SLURM, "JOB_COMPLETION_INDEX": "2", "JOB_COMPLETIONS": "16"},
            "SLURM_ARRAY_TASK_ID",
            "JOB_COMPLETION_INDEX",
        ),
    ],
)
def test_variables_that_contradict_each_other_are_both_named(
    variables: dict[str, str], first: str, second: str
) -> None:
    with pytest.raises(ConfigError, match=f"{first}.*{second}.*Unset"):
        shard_of_environment(variables)
