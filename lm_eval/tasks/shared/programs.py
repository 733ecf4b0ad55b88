"""``code_eval`` as an object with ``compute``, as task code has it from Hugging Face evaluate; runs in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.sandbox.code_execution import code_eval

__all__ = ["CodeEval"]


class CodeEval:
    """Runs candidate programs with the tests of their problems."""

    def compute(
        self, *, references: Sequence[str], predictions: Sequence[Sequence[str]], k: Sequence[int] = (1, 10, 100)
    ) -> tuple[dict[str, float], dict[int, list[object]]]:
        """Run the programs.

        Args:
            references: The tests of each problem.
            predictions: The programs of each problem.
            k: The values of k.

        Returns:
            ``pass@k`` for each k; and an empty dict, where evaluate has the output of each program.
        """
        return code_eval(references, predictions, k), {}
