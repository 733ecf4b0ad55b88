"""Three small tasks with their data, and the settings of the runs that ``lm_eval demo`` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lm_eval.config.run import RunSettings

__all__ = ["JUDGES", "JUDGE_SEED", "TASKS", "demo_config", "judged_answers", "judged_config"]

TASKS = ("demo_choices", "demo_numbers", "demo_prose")
"""Multiple choice, generation and perplexity."""

JUDGES = {"careful-judge": "accuracy=0.95", "hasty-judge": "accuracy=0.8,unreadable=0.1,quote=0.3"}
"""The judges of ``lm_eval demo --judge``: name to how the mock server judges."""
JUDGE_SEED = 8
"""The seed of the first judge's errors; the next judge has the next one.

Twenty answers are few, so a judge may err much more or less often than its accuracy says. With this seed each errs as
often as it says: once and four times.
"""


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


def judged_answers() -> dict[str, str]:
    """Return the answers of the model in ``lm_eval demo --judge``, by question; some are wrong, one is hostile."""
    answers: dict[str, str] = json.loads((Path(__file__).parent / "judged_answers.json").read_text(encoding="utf-8"))
    return answers


def judged_config(base_url: str, judge_urls: Sequence[str], output_path: str) -> RunSettings:
    """Return the settings for a run of the small task with judges.

    Args:
        base_url: The URL of the server that answers, under the model name ``mock``.
        judge_urls: The URL of the server of each of ``JUDGES``, in order.
        output_path: The folder for results and samples.

    Returns:
        The settings.
    """
    return RunSettings(
        model="local-chat-completions",
        model_args={"model": "mock", "base_url": f"{base_url}/chat/completions"},
        tasks=["judged_mini"],
        apply_chat_template=True,
        judge_model=["local-chat-completions"] * len(JUDGES),
        judge_model_args=[
            {"model": name, "base_url": f"{url}/chat/completions"} for name, url in zip(JUDGES, judge_urls, strict=True)
        ],
        output_path=output_path,
        log_samples=True,
        fresh=True,
        verbosity="WARNING",
    )
