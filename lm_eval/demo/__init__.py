"""Three small tasks with their data, and the settings of the run that ``lm_eval demo`` does."""

from __future__ import annotations

from pathlib import Path

from lm_eval.config.run import RunSettings

__all__ = ["TASKS", "demo_config"]

TASKS = ("demo_choices", "demo_numbers", "demo_prose")
"""Multiple choice, generation and perplexity."""


def demo_config(base_url: str, model: str, output_path: str) -> RunSettings:
    """Return the settings for a run of the demo tasks.

    Args:
        base_url: The URL of the server.
        model: The name of the server's model.
        output_path: The folder for results and samples.

    Returns:
        The settings.
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
