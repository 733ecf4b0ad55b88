"""The light version asks its documents as the complete one does."""

from lm_eval.tasks.arabic_leaderboard_complete.utils import (
    acva,
    boolq,
    copa,
    exams,
    hellaswag,
    mmlu,
    numbered,
    sciq,
    toxigen,
)

__all__ = ["acva", "boolq", "copa", "exams", "hellaswag", "mmlu", "numbered", "sciq", "toxigen"]
