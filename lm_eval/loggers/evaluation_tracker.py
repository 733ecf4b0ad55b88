"""Save a run's files, and copy them to the Hugging Face Hub."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.compatibility.elsewhere import elsewhere
from lm_eval.config.pairs import read_pairs
from lm_eval.errors import ConfigError
from lm_eval.loggers._clients import check_arguments
from lm_eval.loggers.hub import HubTarget
from lm_eval.results.names import folder_name
from lm_eval.results.run import Results
from lm_eval.results.sample import task_hash
from lm_eval.results.writer import ResultFiles
from lm_eval.text import sha256

__all__ = ["EvaluationTracker", "GeneralConfigTracker", "check_hub_arguments"]

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere(__name__, name)


@dataclass
class GeneralConfigTracker:
    """What a run is about, apart from its scores.

    Attributes:
        model_source: The registered name of the model's class.
        model_name: The model's name, from the model arguments.
        model_name_sanitized: The model's name as the name of a folder.
        start_time: When the tracker was created, in seconds of a monotonic clock.
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

    def log_experiment_args(
        self,
        model_source: str,
        model_args: str | Mapping[str, object] | None,
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
            fewshot_as_multiturn: Whether few-shot examples are separate turns.
        """
        self.model_source = model_source
        self.name_model(_model_in(model_args) or model_source)
        self.system_instruction, self.chat_template = system_instruction, chat_template
        self.system_instruction_sha = sha256(system_instruction) if system_instruction else None
        self.chat_template_sha = sha256(chat_template) if chat_template else None
        self.fewshot_as_multiturn = fewshot_as_multiturn

    def name_model(self, name: str, output_path: Path | None = None) -> None:
        """Note the model's name.

        Args:
            name: The name.
            output_path: Where the folder of the model will be; the current folder unless given.
        """
        self.model_name, self.model_name_sanitized = name, folder_name(name, output_path or Path())

    def log_end_time(self) -> None:
        """Note that the run has ended."""
        self.total_evaluation_time_seconds = round(time.perf_counter() - self.start_time, 3)


def _model_in(model_args: object) -> str | None:
    """Return the model's name in its arguments."""
    given = read_pairs("model_args", model_args) if isinstance(model_args, str) else model_args
    if not isinstance(given, Mapping):
        return None
    name = next((given[key] for key in ("model", "pretrained", "peft", "delta", "path") if given.get(key)), None)
    return None if name is None else str(name)


class EvaluationTracker(ResultFiles):
    """Saves results and samples, and copies the files to the Hub when asked to.

    Attributes:
        general_config_tracker: What the run is about.
        hub: Where on the Hub the files go; None copies nothing.
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
        """Choose where files go; nothing is written or sent.

        Args:
            output_path: A folder, or a path that ends in ``.json``; None saves nothing locally.
            hub_results_org: The Hub organisation or user; the token's user unless given.
            hub_repo_name: A name for both repositories on the Hub.
            details_repo_name: The repository of the samples.
            results_repo_name: The repository of the results.
            push_results_to_hub: Copy the results file to the Hub.
            push_samples_to_hub: Copy the samples files to the Hub.
            public_repo: Create public repositories; they are private by default.
            token: A Hub token; the token of the machine's login by default.
            leaderboard_url: Noted in the results.
            point_of_contact: Noted in the results.
            gated: Require a login to read the samples.
            output_format: ``jsonl`` or ``parquet``, of the samples.

        Raises:
            ConfigError: There is no such format.
        """
        super().__init__(output_path, output_format)
        self.general_config_tracker = GeneralConfigTracker()
        self._results: Mapping[str, object] | None = None
        self._unsaved: set[str] = set()
        self._notes = {"leaderboard_url": leaderboard_url, "point_of_contact": point_of_contact}
        self.hub: HubTarget | None = None
        if push_results_to_hub or push_samples_to_hub:
            self.hub = HubTarget(
                organisation=hub_results_org,
                results_repo=results_repo_name or hub_repo_name or "lm-eval-results",
                samples_repo=details_repo_name or hub_repo_name or "lm-eval-results",
                results=push_results_to_hub,
                samples=push_samples_to_hub,
                private=not public_repo,
                gated=gated,
                token=token,
                notes=self._notes,
            )

    def save(self, results: Mapping[str, object]) -> list[Path]:
        """Save the results and the samples of a run. An interrupted run resumes until everything is saved.

        Args:
            results: What ``simple_evaluate`` returned, with ``samples`` if they are to be saved.

        Returns:
            The files, the results first; none without an output path.

        Raises:
            SavingError: A file cannot be written. The answers are kept, so the same run resumes.
        """
        before = len(self.saved)
        logged = Results(results).results.get("samples")
        samples: Mapping[str, list[dict[str, object]]] = {} if logged is None else logged
        self.save_results_aggregated(results, samples)
        for task, rows in samples.items():
            self.save_results_samples(task, rows)
        return self.saved[before:]

    def save_results_aggregated(
        self, results: Mapping[str, object], samples: Mapping[str, list[dict[str, object]]] | None = None
    ) -> None:
        """Save the results. The run is finished when the samples of all tasks are saved, too.

        Args:
            results: What ``simple_evaluate`` returned.
            samples: Task name to samples, when they are logged; hashed into ``task_hashes``.

        Raises:
            SavingError: The file cannot be written.
        """
        tracker, run = self.general_config_tracker, Results(results)
        tracker.log_end_time()
        if tracker.model_name is None:
            name = run.at("model_name") or _model_in(run.at("config", "model_args")) or run.at("config", "model")
            tracker.name_model(str(name or "model"), self.output_path)
        content = {key: value for key, value in results.items() if key != "samples"}
        if samples and "task_hashes" not in content:
            content["task_hashes"] = {task: task_hash(rows) for task, rows in samples.items()}
        content.setdefault("model_name_sanitized", tracker.model_name_sanitized)
        content |= {key: value for key, value in self._notes.items() if value}
        with self._saving():
            path = self.write_results(content, tracker.model_name_sanitized or "")
        self._copy(path, kind="results")
        self._results, self._unsaved = results, set(samples or ())
        self._finish_if_saved()

    def save_results_samples(self, task_name: str, samples: Iterable[Mapping[str, object]]) -> None:
        """Save a task's samples: one line each, or one row each of a Parquet file.

        Args:
            task_name: The task.
            samples: Its samples.

        Raises:
            SavingError: The file cannot be written.
        """
        with self._saving():
            path = self.write_samples(task_name, samples, self.general_config_tracker.model_name_sanitized or "")
        self._copy(path, kind="samples")
        self._unsaved.discard(task_name)
        self._finish_if_saved()

    def _finish_if_saved(self) -> None:
        if self._results is not None and not self._unsaved:
            self.finish(self._results)

    def _copy(self, path: Path | None, *, kind: str) -> None:
        if path is not None and self.hub is not None:
            tracker = self.general_config_tracker
            self.hub.add(path, kind=kind, model=tracker.model_name or "", folder=tracker.model_name_sanitized or "")

    def recreate_metadata_card(self) -> None:
        """Push what was saved to the Hub, when asked to, and write each repository's card again."""
        if self.hub is not None:
            self.hub.push()


def check_hub_arguments(given: Mapping[str, object], output_path: str | None, logs_samples: bool) -> None:
    """Refuse arguments that cannot work, before the model is asked anything.

    Args:
        given: The keys of ``--hf_hub_log_args``.
        output_path: Where files are saved.
        logs_samples: Whether samples are saved.

    Raises:
        ConfigError: A key is unknown, or nothing would be there to push.
    """
    known = inspect.signature(EvaluationTracker).parameters
    check_arguments("hf_hub_log_args", given, [name for name in known if not name.startswith("output_")])
    if (given.get("push_results_to_hub") or given.get("push_samples_to_hub")) and not output_path:
        raise ConfigError("--hf_hub_log_args pushes saved files: give --output_path too.")
    if given.get("push_samples_to_hub") and not logs_samples:
        raise ConfigError("push_samples_to_hub in --hf_hub_log_args needs --log_samples.")
