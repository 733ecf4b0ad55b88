"""Result files, and their copy on the Hugging Face Hub."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lm_eval.config.redact import redact
from lm_eval.config.values import sample_format
from lm_eval.results.atomic import to_json, whole_file, write_atomically
from lm_eval.results.hashes import task_hash
from lm_eval.text import sha256

__all__ = ["EvaluationTracker", "GeneralConfigTracker"]

eval_logger = logging.getLogger("lm_eval")


@dataclass
class GeneralConfigTracker:
    """What a run is about, beside its scores.

    Attributes:
        model_source: The registered name of the model's class.
        model_name: The model's name, from the model arguments.
        model_name_sanitized: The same as a folder's name.
        start_time: When the tracker was made, in seconds of a monotonic clock.
    """

    model_source: str | None = None
    model_name: str | None = None
    model_name_sanitized: str | None = None
    system_instruction: str | None = None
    system_instruction_sha: str | None = None
    fewshot_as_multiturn: bool | None = None
    chat_template: str | None = None
    chat_template_sha: str | None = None
    total_evaluation_time_seconds: float | None = None
    start_time: float = field(default_factory=time.perf_counter)

    @staticmethod
    def _get_model_name(model_args: str | Mapping[str, Any] | None) -> str | None:
        """Read the model's name off its arguments."""
        from lm_eval.utils import simple_parse_args_string

        given = simple_parse_args_string(model_args) if isinstance(model_args, str) else model_args or {}
        name = next((given[key] for key in ("model", "pretrained", "peft", "delta", "path") if given.get(key)), None)
        return str(name) if name is not None else None

    def log_experiment_args(
        self,
        model_source: str,
        model_args: str | Mapping[str, Any] | None,
        system_instruction: str | None = None,
        chat_template: str | None = None,
        fewshot_as_multiturn: bool = False,
    ) -> None:
        """Note what is run.

        Args:
            model_source: The registered name of the model's class.
            model_args: The model's arguments.
            system_instruction: What opens every prompt.
            chat_template: The chat template, when it is known.
            fewshot_as_multiturn: Whether few-shot examples are turns of their own.
        """
        from lm_eval.utils import sanitize_model_name

        self.model_source = model_source
        self.model_name = self._get_model_name(model_args) or model_source
        self.model_name_sanitized = sanitize_model_name(self.model_name)
        self.system_instruction, self.chat_template = system_instruction, chat_template
        self.system_instruction_sha = sha256(system_instruction) if system_instruction else None
        self.chat_template_sha = sha256(chat_template) if chat_template else None
        self.fewshot_as_multiturn = fewshot_as_multiturn

    def log_end_time(self) -> None:
        """Note that the run has ended."""
        self.total_evaluation_time_seconds = round(time.perf_counter() - self.start_time, 3)


