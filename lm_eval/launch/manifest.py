"""The manifest of a shard: what was asked, of what, and which files hold the values. It is written last.

A shard whose manifest is there is complete. Shards belong together if they agree on every setting that changes prompts,
answers or scores, and on the documents and prompts of the whole run, which each of them has seen.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval.config.options import Mark
from lm_eval.config.redact import redact
from lm_eval.config.run import RunSettings
from lm_eval.config.shard import Shard
from lm_eval.errors import ConfigError
from lm_eval.launch.lines import check_lines, damaged
from lm_eval.results.atomic import to_json, write_atomically

__all__ = [
    "MANIFEST",
    "Manifest",
    "TaskEntry",
    "difference",
    "find_shards",
    "kept_settings",
    "run_key",
    "shard_folder",
    "shards_folder",
]

MANIFEST = "manifest.json"
_FORMAT = 3
_FOLDER = "shards"

_NOT_OF_THE_RUN = frozenset(
    (
        *("output_path", "save_config", "dry_run", "fresh", "use_cache", "max_errors", "keep_going"),
        *("shard", "distribute", "shards", "include_path", "data_dir", "check_integrity", "confirm_run_unsafe_code"),
        *("sandbox", "write_out", "show_config", "intervals", "verbosity", "progress", "trust_remote_code"),
        *("wandb_args", "wandb_config_args", "trackio_args", "mlflow_args", "hf_hub_log_args"),
        *("batch_size", "max_batch_size", "device", "cache_requests", "output_format"),
        *("batch", "batch_wait", "batch_lines", "batch_mb"),
    )
)
"""Settings in which shards may differ: where things are, how much is shown, and how requests are sent."""
_NOT_OF_THE_MODEL = frozenset(
    (
        *("base_url", "num_concurrent", "max_retries", "retry_time", "batch_size", "timeout", "connect_timeout"),
        *("header", "verify_certificate", "ca_cert_path", "client_cert", "client_key", "auth_token", "api_key"),
        *("max_media_mb", "requests_per_minute", "tokens_per_minute", "price_in", "price_out", "max_cost"),
        *("max_tokens_total", "max_time"),
    )
)
"""The same for the arguments of the model and of judges."""


@dataclass(slots=True)
class TaskEntry:
    """What a manifest says of a task.

    Attributes:
        documents: Number of documents of the whole run.
        kept: Number of documents of this shard.
        asks_nothing: Number of further documents of this shard, about which nothing is asked.
        fingerprint: SHA-256 of all documents of the whole run, and of what is asked about them.
        config: SHA-256 of the task's config.
        pipelines: The names of the filter pipelines, in the order of the samples.
        values: The name of the file with the values of each document.
        samples: The name of the file with the samples; empty if there is none.
        answers: The name of the file with the answers of a task that is scored by the merge; empty if it is scored.
        hashes: File name to SHA-256.
        n_original: Number of documents in the split.
        num_fewshot: Number of few-shot examples in each prompt.
        notes: What a reader of the scores should know of prompts.
        scoring_notes: What a reader should know of the scoring of this shard's documents.
        scoring_state: What these notes are made of, to be added up.
        metric_parts: Values that metrics gave in addition to their own: name to the metric.
        failure: Why the code of the task could not score it; empty when it could.
        judging: What the results of this shard say of its judges; empty without judges, or without documents.
        judge_notes: What a reader of the scores should know of the judges.
    """

    documents: int
    kept: int
    fingerprint: str
    config: str
    pipelines: list[str]
    values: str = ""
    samples: str = ""
    answers: str = ""
    asks_nothing: int = 0
    hashes: dict[str, str] = field(default_factory=dict)
    n_original: int = 0
    num_fewshot: int = 0
    notes: list[str] = field(default_factory=list)
    scoring_notes: list[str] = field(default_factory=list)
    scoring_state: dict[str, Any] = field(default_factory=dict)
    metric_parts: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    judging: dict[str, Any] = field(default_factory=dict)
    judge_notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Manifest:
    """What a shard is a part of, and what it holds.

    Attributes:
        shard: The shard.
        run: Identifies the run by its settings and the version of this package; equal in all shards of a run.
        settings: The settings, without secrets.
        tasks: Task name to what is known of it, in the order of the run.
        refused: Task name to why it did not run.
        facts: What the results of a run hold besides scores: its config, environment, model.
        lost: Number of this shard's documents that were lost to errors, or have no verdict since a judge was not
            reached.
        exceeded: Whether that is more than ``max_errors`` allows.
        generators: The state of the random generators when scoring begins; empty if the merge scores no task.
        folder: Where the shard is.
    """

    shard: Shard
    run: str
    settings: dict[str, Any]
    tasks: dict[str, TaskEntry]
    refused: dict[str, str]
    facts: dict[str, Any]
    lost: int = 0
    exceeded: bool = False
    generators: str = ""
    folder: Path = Path()

    @property
    def incomplete(self) -> bool:
        """Whether the shard lacks something: too many documents, a task that was refused, or scores."""
        return self.exceeded or bool(self.refused) or any(entry.failure for entry in self.tasks.values())

    def write(self) -> Path:
        """Write the manifest into the folder of the shard, after all other files.

        Returns:
            The file.

        Raises:
            SavingError: It cannot be written.
        """
        content = {
            "format": _FORMAT,
            "shard": self.shard.index,
            "shards": self.shard.count,
            "run": self.run,
            "lost": self.lost,
            "exceeded": self.exceeded,
            "tasks": {name: dataclasses.asdict(entry) for name, entry in self.tasks.items()},
            "refused": self.refused,
            "settings": self.settings,
            "facts": self.facts,
            "generators": self.generators,
        }
        path = self.folder / MANIFEST
        write_atomically(path, [to_json({**content, "sha256": _hash(content)}, indent=2), "\n"])
        return path

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a shard.

        Args:
            folder: The folder of the shard.

        Returns:
            The manifest.

        Raises:
            ShardDamaged: It is damaged, or was changed after the shard wrote it.
            ConfigError: It cannot be read, or is of another version.
        """
        path = folder / MANIFEST
        try:
            found = json.loads(path.read_bytes())
            if found["format"] != _FORMAT:
                raise ConfigError(
                    f"{path} was written by another version of lm_eval. Use that version, or do the shard again with"
                    " --fresh."
                )
            if found.pop("sha256") != _hash(found):
                raise damaged(path)
            return cls(
                shard=Shard(int(found["shard"]), int(found["shards"])),
                run=str(found["run"]),
                settings=dict(found["settings"]),
                tasks={str(name): TaskEntry(**entry) for name, entry in found["tasks"].items()},
                refused=dict(found["refused"]),
                facts=dict(found["facts"]),
                lost=int(found["lost"]),
                exceeded=bool(found["exceeded"]),
                generators=str(found["generators"]),
                folder=folder,
            )
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, ConfigError):
                raise
            raise damaged(path) from error

    def check_files(self) -> None:
        """Check that the files of the shard are those that it wrote.

        Raises:
            ShardDamaged: A file is missing, or is another one.
            ConfigError: A file cannot be read.
        """
        for entry in self.tasks.values():
            for name, expected in entry.hashes.items():
                check_lines(self.folder / name, expected)


