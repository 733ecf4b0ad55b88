"""Generate text for tasks with different settings, where some answers are slow."""

from __future__ import annotations

import logging
import random
from typing import Any

from benchmarks.jobs._clients import arguments, clock, finish, instances, package_model, reference_model

logging.disable(logging.WARNING)


def main() -> None:
    """Ask the requests of all tasks at once."""
    given, rng = arguments(), random.Random(3)
    asked = []
    for setting in range(given["settings"]):
        slow = set(rng.sample(range(given["docs"]), given["docs"] // 100))
        kwargs = {"until": ["\n"], "max_gen_toks": 16 + setting, "temperature": 0.0}
        requests = [
            (f"{rng.getrandbits(64):016x} question {doc}{' (slow)' if doc in slow else ''}:", dict(kwargs))
            for doc in range(given["docs"])
        ]
        asked += instances("generate_until", requests, f"bench_{setting}")
    if given["this_package"]:
        lm = package_model(given["base_url"], "generate_until")
        wall, cpu = clock(lambda: lm.harness_respond(asked))
    else:
        lm = reference_model(given["base_url"])
        lm.tokenizer = None
        wall, cpu = clock(lambda: lm.generate_until(asked, disable_tqdm=True))
    finish(
        wall=wall, cpu=cpu, slow=["(slow)" in instance.args[0] for instance in _in_order(asked, given["this_package"])]
    )


def _in_order(asked: list[Any], this_package: bool) -> list[Any]:
    """Sort the Instances in the order in which this package asks them; leave those of the reference as they are."""
    if not this_package:
        return asked
    from lm_eval.models.responses import in_prefix_order

    return in_prefix_order(asked)


if __name__ == "__main__":
    main()
