"""From the id of an instruction to its class."""

from __future__ import annotations

from lm_eval.tasks.ifeval import instructions
from lm_eval.tasks.ifeval.instructions import Instruction

__all__ = ["INSTRUCTION_DICT"]

INSTRUCTION_DICT: dict[str, type[Instruction]] = {
    found.kind: found
    for found in vars(instructions).values()
    if isinstance(found, type) and issubclass(found, Instruction) and found.kind
}
