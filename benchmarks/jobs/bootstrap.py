"""Bootstraps the standard error of an F1."""

from __future__ import annotations

import logging
import random

from benchmarks.jobs._clients import arguments, clock, finish

logging.disable(logging.WARNING)


def main() -> None:
    """Estimate it over seeded pairs of gold and prediction, three right of four."""
    from lm_eval.api.metrics import bootstrap_stderr, f1_score

    given, rng = arguments(), random.Random(7)
    pairs = []
    for _ in range(given["docs"]):
        gold = rng.randrange(2)
        pairs.append((gold, gold if rng.random() < 0.75 else 1 - gold))
    found: list[float] = []
    wall, cpu = clock(lambda: found.append(float(bootstrap_stderr(f1_score, pairs, iters=given["resamples"]))))
    finish(wall=wall, cpu=cpu, stderr=found[0])


if __name__ == "__main__":
    main()