class EvaluationTracker:
    """Saves results and samples.

    Under a folder the files are ``<model>/results_<time>.json`` and ``<model>/samples_<task>_<time>.jsonl`` (or
    ``.parquet``); with a path that ends in ``.json`` they are ``<stem>_<time>.json`` and the samples beside it. Each
    file is written whole or not at all, without secrets.
    """

    def __init__(
        self,
        output_path: str | Path | None = None,
        hub_results_org: str = "",
        hub_repo_name: str = "",
        details_repo_name: str = "",
        results_repo_name: str = "",
        push_results_to_hub: bool = False,
        push_samples_to_hub: bool = False,
        public_repo: bool = False,
        token: str = "",
        leaderboard_url: str = "",
        point_of_contact: str = "",
        gated: bool = False,
        output_format: str = "jsonl",
    ) -> None:
        """Say where results go.

        Args:
            output_path: A folder, or a path that ends in ``.json``; None saves nothing locally.
            hub_results_org: The Hub organisation or user; the token's user unless given.
            hub_repo_name: A name for both repositories on the Hub.
            details_repo_name: The repository of the samples.
            results_repo_name: The repository of the results.
            push_results_to_hub: Copy the results file to the Hub.
            push_samples_to_hub: Copy the samples files to the Hub.
            public_repo: Make the repositories public.
            token: A Hub token; else the one the machine is logged in with.
            leaderboard_url: Noted in the results.
            point_of_contact: Noted in the results.
            gated: Ask people to log in before they read the samples.
            output_format: ``jsonl`` or ``parquet``, of the samples.

        Raises:
            ConfigError: There is no such format.
        """
        from lm_eval.loggers.hub import HubTarget

        self.output_format = sample_format("output_format", output_format)
        self.general_config_tracker = GeneralConfigTracker()
        self.output_path = Path(output_path).expanduser() if output_path else None
        self.date_id: str | None = None
        self.notes = {"leaderboard_url": leaderboard_url, "point_of_contact": point_of_contact}
        self.hub = (
            HubTarget(
                organisation=hub_results_org,
                results_repo=results_repo_name or hub_repo_name or "lm-eval-results",
                samples_repo=details_repo_name or hub_repo_name or "lm-eval-results",
                results=push_results_to_hub,
                samples=push_samples_to_hub,
                private=not public_repo,
                gated=gated,
                token=token,
                notes=self.notes,
            )
            if push_results_to_hub or push_samples_to_hub
            else None
        )
        self.saved: list[Path] = []
        self._journal: Path | None = None

    def journal_path(self, key: str) -> Path | None:
        """Name the file a run keeps its answers in while it goes on.

        Args:
            key: What tells the run from others.

        Returns:
            A path under the output folder, or None when nothing is saved.
        """
        if self.output_path is None:
            return None
        folder = self.output_path.parent if self._is_file() else self.output_path
        self._journal = folder / ".journal" / f"{key}.sqlite"
        return self._journal

    def finish(self, results: Mapping[str, Any]) -> None:
        """Drop the journal once everything is saved, unless lost docs are left to ask again.

        Args:
            results: What ``simple_evaluate`` returned.
        """
        if self._journal is None or (results.get("errors") or {}).get("lost"):
            return
        for suffix in ("", "-wal", "-shm"):
            self._journal.with_name(self._journal.name + suffix).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # other runs may keep theirs beside it
            self._journal.parent.rmdir()

    def _is_file(self) -> bool:
        return self.output_path is not None and self.output_path.suffix == ".json"

    def _folder(self) -> Path | None:
        if self.output_path is None or self._is_file():
            return self.output_path and self.output_path.parent
        name = self.general_config_tracker.model_name_sanitized
        return self.output_path / name if name else self.output_path

    def _date(self) -> str:
        """The time in file names: fixed by the results, so that their samples carry the same."""
        if self.date_id is None:
            self.date_id = datetime.now().isoformat().replace(":", "-")
        return self.date_id

    def save_results_aggregated(self, results: Mapping[str, Any], samples: Mapping[str, Any] | None = None) -> None:
        """Save the results.

        Args:
            results: What ``simple_evaluate`` returned.
            samples: Task name to samples, when they are logged; hashed into ``task_hashes``.
        """
        from lm_eval.utils import sanitize_model_name

        tracker = self.general_config_tracker
        tracker.log_end_time()
        if tracker.model_name is None:
            config = results.get("config") or {}
            name = results.get("model_name") or tracker._get_model_name(config.get("model_args")) or config.get("model")
            tracker.model_name = str(name or "model")
            tracker.model_name_sanitized = sanitize_model_name(tracker.model_name)
        self.date_id = None
        folder = self._folder()
        if folder is None or self.output_path is None:
            eval_logger.info("No output_path: results are not saved.")
            return
        content = {key: value for key, value in results.items() if key != "samples"}
        if samples and "task_hashes" not in content:
            content["task_hashes"] = {task: task_hash(rows) for task, rows in samples.items()}
        content.setdefault("model_name_sanitized", tracker.model_name_sanitized)
        content["config"] = redact(content.get("config"))
        content |= {key: value for key, value in self.notes.items() if value}
        stem = self.output_path.stem if self._is_file() else "results"
        path = folder / f"{stem}_{self._date()}.json"
        write_atomically(path, [to_json(content, indent=2), "\n"])
        self._saved(path, kind="results")

    def save_results_samples(self, task_name: str, samples: Iterable[Mapping[str, Any]]) -> None:
        """Save a task's samples: a line each, or a row each of a Parquet file.

        Args:
            task_name: The task.
            samples: Its samples.
        """
        from lm_eval.utils import sanitize_task_name

        folder = self._folder()
        if folder is None:
            return
        name = task_name if _is_plain(task_name) else sanitize_task_name(task_name)
        path = folder / f"samples_{name}_{self._date()}.{self.output_format}"
        lines = (to_json(_for_file(sample)) for sample in samples)
        if self.output_format == "parquet":
            from lm_eval.results.parquet import write_samples

            with whole_file(path) as file:
                write_samples(file, [json.loads(line) for line in lines])
        else:
            write_atomically(path, (f"{line}\n" for line in lines))
        self._saved(path, kind="samples")

    def _saved(self, path: Path, *, kind: str) -> None:
        self.saved.append(path)
        eval_logger.info("Saved %s", path)
        if self.hub is not None and self.output_path is not None:
            named = self.general_config_tracker
            self.hub.add(path, kind=kind, model=named.model_name or "", folder=named.model_name_sanitized or "")

    def recreate_metadata_card(self) -> None:
        """Push what was saved to the Hub, where that is asked for, with a card for each repository written anew."""
        if self.hub is not None:
            self.hub.push()


def _is_plain(name: str) -> bool:
    """Tell whether a task's name is a file's name as it is."""
    return all(char.isalnum() or char in "_-.+" for char in name) and not name.startswith(".")


def _for_file(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Name the arguments of a sample: ``{"gen_args_0": {"arg_0": …, "arg_1": …}}``."""
    arguments = sample.get("arguments")
    if isinstance(arguments, Mapping) or arguments is None:
        return dict(sample)
    named = {
        f"gen_args_{index}": {f"arg_{place}": argument for place, argument in enumerate(request)}
        for index, request in enumerate(arguments)
    }
    return {**sample, "arguments": named}
