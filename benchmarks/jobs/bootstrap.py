"""Bootstrap the standard error of an F1 score."""

from __future__ import annotations

import logging
import random

from benchmarks.jobs._clients import arguments, clock, finish

logging.disable(logging.WARNING)


def main() -> None:
    """Use seeded pairs of gold and prediction, of which three in four are equal."""
    from lm_eval.api.metrics import bootstrap_stderr, f1_score

    given, rng = arguments(), random.Random(7)
    pairs = []
    for _ in range(given["docs"]):
        gold = rng.randrange(2)
        pairs.append((gold, gold if rng.random() < 0.75 else 1 - gold))
    stderrs: list[float] = []
    wall, cpu = clock(lambda: stderrs.append(float(bootstrap_stderr(f1_score, pairs, iters=given["resamples"]))))
    finish(wall=wall, cpu=cpu, stderr=stderrs[0])


if __name__ == "__main__":
    main()
