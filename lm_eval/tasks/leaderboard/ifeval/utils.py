"""The leaderboard's path to the verdicts of IFEval; kept for compatibility."""

from lm_eval.tasks.ifeval.utils import (
    InputExample,
    OutputExample,
    agg_inst_level_acc,
    process_results,
    test_instruction_following_loose,
    test_instruction_following_strict,
)

__all__ = [
    "InputExample",
    "OutputExample",
    "agg_inst_level_acc",
    "process_results",
    "test_instruction_following_loose",
    "test_instruction_following_strict",
]
