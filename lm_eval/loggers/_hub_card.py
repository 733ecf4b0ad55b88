"""Write the card of a repository of results on the Hub: what it holds, and how to load it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["card"]

_FILE = re.compile(
    r"^(?:(?P<folder>.+)/)?(?P<kind>results|samples)_(?:(?P<task>.+)_)?"
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[\d.]*)\.(?P<ending>json|jsonl|parquet)$"
)
_NOT_A_WORD = re.compile(r"[^A-Za-z0-9_]+")


def card(repo: str, files: Iterable[str], notes: Mapping[str, str]) -> str:
    """Write the card.

    Args:
        repo: The repository's name.
        files: The paths in it.
        notes: ``leaderboard_url`` and ``point_of_contact``; empty ones are left out.

    Returns:
        Markdown. For ``datasets.load_dataset`` its head has one configuration for each model and task with samples,
        with one split per run and the split ``latest``.
    """
    found = [match for path in sorted(files) if (match := _FILE.match(path))]
    samples: dict[str, dict[str, str]] = {}
    for match in found:
        if match["kind"] == "samples" and match["task"]:
            name = _word(f"{match['folder'] or ''}__{match['task']}").strip("_")
            samples.setdefault(name, {})[match["time"]] = match[0]
    head = ["---", "tags:", "- lm-eval", *(["configs:"] if samples else [])]
    for name, by_time in samples.items():
        head += [f"- config_name: {name}", "  data_files:"]
        for time, path in [*by_time.items(), ("latest", by_time[max(by_time)])]:
            head += [f"  - split: {_word(time)}", f'    path: "{path}"']
    runs = [
        f"| {match['folder'] or ''} | {match['time']} | `{match[0]}` |" for match in found if match["kind"] == "results"
    ]
    text = [*head, "---", "", f"# Evaluation results: {repo.rpartition('/')[2]}", ""]
    text += ["This card is written again after each run."]
    if runs:
        text += ["", "| model | time | results |", "|---|---|---|", *runs]
    if samples:
        text += [
            "",
            "Samples, one row per document and filter:",
            "",
            "```python",
            "from datasets import load_dataset",
            "",
        ]
        text += [f'load_dataset("{repo}", "{next(iter(samples))}", split="latest")', "```"]
    labels = {"leaderboard_url": "Leaderboard", "point_of_contact": "Contact"}
    said = [f"{label}: {notes[key]}" for key, label in labels.items() if notes.get(key)]
    return "\n".join([*text, *(["", *said] if said else [])]) + "\n"


def _word(name: str) -> str:
    return _NOT_A_WORD.sub("_", name)
