"""``EvaluatorConfig``: the settings of a run as an object that scripts build, change and pass to ``simple_evaluate``.

This package itself works with ``RunSettings``; this class has the fields, defaults and methods of the reference
harness, and reads values by the converters of ``RunSettings``.
"""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.config import values
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from typing_extensions import Self

    from lm_eval.task_files.manager import TaskManager

__all__ = ["DEFAULT_SEED", "DICT_KEYS", "EvaluatorConfig"]

eval_logger = logging.getLogger("lm_eval")

DICT_KEYS = [
    "wandb_args",
    "wandb_config_args",
    "hf_hub_log_args",
    "metadata",
    "model_args",
    "gen_kwargs",
    "trackio_args",
    "mlflow_args",
]
"""The fields that hold mappings; they may be given as ``a=1,b=2``."""
DEFAULT_SEED = list(values.SEEDS.values())
"""The seeds of ``random``, numpy, torch and few-shot sampling."""

_NOT_SETTINGS = ("command", "func")


@dataclass(slots=True)
class EvaluatorConfig:
    """The settings of a run; ``lm_eval run --help`` says what each does.

    ``device``, ``batch_size`` and ``model`` have the defaults of the reference harness.
    """

    config: str | None = None
    model: str = "hf"
    model_args: dict[str, Any] = field(default_factory=dict)
    tasks: Any = field(default_factory=list)
    num_fewshot: int | None = None
    batch_size: int | str = 1
    max_batch_size: int | None = None
    device: str | None = "cuda:0"
    limit: float | None = None
    samples: Any = None
    use_cache: str | None = None
    cache_requests: dict[str, bool] = field(default_factory=dict)
    check_integrity: bool = False
    write_out: bool = False
    log_samples: bool = False
    output_path: str | None = None
    predict_only: bool = False
    system_instruction: str | None = None
    apply_chat_template: bool | str = False
    fewshot_as_multiturn: bool | None = None
    show_config: bool = False
    include_path: Any = None
    gen_kwargs: dict[str, Any] = field(default_factory=dict)
    verbosity: str | None = None
    wandb_args: dict[str, Any] = field(default_factory=dict)
    wandb_config_args: dict[str, Any] = field(default_factory=dict)
    hf_hub_log_args: dict[str, Any] = field(default_factory=dict)
    trackio_args: dict[str, Any] = field(default_factory=dict)
    seed: Any = field(default_factory=DEFAULT_SEED.copy)
    trust_remote_code: bool = False
    confirm_run_unsafe_code: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    # Settings that the reference harness does not have.
    data_dir: str | None = None
    save_config: str | None = None
    dry_run: bool = False
    fresh: bool = False
    max_errors: float = 0
    keep_going: bool = False
    sandbox: str | None = None
    output_format: str = "jsonl"
    intervals: bool | None = None
    mlflow_args: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_cli(cls, namespace: Namespace) -> Self:
        """Read a parsed command line, over the file that its ``config`` names.

        Args:
            namespace: The options; None and empty values count as not given, 0 and False do not.

        Returns:
            The settings, checked.

        Raises:
            FileNotFoundError: There is no such file.
            ConfigError: An option is unknown, its value cannot be used, or options exclude each other.
        """
        given = {
            name: value
            for name, value in vars(namespace).items()
            if name not in _NOT_SETTINGS and (value or value == 0)
        }
        file = given.get("config")
        return cls._from_mapping({**(cls.load_yaml_config(file) if file else {}), **given})

    @classmethod
    def from_config(cls, config_path: str | Path) -> Self:
        """Read a YAML file.

        Args:
            config_path: The file.

        Returns:
            The settings, checked.

        Raises:
            FileNotFoundError: There is no such file.
            ConfigError: An option is unknown, its value cannot be used, or options exclude each other.
            TypeError: The file holds no mapping.
        """
        return cls._from_mapping(cls.load_yaml_config(config_path))

    @classmethod
    def _from_mapping(cls, given: Mapping[str, Any]) -> Self:
        known = [item.name for item in fields(cls)]
        for name in given:
            if name not in known:
                raise ConfigError(f"Unknown option {name!r}.{did_you_mean(name, known)}")
        return cls(**given)._configure()

    @staticmethod
    def load_yaml_config(config_path: str | Path) -> dict[str, Any]:
        """Read the options in a YAML file, without a check of their names and values.

        Args:
            config_path: The file.

        Returns:
            Option name to value.

        Raises:
            FileNotFoundError: There is no such file.
            ConfigError: The file is not YAML.
            TypeError: The file holds no mapping.
        """
        import yaml

        path = Path(config_path)
        if not path.is_file():
            raise FileNotFoundError(f"Config file not found: {path.resolve()}")
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"Invalid YAML in {path}: {' '.join(str(error).split())}") from error
        if not isinstance(found, dict):
            raise TypeError(f"{path.resolve()} must hold options as 'name: value' lines, not a {type(found).__name__}.")
        return found

    def _configure(self) -> Self:
        """Convert values to the types of the fields, check them, and merge the model's arguments into ``metadata``."""
        options = RunSettings.options()
        for name in DICT_KEYS:
            setattr(self, name, options[name].convert(name, getattr(self, name) or {}))
        if self.seed is not None:
            self.seed = list(values.seeds("seed", self.seed))
        if self.samples:
            self.samples = values.samples("samples", self.samples)
        if self.tasks is None:
            raise ConfigError("No tasks given; 'lm_eval ls tasks' lists them.")
        self.log_samples = self.log_samples or self.predict_only
        if self.log_samples and not self.output_path:
            raise ConfigError("--log_samples and --predict_only need --output_path: a folder for what they save.")
        if self.fewshot_as_multiturn and not self.apply_chat_template:
            raise ConfigError("--fewshot_as_multiturn needs --apply_chat_template.")
        if self.fewshot_as_multiturn is None and self.apply_chat_template:
            self.fewshot_as_multiturn = True
        if self.samples and self.limit is not None:
            raise ConfigError("limit and samples exclude each other; give one of them.")
        if self.limit:
            eval_logger.warning("limit is for trying things out, not for scores you report.")
        self.metadata = {**self.model_args, **self.metadata}
        return self

    def process_tasks(self, metadata: dict[str, Any] | None = None) -> TaskManager:
        """Find the tasks; ``tasks`` then holds their names, and a dict for each one that a file or folder defines.

        Args:
            metadata: Values for tasks that take some; None or nothing takes those of the settings.

        Returns:
            A manager that knows the names, for ``simple_evaluate``.

        Raises:
            ConfigError: A name, file or folder is not known.
        """
        # It is in a higher layer, and scripts replace it there.
        manager: TaskManager = import_module("lm_eval.tasks").TaskManager(
            include_path=self.include_path, metadata=metadata or self.metadata
        )
        self.metadata = metadata or self.metadata
        found: list[Any] = []
        missing = []
        for item in values.tasks("tasks", self.tasks):
            new = _defined_in(item) or manager.match_tasks([item]) if isinstance(item, str) else [item]
            missing += [] if new else [str(item)]
            found += [task for task in new if task not in found]
        if missing:
            close = did_you_mean(missing[0], manager.all_tasks)
            raise ConfigError(f"Tasks not found: {', '.join(missing)}.{close}")
        self.tasks = found
        return manager


def _defined_in(item: str) -> list[dict[str, object]]:
    """Read the tasks of a task file, a folder or a pattern of paths; nothing for another name."""
    read: Any = import_module("lm_eval.task_files.loader").load_yaml
    files: list[str] = import_module("lm_eval.task_files.paths").files_named(item)
    if not files and item.endswith((".yaml", ".yml")) and Path(item).is_file():
        files = [item]
    entries: Any = import_module("lm_eval.task_files.index").entries_in_file
    return [read(file, name=entry.name) for file in files for entry in entries(file)]
