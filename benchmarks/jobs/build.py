"""Build the requests of ``bench_choice``; report documents per second and a digest of the requests."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from benchmarks.jobs._clients import arguments, clock, finish

logging.disable(logging.WARNING)


def main() -> None:
    """Load the task and its data, then build the requests."""
    from lm_eval.tasks import TaskManager

    given = arguments()
    manager: Any = TaskManager(include_path=given["tasks"], include_defaults=False)
    task: Any = manager.load(["bench_choice"])["tasks"]["bench_choice"]
    task.set_config("num_fewshot", given["shots"])
    task.set_fewshot_seed(1234)
    docs = len(task.eval_docs)
    wall, cpu = clock(task.build_all_requests)
    digest = hashlib.sha256()
    for instance in task.instances:
        digest.update("\x1f".join(instance.args).encode())
    finish(docs=docs, wall=wall, cpu=cpu, requests=len(task.instances), digest=digest.hexdigest())


if __name__ == "__main__":
    main()
