"""Save the results of a run, and print them whether or not they could be saved."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping

from lm_eval.errors import SavingError
from lm_eval.loggers.evaluation_tracker import EvaluationTracker

__all__ = ["save_and_print"]

eval_logger = logging.getLogger("lm_eval")


def save_and_print(tracker: EvaluationTracker, results: Mapping[str, object], show: Callable[[], None]) -> None:
    """Save results and samples, then print the results.

    Args:
        tracker: Saves them.
        results: What ``simple_evaluate`` returned.
        show: Prints them to stdout.

    Raises:
        SavingError: A file cannot be written; the results are printed nevertheless.
    """
    try:
        tracker.save(results)
    except SavingError as error:
        _print(show)
        kept = " The answers are kept; the same command saves them." if tracker.keeps_answers else ""
        raise SavingError(f"The results are not saved: {error}{kept}") from error
    _print(show)


def _print(show: Callable[[], None]) -> None:
    from lm_eval.cli.main import discard_output

    try:
        show()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has ended
        discard_output()
    except OSError as error:  # stdout goes to a file on a full disk
        discard_output()
        eval_logger.error("The scores cannot be printed: %s.", error.strerror or error)
