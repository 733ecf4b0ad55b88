"""The leaderboard's path to the ids of instructions; kept for compatibility."""

from lm_eval.tasks.ifeval.instructions_registry import (
    INSTRUCTION_DICT,
)

__all__ = [
    "INSTRUCTION_DICT",
]
