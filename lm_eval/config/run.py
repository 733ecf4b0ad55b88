"""Every option of a run, typed, in one place; from a command line, a YAML file, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lm_eval.config import values
from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["RunConfig", "faults_of", "field_docs"]


@dataclass(kw_only=True, slots=True)
class RunConfig:
    """The options of ``lm_eval run``; each is also a key of a ``--config`` file."""

    model: str = ""
    """Model kind: local-completions, local-chat-completions, openai-completions, openai-chat-completions, or a name
    that an installed package adds."""
    model_args: dict[str, Any] = field(default_factory=dict)
    """Model arguments: model=NAME,base_url=URL,num_concurrent=8; several words, or JSON."""
    tasks: list[Any] = field(default_factory=list)
    """Tasks, groups, tags, patterns such as 'mmlu_*', or paths of task files; separated by spaces or commas."""
    num_fewshot: int | None = None
    """Examples in the prompt, in place of each task's own number."""
    batch_size: str | None = None
    """Prompts a request, for endpoints that take lists of prompts."""
    max_batch_size: int | None = None
    """Accepted; the server batches."""
    device: str | None = None
    """Accepted; the model is behind an API."""
    limit: int | float | None = None
    """Only the first so many docs of each task, or that fraction of them below 1. For trying out, not for reporting."""
    samples: dict[str, list[int]] | None = None
    """Only these docs: JSON {"task": [doc ids]}, or a file that holds it. Not together with limit."""
    output_path: str | None = None
    """Folder for results and samples, or a path that ends in .json. An interrupted run resumes from here."""
    log_samples: bool = False
    """Save a line for each doc: prompt, answer, target and scores."""
    output_format: str = "jsonl"
    """Format of the samples: jsonl, or parquet for pandas and DuckDB."""
    predict_only: bool = False
    """Ask and save the answers, score nothing."""
    use_cache: str | None = None
    """File of answers that runs share."""
    cache_requests: str | None = None
    """Accepted: true, refresh or delete. Building requests is faster than reading a cache of them."""
    gen_kwargs: dict[str, Any] = field(default_factory=dict)
    """Generation settings over those of the tasks: temperature=0.7,top_p=0.9; several words, or JSON."""
    system_instruction: str | None = None
    """Text that opens every prompt."""
    apply_chat_template: bool | str = False
    """Send prompts as chat messages; a word names the template."""
    fewshot_as_multiturn: bool | None = None
    """Few-shot examples as turns of their own; on with the chat template unless false."""
    include_path: list[str] = field(default_factory=list)
    """Folders with more task files."""
    data_dir: str | None = None
    """Folder with datasets as DIR/<dataset_path>, looked at before the Hub (also LM_EVAL_DATA_DIR)."""
    write_out: bool = False
    """Show the first prompt of each task."""
    show_config: bool = False
    """Print the tasks' full configuration with the results."""
    seed: tuple[int | None, ...] = (0, 1234, 1234, 1234)
    """One seed for all, or python,numpy,torch,fewshot; None leaves one unset."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Values for tasks that take them: key=value pairs, or JSON."""
    confirm_run_unsafe_code: bool = False
    """Allow tasks that run code the model writes."""
    trust_remote_code: bool = False
    """Allow datasets that bring their own loading code (datasets before 4)."""
    check_integrity: bool = False
    """Validate the task files first."""
    max_errors: int | float = 0
    """Docs lost to errors that are put up with: a number, or a fraction below 1. More gives exit code 3."""
    fresh: bool = False
    """Start over, although an interrupted run could be resumed."""
    dry_run: bool = False
    """Ask nothing: print documents, requests, tokens and cost of each task, and the first prompt with its request."""
    save_config: str | None = None
    """Write the options to a YAML file that --config takes, without secrets, then run."""
    verbosity: str | None = None
    """Log level: DEBUG, INFO, WARNING, ERROR (also LMEVAL_LOG_LEVEL). DEBUG shows tracebacks."""
    wandb_args: dict[str, Any] = field(default_factory=dict)
    """Arguments of wandb.init: project=NAME,name=RUN."""
    wandb_config_args: dict[str, Any] = field(default_factory=dict)
    """Further values for the config of the wandb run."""
    trackio_args: dict[str, Any] = field(default_factory=dict)
    """Arguments of trackio.init: project=NAME."""
    mlflow_args: dict[str, Any] = field(default_factory=dict)
    """Where MLflow keeps the run: tracking_uri=URI,experiment=NAME,run_name=RUN."""
    hf_hub_log_args: dict[str, Any] = field(default_factory=dict)
    """Where on the Hugging Face Hub results go: hub_results_org=ORG,push_results_to_hub=true."""

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], source: str = "") -> RunConfig:
        """Check and convert options.

        Args:
            given: Option name to a value as a command line or YAML gives it; None stands for "not given".
            source: Where they come from, for messages.

        Returns:
            The options, with defaults for those not given.

        Raises:
            ConfigError: An option is unknown, or its value cannot be used.
        """
        for name in given:
            if name not in _CONVERT:
                raise ConfigError(f"{source}: {_unknown(name)}" if source else f"The run has an {_unknown(name)}")
        return cls(**{name: _CONVERT[name](name, value) for name, value in given.items() if value is not None})

    def check(self) -> None:
        """Refuse options that are missing or exclude each other.

        Raises:
            ConfigError: They do not make a run.
        """
        if not self.model:
            raise ConfigError("No model given: --model local-completions or --model local-chat-completions.")
        if not self.tasks:
            raise ConfigError("No tasks given: --tasks NAME; 'lm_eval ls tasks' lists them.")
        if self.limit is not None and self.samples is not None:
            raise ConfigError("--limit and --samples exclude each other; give one of them.")
        if (self.log_samples or self.predict_only) and not self.output_path:
            raise ConfigError("--log_samples and --predict_only need --output_path: a folder for what they save.")
        if self.output_format != "jsonl" and not (self.log_samples or self.predict_only):
            raise ConfigError("--output_format is that of the samples: give --log_samples too.")
        if self.fewshot_as_multiturn and not self.apply_chat_template:
            raise ConfigError("--fewshot_as_multiturn needs --apply_chat_template.")

    def evaluate_arguments(self) -> dict[str, Any]:
        """Return the options as keyword arguments of ``simple_evaluate``."""
        python, numpy, torch, fewshot = self.seed
        size = self.batch_size
        return {
            **{name: getattr(self, name) for name in _PASSED_ON},
            "batch_size": int(size) if size and size.isdigit() else size,
            "cache_requests": self.cache_requests in {"true", "refresh"},
            "rewrite_requests_cache": self.cache_requests == "refresh",
            "delete_requests_cache": self.cache_requests == "delete",
            "log_samples": self.log_samples or self.predict_only,
            "include_path": self.include_path or None,
            "random_seed": python,
            "numpy_random_seed": numpy,
            "torch_random_seed": torch,
            "fewshot_random_seed": fewshot,
        }


