"""Three small tasks with their data, and the run that shows them: see ``lm_eval demo``."""

from __future__ import annotations

from pathlib import Path

from lm_eval.config.run import RunSettings

__all__ = ["TASKS", "demo_config"]

TASKS = ("demo_choices", "demo_numbers", "demo_prose")
"""Multiple choice, generation and perplexity."""


def demo_config(base_url: str, model: str, output_path: str) -> RunSettings:
    """Describe a run of the demo tasks.

    Args:
        base_url: The server's URL.
        model: The name it knows its model by.
        output_path: Where results and samples go.

    Returns:
        The run's options.
    """
    return RunSettings(
        model="local-completions",
        model_args={"model": model, "base_url": base_url},
        tasks=list(TASKS),
        include_path=[str(Path(__file__).parent / "tasks")],
        output_path=output_path,
        log_samples=True,
        fresh=True,
        verbosity="WARNING",
    )
