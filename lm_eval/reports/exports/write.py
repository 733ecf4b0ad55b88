"""Choose the format, and write its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.exports.facts import About, chosen_scores
from lm_eval.reports.exports.parts import Part
from lm_eval.results import Run, Score
from lm_eval.results.atomic import complete_file

__all__ = ["FORMATS", "Exported", "export_results"]

FORMATS = {
    "inspect": "Inspect's eval log, one file per task",
    "every-eval-ever": "the JSON schema of Every Eval Ever, with one line per document",
    "hub": "`.eval_results/*.yaml` of a model on the Hub",
    "model-index": "the `model-index` of a model card",
}
"""Name of a format to its description. ``lm_eval.reports.exports.<name>`` has ``parts``."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: The files.
        left_out: What the format cannot hold, one sentence each.
    """

    files: list[Path]
    left_out: list[str]


def export_results(run: Run, name: str, folder: Path, about: About | None = None) -> Exported:
    """Write a run in a format of another project.

    Args:
        run: The run.
        name: A format of ``FORMATS``.
        folder: Where the files go; it is created, and files of the same names are replaced.
        about: What the results file does not know.

    Returns:
        The files, and what the format cannot hold.

    Raises:
        UnknownNameError: There is no such format, task or metric.
        ConfigError: Nothing can be written, or a samples file cannot be read.
        SavingError: A file cannot be written.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    about = about or About()
    scores = chosen_scores(run, about)
    left_out: list[str] = []
    module = import_module(f"lm_eval.reports.exports.{name.replace('-', '_')}")
    parts: Callable[[Run, list[Score], About, list[str]], Iterator[Part]] = module.parts
    files = []
    for path, write in parts(run, scores, about, left_out):
        with complete_file(folder / path) as file:
            write(file)
        files.append(folder / path)
    if not files:
        raise ConfigError(" ".join([f"{run.path} has nothing that this format can hold.", *left_out]))
    return Exported(files, left_out)