# Options that ``simple_evaluate`` takes under the same name and as they are.
_PASSED_ON = (
    "model",
    "model_args",
    "tasks",
    "num_fewshot",
    "max_batch_size",
    "device",
    "use_cache",
    "limit",
    "samples",
    "check_integrity",
    "write_out",
    "system_instruction",
    "apply_chat_template",
    "fewshot_as_multiturn",
    "gen_kwargs",
    "predict_only",
    "confirm_run_unsafe_code",
    "metadata",
    "data_dir",
    "fresh",
    "max_errors",
)

_CONVERT: dict[str, Callable[[str, Any], Any]] = {
    "model": values.text,
    "model_args": values.arguments,
    "tasks": values.tasks,
    "num_fewshot": values.integer,
    "batch_size": values.text,
    "max_batch_size": values.integer,
    "device": values.text,
    "limit": values.limit,
    "samples": values.samples,
    "output_path": values.text,
    "log_samples": values.boolean,
    "output_format": values.sample_format,
    "predict_only": values.boolean,
    "use_cache": values.text,
    "cache_requests": values.cache_requests,
    "gen_kwargs": values.arguments,
    "system_instruction": values.text,
    "apply_chat_template": values.chat_template,
    "fewshot_as_multiturn": values.boolean,
    "include_path": values.paths,
    "data_dir": values.folder,
    "write_out": values.boolean,
    "show_config": values.boolean,
    "seed": values.seeds,
    "metadata": values.arguments,
    "confirm_run_unsafe_code": values.boolean,
    "trust_remote_code": values.boolean,
    "check_integrity": values.boolean,
    "max_errors": values.max_errors,
    "fresh": values.boolean,
    "dry_run": values.boolean,
    "save_config": values.text,
    "verbosity": values.text,
    "wandb_args": values.arguments,
    "wandb_config_args": values.arguments,
    "trackio_args": values.arguments,
    "mlflow_args": values.arguments,
    "hf_hub_log_args": values.arguments,
}


def faults_of(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Go through all that is wrong with options.

    Args:
        given: Option name to value, as for ``RunConfig.from_mapping``.

    Yields:
        An option's name and what is wrong with it.
    """
    for name, value in given.items():
        if name not in _CONVERT:
            yield name, _unknown(name)
        elif value is not None:
            try:
                _CONVERT[name](name, value)
            except ConfigError as error:
                yield name, str(error)


def _unknown(name: object) -> str:
    return f"unknown option {name!r}.{did_you_mean(str(name), _CONVERT)}"


def field_docs() -> dict[str, str]:
    """Return the text under each field of ``RunConfig``, which is also the help of its option.

    Returns:
        Field name to its description on one line; empty when the source is not at hand.
    """
    import ast
    import inspect

    try:
        body = ast.parse(inspect.getsource(RunConfig)).body[0]
    except OSError:
        return {}
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    names = {item.name for item in fields(RunConfig)}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            is_doc = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if statement.target.id in names and is_doc:
                docs[statement.target.id] = " ".join(str(after.value.value).split())  # type: ignore[attr-defined]
    return docs
