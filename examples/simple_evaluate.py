"""Evaluate from Python.

    python examples/simple_evaluate.py http://127.0.0.1:8000/v1 MODEL

Start a server first; `lm_eval mock-server --port 8000` needs no model.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lm_eval import simple_evaluate
from lm_eval.reports.table import make_table


def main(base_url: str, model: str) -> dict[str, float]:
    """Run the tasks of ``examples/custom_task`` and print the table.

    Args:
        base_url: The URL of the server, with or without ``/v1``.
        model: The name of the model at the server.

    Returns:
        Task name → score.
    """
    results = simple_evaluate(
        model="local-completions",
        model_args={"model": model, "base_url": base_url, "num_concurrent": 8},
        tasks=["capitals", {"task": "capitals_generate", "num_fewshot": 1}],
        include_path=Path(__file__).parent / "custom_task",
        limit=10,
    )
    print(make_table(results))
    for sample in results["samples"]["capitals_generate"][:3]:
        print(f"{sample['target']!r}: {sample['resps'][0][0]!r}")
    scores = results["results"]
    return {
        "capitals": scores["capitals"]["acc,none"],
        "capitals_generate": scores["capitals_generate"]["exact_match,first_word"],
    }


if __name__ == "__main__":
    main(*sys.argv[1:3])
