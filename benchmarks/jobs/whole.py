"""A complete run of ``bench_choice`` with the reference, with a stand-in for a tokenizer."""

from __future__ import annotations

import logging
from typing import Any

from benchmarks.jobs._clients import arguments, finish, reference_model

logging.disable(logging.WARNING)


def main() -> None:
    """Evaluate as the reference's command does."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    given = arguments()
    run: Any = lm_eval.simple_evaluate
    manager: Any = TaskManager(include_path=given["tasks"])
    results = run(
        model=reference_model(given["base_url"]),
        tasks=["bench_choice"],
        task_manager=manager,
        limit=given["limit"],
        log_samples=False,
    )
    finish(acc=results["results"]["bench_choice"]["acc,none"])


if __name__ == "__main__":
    main()
