"""tinyBenchmarks: the score of a whole benchmark, estimated from a hundred documents by item response theory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import tinyBenchmarks


def agg_gpirt(items: Sequence[float], benchmark: str) -> float:
    """Estimate the score by the method gp-IRT, which combines the mean with a model of the items.

    Args:
        items: The score of each document, in the order of the dataset.
        benchmark: The name that the package has for the benchmark.
    """
    return float(tinyBenchmarks.evaluate(np.array(items), benchmark)[benchmark]["gpirt"])


agg_gpirt_arc = partial(agg_gpirt, benchmark="arc")
agg_gpirt_gsm8k = partial(agg_gpirt, benchmark="gsm8k")
agg_gpirt_hellaswag = partial(agg_gpirt, benchmark="hellaswag")
agg_gpirt_mmlu = partial(agg_gpirt, benchmark="mmlu")
agg_gpirt_truthfulqa = partial(agg_gpirt, benchmark="truthfulqa")
agg_gpirt_winogrande = partial(agg_gpirt, benchmark="winogrande")
