"""Evaluate several tasks in one run, as the command does."""

from __future__ import annotations

import logging
from typing import Any

from benchmarks.jobs._clients import arguments, finish, package_model, reference_model

logging.disable(logging.WARNING)


def main() -> None:
    """Run the tasks."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    given = arguments()
    run: Any = lm_eval.simple_evaluate
    manager: Any = TaskManager(include_path=given["tasks"])
    url, concurrent = given["base_url"], given["concurrent"]
    model = (
        package_model(url, None, concurrent=concurrent) if given["this_package"] else reference_model(url, concurrent)
    )
    results = run(model=model, tasks=given["names"], task_manager=manager, log_samples=False, bootstrap_iters=0)
    finish(tasks=len(results["results"]))


if __name__ == "__main__":
    main()
