"""Load saved runs, of this package and of the reference harness."""

from __future__ import annotations

import json
from pathlib import Path

from lm_eval.errors import ConfigError
from lm_eval.results.discovery import SamplesFiles, find
from lm_eval.results.run import Run
from lm_eval.text import first_names

__all__ = ["find", "load", "load_all", "read_run"]


def load(path: str | Path) -> Run:
    """Read the newest run under a folder.

    Args:
        path: The folder of ``--output_path``, a model's folder in it, or a results file.

    Returns:
        The run. Its samples are read when they are needed.

    Raises:
        ConfigError: There is no results file, or the folder holds runs of several models.
    """
    runs = find(path)
    # Earlier versions saved the model ./models/x in .__models__x.
    models = sorted({run.parent.with_name(run.parent.name.removeprefix(".__")) for run in runs})
    if len(models) > 1:
        raise ConfigError(f"{path} holds runs of several models; name one of {first_names(models)}.")
    return read_run(runs[-1])


def load_all(path: str | Path) -> list[Run]:
    """Read every run under a folder, oldest first.

    Args:
        path: The folder of ``--output_path``, a model's folder in it, or a results file.

    Returns:
        The runs.

    Raises:
        ConfigError: There is no results file.
    """
    files = find(path)
    folders = {folder: SamplesFiles(folder.iterdir()) for folder in {file.parent for file in files}}
    return [read_run(file, folders[file.parent]) for file in files]


def read_run(file: Path, samples: SamplesFiles | None = None) -> Run:
    """Read one results file.

    Args:
        file: The file.
        samples: The samples files of its folder; None lists the folder.

    Returns:
        The run. Its samples are read when they are needed.

    Raises:
        ConfigError: The file cannot be read, or is no results file.
    """
    try:
        results = json.loads(file.read_text(encoding="utf-8", errors="surrogatepass"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{file} is not JSON: {error}.") from error
    if not isinstance(results, dict) or not isinstance(results.get("results"), dict):
        raise ConfigError(f"{file} is not a results file: it has no 'results'.")
    found = SamplesFiles(file.parent.iterdir()) if samples is None else samples
    return Run(path=file, results=results, sample_files=found.of_run(file, list(results["results"])))