def _hash(content: Mapping[str, Any]) -> str:
    """Hash a manifest, so that a change by hand is noticed, however the file is laid out."""
    # Read back first: two keys of a dict, such as 1 and "1", become one in a file.
    return hashlib.sha256(to_json(json.loads(to_json(content))).encode()).hexdigest()


def kept_settings(settings: RunSettings) -> dict[str, Any]:
    """Return the settings as a manifest has them: without secrets, and without what is for one command only.

    Args:
        settings: The settings of a run.
    """
    kept = {
        name: redact(getattr(settings, name), name)
        for name, option in RunSettings.options().items()
        if Mark.ONCE not in option.marks and getattr(settings, name) is not None
    }
    # These say how the run is done; shards are merged in another folder, perhaps.
    kept.pop("distribute", None)
    kept.pop("shards", None)
    kept["include_path"] = [str(Path(folder).absolute()) for folder in settings.include_path]
    if settings.data_dir is not None:
        kept["data_dir"] = str(Path(settings.data_dir).absolute())
    return kept


def run_key(settings: RunSettings, version: str) -> str:
    """Identify a run by what changes its prompts, answers and scores.

    Args:
        settings: The settings of the run.
        version: The version of this package.

    Returns:
        16 hexadecimal digits.
    """
    text = to_json([version, _of_the_run(kept_settings(settings))])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _of_the_run(settings: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: value for name, value in settings.items() if name not in _NOT_OF_THE_RUN}
    chosen["model_args"] = _of_the_model(chosen.get("model_args") or {})
    chosen["judge_model_args"] = [_of_the_model(arguments) for arguments in chosen.get("judge_model_args") or ()]
    return dict(sorted(chosen.items()))


def _of_the_model(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key not in _NOT_OF_THE_MODEL}


def difference(one: Manifest, other: Manifest) -> str:
    """Name a setting in which two shards of different runs differ.

    Args:
        one: The manifest of a shard.
        other: The manifest of another.

    Returns:
        Such as ``limit is 10 there and 20 here``; another version of the package if no setting differs.
    """
    first, second = _of_the_run(one.settings), _of_the_run(other.settings)
    for name in dict.fromkeys((*first, *second)):
        before, after = first.get(name), second.get(name)
        if to_json(before) != to_json(after):
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                keys = [key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)]
                name, before, after = f"{name}.{keys[0]}", before.get(keys[0]), after.get(keys[0])
            return f"{name} is {before!r} in {one.folder.name} and {after!r} in {other.folder.name}"
    versions = one.facts.get("lm_eval_version"), other.facts.get("lm_eval_version")
    return f"lm_eval is {versions[0]} in {one.folder.name} and {versions[1]} in {other.folder.name}"


def shard_folder(output_path: str | Path, shard: Shard) -> Path:
    """Name the folder of a shard.

    Args:
        output_path: The output path of the run: a folder, or a path that ends in ``.json``.
        shard: The shard.

    Returns:
        ``<output path>/shards/0003-of-0016``; for ``runs/x.json`` it is ``runs/x.shards/0003-of-0016``.
    """
    return shards_folder(output_path) / shard.name


def shards_folder(output_path: str | Path) -> Path:
    """Name the folder of all shards of a run.

    Args:
        output_path: The output path of the run.
    """
    path = Path(output_path).expanduser()
    return path.with_suffix(f".{_FOLDER}") if path.suffix == ".json" else path / _FOLDER


def find_shards(path: Path) -> list[Path]:
    """Find the folders of shards, with or without a manifest.

    Args:
        path: The output path of the run, or the folder that holds the folders of shards.

    Returns:
        The folders, by name.

    Raises:
        ConfigError: A folder cannot be read.
    """
    try:
        for place in (shards_folder(path), path):
            if place.is_dir():
                found = sorted(folder for folder in place.iterdir() if folder.is_dir() and "-of-" in folder.name)
                if found:
                    return found
    except OSError as error:
        raise ConfigError(f"{error.filename or path} cannot be read: {error.strerror or error}.") from error
    return []
