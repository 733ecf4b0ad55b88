"""The settings of a run, each declared once.

A field of ``RunSettings``, with its ``Option`` and the text under it, says all there is to know of a setting. The
options of ``lm_eval run`` and their help, the keys of a ``--config`` file and their faults, the arguments of
``simple_evaluate`` and ``plan``, the ``config`` in a results file, shell completion and the tables in the docs follow
from them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lm_eval.config import values
from lm_eval.config.batch import BatchSettings
from lm_eval.config.options import Mark, Option, setting
from lm_eval.config.shard import Shard, shard_of_environment
from lm_eval.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["COLLABORATORS", "RunSettings"]

COLLABORATORS = ("evaluation_tracker", "task_manager", "judge")
"""Arguments of ``simple_evaluate`` that are objects the run works with, not settings."""

_CACHES = ("cache_requests", "rewrite_requests_cache", "delete_requests_cache")
_BOTH = Mark.ASKED | Mark.RECORDED
_SEED_KEYS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_ENDPOINT_KEY = "OPENAI_API_KEY holds the key of the endpoint"
_JUDGE_KEY = "LM_EVAL_JUDGE_API_KEY holds the key of the judges"
_MLFLOW_TOKEN = "MLFLOW_TRACKING_TOKEN holds the token of MLflow"
_WANDB_KEY = "WANDB_API_KEY holds the key of wandb"
_HUB_TOKEN = "HF_TOKEN holds the token of the Hub"


def _for_logger(secrets_from: str) -> Option:
    return Option(values.arguments, "loggers", Mark.COMMAND, secrets_from=secrets_from)


@dataclass(kw_only=True, slots=True)
class RunSettings:
    """The settings of a run."""

    model: str = setting("", Option(values.text, "model", _BOTH, "-M", "KIND"))
    """Kind of model: local-completions, local-chat-completions, local-responses, the same three with openai- instead
    of local-, or a name that an installed package adds. Default with a base_url: local-completions."""
    model_args: dict[str, object] = setting(
        {}, Option(values.arguments, "model", _BOTH, "-a", secrets_from=_ENDPOINT_KEY)
    )
    """Arguments of the model: model=NAME,base_url=URL,num_concurrent=8; as several words, or JSON."""
    batch_size: int | str | None = setting(None, Option(values.batch_size, "model", _BOTH, "-b", "N"))
    """Number of prompts in one request, for endpoints that take lists of prompts."""
    stream: bool = setting(False, Option(values.boolean, "model", Mark.COMMAND))
    """Stream the answers: measures the time to the first token, and no proxy drops a long silent connection. The same
    as stream=true in model_args."""
    tasks: list[object] = setting([], Option(values.tasks, "tasks", Mark.ASKED, "-t", "TASK"))
    """Tasks, groups, tags, patterns such as 'mmlu_*', or paths of task files or folders of them; separated by spaces or
    commas."""
    num_fewshot: int | None = setting(None, Option(values.integer, "tasks", _BOTH, "-f", "N"))
    """Number of few-shot examples in the prompt, instead of each task's own number. A task that sets 0 keeps 0."""
    limit: int | float | None = setting(None, Option(values.limit, "tasks", _BOTH, "-L", "N"))
    """Use only the first N documents of each task, or that fraction of them if below 1. For trying things out, not
    for scores you report."""
    samples: dict[str, list[int]] | None = setting(None, Option(values.samples, "tasks", _BOTH, "-E", "JSON"))
    """Use only these documents: JSON {"task": [document ids]}, or a file with it. Not together with limit."""
    include_path: list[str] = setting([], Option(values.paths, "tasks", Mark.ASKED, metavar="DIR"))
    """Folders with more task files."""
    data_dir: str | None = setting(None, Option(values.folder, "tasks", Mark.ASKED, metavar="DIR"))
    """Folder with datasets as DIR/DATASET_PATH; used before the Hub (also LM_EVAL_DATA_DIR)."""
    metadata: dict[str, object] = setting({}, Option(values.arguments, "tasks", Mark.ASKED))
    """Values for tasks that take some: key=value pairs, or JSON."""
    check_integrity: bool = setting(False, Option(values.boolean, "tasks"))
    """Validate the task files before the run."""
    system_instruction: str | None = setting(None, Option(values.text, "prompts", Mark.ASKED, metavar="TEXT"))
    """Text at the start of every prompt."""
    apply_chat_template: bool | str = setting(False, Option(values.chat_template, "prompts", Mark.ASKED, bare=True))
    """Send prompts as chat messages. A value names the template."""
    fewshot_as_multiturn: bool | None = setting(None, Option(values.boolean, "prompts", Mark.ASKED, bare=True))
    """Send each few-shot example as its own turns. With the chat template this is the default; false turns it
    off."""
    gen_kwargs: dict[str, object] = setting({}, Option(values.generation, "prompts", _BOTH))
    """Generation settings that override those of the tasks: temperature=0.7,top_p=0.9; as several words, or
    JSON."""
    seed: tuple[int | None, ...] = setting(
        tuple(values.SEEDS.values()),
        Option(values.seeds, "prompts", _BOTH, arguments=tuple(values.SEEDS), recorded_as=_SEED_KEYS),
    )
    """One seed for everything, or four: python,numpy,torch,fewshot. None leaves one unset. Default:
    0,1234,1234,1234."""
    save_config: str | None = setting(None, Option(values.text, "the run", Mark.COMMAND | Mark.ONCE, metavar="FILE"))
    """Write these options, without secrets, to a YAML file for --config; then run."""
    dry_run: bool = setting(False, Option(values.boolean, "the run", Mark.COMMAND | Mark.ONCE))
    """Ask the model nothing: print documents, requests, tokens and cost of each task, and the first prompt with
    its request."""
    fresh: bool = setting(False, Option(values.boolean, "the run"))
    """Start over, even if an interrupted run could be resumed."""
    use_cache: str | None = setting(None, Option(values.text, "the run", _BOTH, "-c", "FILE"))
    """File of answers that runs share."""
    max_errors: int | float = setting(0, Option(values.max_errors, "the run", Mark.RECORDED, metavar="N"))
    """Maximum number of documents that may fail, or a fraction if below 1; above it the exit code is 3. Default:
    0."""
    keep_going: bool = setting(False, Option(values.boolean, "the run", Mark.ASKED))
    """Run the other tasks if a task is unknown, or its file or dataset cannot be loaded; the exit code is then 3."""
    metrics_port: int | None = setting(None, Option(values.port, "the run", Mark.COMMAND | Mark.ONCE, metavar="N"))
    """Serve rate, latency, errors, tokens, cost and progress on this port during the run, for Prometheus; 0 takes a
    free port."""
    metrics_host: str = setting("127.0.0.1", Option(values.text, "the run", Mark.COMMAND, metavar="ADDRESS"))
    """Address of the metrics_port. Default: 127.0.0.1, which only this machine reaches."""
    confirm_run_unsafe_code: bool = setting(False, Option(values.boolean, "the run", Mark.ASKED))
    """Allow tasks that run code the model writes."""
    sandbox: str | None = setting(
        None,
        Option(values.sandbox, "the run", Mark.ASKED, metavar="KIND", choices=values.SANDBOXES),
    )
    """Where that code runs: strict, only if this system has all protections; available, with those it has; docker or
    podman, in a container, docker:IMAGE. Default: strict."""
    judge_model: list[str] = setting([], Option(values.names, "judges", Mark.ASKED, metavar="KIND"))
    """Kind of model of the judge, for tasks with a scorer; given several times, a jury. Default with judge_model_args:
    local-chat-completions."""
    judge_model_args: list[dict[str, object]] = setting(
        [], Option(values.several_arguments, "judges", Mark.ASKED, secrets_from=_JUDGE_KEY)
    )
    """Arguments of the judge, as for model_args; given several times, those of each judge."""
    judge_template: str | None = setting(None, Option(values.file, "judges", Mark.ASKED, metavar="FILE"))
    """File with the template of the judge's prompt, instead of the tasks' own."""
    judge_baseline: str | None = setting(None, Option(values.saved_run, "judges", Mark.ASKED, metavar="DIR"))
    """Run whose saved answers the judge compares with, for tasks that are judged pairwise."""
    batch: str | None = setting(None, Option(values.batch, "batches", Mark.ASKED, metavar="HOW"))
    """Ask in batches, which are cheaper and slower: openai, through the server's Batch API; or file:DIR, which writes
    files for vllm run-batch. Needs output_path."""
    batch_wait: float | None = setting(None, Option(values.seconds, "batches", Mark.ASKED, metavar="SECONDS"))
    """Maximum seconds to wait for batches; then the exit code is 6, and the same command collects the answers. 0
    submits and leaves. Default: until they end."""
    batch_lines: int = setting(50_000, Option(values.count, "batches", Mark.ASKED, metavar="N"))
    """Maximum number of requests in one file of a batch."""
    batch_mb: float = setting(200.0, Option(values.positive, "batches", Mark.ASKED, metavar="MB"))
    """Maximum size of one file of a batch, in millions of bytes."""
    shard: str | None = setting(
        None, Option(values.shard, "several processes", Mark.COMMAND | Mark.ONCE, metavar="I/N")
    )
    """Do part i of n, from 0, into a folder of its own under output_path; lm_eval merge joins the parts. auto: from the
    variables of a Slurm array or a Kubernetes Indexed Job."""
    distribute: str | None = setting(
        None, Option(values.distribution, "several processes", Mark.COMMAND, metavar="WHERE")
    )
    """Do the run with several processes, and join their parts: local:N starts N processes here, ray or ray://HOST:PORT
    one task for each part on a Ray cluster."""
    shards: int | None = setting(None, Option(values.shard_count, "several processes", Mark.COMMAND, metavar="N"))
    """Number of parts for distribute. Default: the number of processes; on Ray that of the cluster's CPUs."""
    output_path: str | None = setting(None, Option(values.text, "results", Mark.ASKED, "-o", "DIR"))
    """Folder for results and samples, or a path that ends in .json. An interrupted run resumes from here."""
    log_samples: bool = setting(False, Option(values.boolean, "results", short="-s"))
    """Save one line for each document: prompt, answer, target and scores."""
    output_format: str = setting(
        "jsonl", Option(values.sample_format, "results", metavar="FORMAT", choices=("jsonl", "parquet"))
    )
    """Format of the samples: jsonl, or parquet for pandas and DuckDB. Default: jsonl."""
    predict_only: bool = setting(False, Option(values.boolean, "results", _BOTH, "-x"))
    """Save the answers without scores."""
    bootstrap_iters: int = setting(100_000, Option(values.integer, "results", Mark.RECORDED | Mark.PYTHON))
    """Number of resamples for bootstrapped standard errors; 0 computes no standard errors."""
    write_out: bool = setting(False, Option(values.boolean, "output", short="-w"))
    """Show the first prompt of each task."""
    show_config: bool = setting(False, Option(values.boolean, "output", Mark.COMMAND))
    """Print the complete configuration of the tasks with the results."""
    intervals: bool | None = setting(None, Option(values.boolean, "output", Mark.COMMAND, bare=True))
    """Show the 95 % interval of each score in the table. Default: on a terminal that is wide enough; false turns it
    off."""
    verbosity: str | None = setting(None, Option(values.text, "output", short="-v", metavar="LEVEL", choices=_LEVELS))
    """Log level: DEBUG, INFO, WARNING or ERROR (also LMEVAL_LOG_LEVEL). DEBUG shows tracebacks. Default: INFO."""
    progress: bool | None = setting(None, Option(values.boolean, "output", Mark.PYTHON))
    """Show progress; None means a bar on a terminal and in a notebook, and a line now and then elsewhere."""
    wandb_args: dict[str, object] = setting({}, _for_logger(_WANDB_KEY))
    """Arguments of wandb.init: project=NAME,name=RUN."""
    wandb_config_args: dict[str, object] = setting({}, _for_logger(_WANDB_KEY))
    """More values for the config of the wandb run."""
    trackio_args: dict[str, object] = setting({}, _for_logger(_HUB_TOKEN))
    """Arguments of trackio.init: project=NAME."""
    mlflow_args: dict[str, object] = setting({}, _for_logger(_MLFLOW_TOKEN))
    """Where MLflow keeps the run: tracking_uri=URI,experiment=NAME,run_name=RUN."""
    hf_hub_log_args: dict[str, Any] = setting({}, _for_logger(_HUB_TOKEN))
    """Where on the Hugging Face Hub results go: hub_results_org=ORG,push_results_to_hub=true."""
    trust_remote_code: bool = setting(False, Option(values.boolean, "for compatibility", Mark.COMMAND))
    """Allow datasets that bring their own loading code; needs the package datasets before version 4."""
    max_batch_size: int | None = setting(None, Option(values.integer, "for compatibility", metavar="N"))
    """Ignored; the server makes the batches."""
    device: str | None = setting(None, Option(values.text, "for compatibility"))
    """Ignored; the model runs behind an API."""
    cache_requests: str = setting(
        "false",
        Option(
            values.cache_requests,
            "for compatibility",
            bare="true",
            choices=("true", "refresh", "delete"),
            arguments=_CACHES,
        ),
    )
    """Ignored: true, refresh or delete. Building requests is faster than reading a cache of them."""

    @classmethod
    def options(cls) -> dict[str, Option]:
        """Return the option of each field, in order."""
        return {item.name: item.metadata["option"] for item in fields(cls)}

    @classmethod
    def command_line(cls) -> dict[str, Option]:
        """Return the options that ``lm_eval run`` and config files take, in order."""
        return {name: option for name, option in cls.options().items() if Mark.PYTHON not in option.marks}

    @classmethod
    def arguments(cls) -> dict[str, tuple[str, ...]]:
        """Return the fields that ``simple_evaluate`` takes, with the names of their arguments."""
        found = {name: option for name, option in cls.options().items() if Mark.COMMAND not in option.marks}
        return {name: option.arguments or (name,) for name, option in found.items()}

    @classmethod
    @cache
    def texts(cls) -> dict[str, str]:
        """Return the text under each field, on one line.

        Returns:
            Field name to text; empty if the source is not there.
        """
        import ast
        import inspect

        texts: dict[str, str] = {}
        for base in cls.__mro__[-2::-1]:
            try:  # the source of the module, because inspect takes 10 ms to cut out a class
                tree = ast.parse(inspect.getsource(sys.modules[base.__module__]))
            except (OSError, TypeError):  # TypeError: a class from an interactive session
                continue
            classes = [item for item in tree.body if isinstance(item, ast.ClassDef) and item.name == base.__name__]
            for statement, below in pairwise(classes[0].body if classes else ()):
                if isinstance(statement, ast.AnnAssign) and isinstance(below, ast.Expr):
                    texts[ast.unparse(statement.target)] = " ".join(ast.literal_eval(below.value).split())
        return texts

    @classmethod
    def from_mapping(cls, given: Mapping[str, object]) -> Self:
        """Check and convert the options of a command line or a config file.

        Args:
            given: Option name to its value; None means that the option is not given.

        Returns:
            The settings, with defaults for options that are not given.

        Raises:
            ConfigError: An option is unknown, or its value cannot be used.
        """
        for _, fault in cls.faults(given):
            raise ConfigError(fault)
        options = cls.options()
        found: dict[str, Any] = {
            name: options[name].convert(name, value) for name, value in given.items() if value is not None
        }
        return cls(**found)

    @classmethod
    def from_record(cls, given: Mapping[str, object]) -> Self:
        """Read settings that were kept as JSON, such as those in the manifest of a shard.

        Args:
            given: Field name to its value.

        Returns:
            The settings, with defaults for fields that are not there.

        Raises:
            ConfigError: A field is unknown, or its value cannot be used.
        """
        options = cls.options()
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name not in options:
                raise ConfigError(f"unknown setting {name!r}.{did_you_mean(str(name), options)}")
            if value is not None:
                found[name] = value if isinstance(value, bool | int | float) else options[name].convert(name, value)
        return cls(**found)

    @classmethod
    def faults(cls, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Find everything that is wrong with the options of a config file.

        Args:
            given: Option name to value, as for ``from_mapping``.

        Yields:
            An option's name and what is wrong with it.
        """
        options = cls.command_line()
        for name, value in given.items():
            if name not in options:
                yield name, f"unknown option {name!r}.{did_you_mean(str(name), options)}"
            elif value is not None:
                try:
                    options[name].convert(name, value)
                except ConfigError as error:
                    yield name, str(error)

    @classmethod
    def from_call(cls, given: Mapping[str, object]) -> Self:
        """Check and convert the arguments of ``simple_evaluate``.

        Args:
            given: Argument name to its value. A model that is an object counts as the name of its class;
                ``COLLABORATORS`` are skipped.

        Returns:
            The settings, with defaults for arguments that are not given.

        Raises:
            ConfigError: A value cannot be used.
            TypeError: An argument is unknown.
        """
        rest = {name: value for name, value in given.items() if name not in COLLABORATORS}
        if not isinstance(rest.get("model", ""), str):
            rest["model"] = type(rest["model"]).__name__
        found: dict[str, Any] = {}
        options = cls.options()
        for name, arguments in cls.arguments().items():
            parts = {argument: rest.pop(argument) for argument in arguments if argument in rest}
            value = parts if len(arguments) > 1 else parts.get(name)
            if parts and value is not None:
                found[name] = options[name].convert(name, value)
        for argument in rest:
            raise TypeError(f"simple_evaluate has no argument {argument!r}.")
        return cls(**found)

    def check(self) -> None:
        """Refuse settings that leave nothing to run or exclude each other.

        Raises:
            ConfigError: The settings do not make a run.
        """
        if not self.tasks:
            raise ConfigError("No tasks given; 'lm_eval ls tasks' lists them.")
        if self.limit is not None and self.samples is not None:
            raise ConfigError("limit and samples exclude each other; give one of them.")
        if self.samples is not None and not self.samples:
            raise ConfigError("samples names no task; leave it out to use all documents.")
        default = type(self)()
        for name in ("batch_wait", "batch_lines", "batch_mb") if self.batch is None else ():
            if getattr(self, name) != getattr(default, name):
                raise ConfigError(f"{name} needs batch, which says how to ask in batches: openai, or file:DIR.")

    def check_command(self) -> None:
        """Refuse a command line that lacks an option or has one without effect.

        A model that has a ``base_url`` and no kind is ``local-completions``. ``stream`` becomes a model argument.

        Raises:
            ConfigError: The options do not make a run.
        """
        if not self.model and self.model_args.get("base_url"):
            self.model = "local-completions"
        if self.stream:
            self.model_args = {"stream": True, **self.model_args}
        if not self.model:
            raise ConfigError("No model given: --model local-completions or --model local-chat-completions.")
        self.check()
        if self.keeps_samples and not self.output_path:
            raise ConfigError("--log_samples and --predict_only need --output_path: a folder for what they save.")
        self._check_parts()
        if self.output_format != "jsonl" and not self.keeps_samples:
            raise ConfigError("--output_format needs --log_samples.")
        if self.fewshot_as_multiturn and not self.apply_chat_template:
            raise ConfigError("--fewshot_as_multiturn needs --apply_chat_template.")

    def _check_parts(self) -> None:
        given = "--shard" if self.shard else "--distribute"
        if self.shards is not None and not self.distribute:
            raise ConfigError("--shards needs --distribute; --shard i/n does one part.")
        if not self.shard and not self.distribute:
            return
        if self.shard and self.distribute:
            raise ConfigError("--shard and --distribute exclude each other: --distribute starts the parts itself.")
        if not self.output_path:
            raise ConfigError(f"{given} needs --output_path: a folder for the parts of the run.")
        if self.distribute and self.batch:
            raise ConfigError(
                "--batch and --distribute exclude each other: batches are answered elsewhere, and one process collects"
                " them. With --shard i/n, each part of the run has batches of its own."
            )
        if str(self.distribute).startswith("ray") and self.use_cache:
            raise ConfigError("--use_cache is a file of one machine; a run on Ray keeps its answers without it.")
        loggers = ("wandb_args", "trackio_args", "mlflow_args", "hf_hub_log_args")
        if self.shard and (unused := next((name for name in loggers if getattr(self, name)), None)):
            raise ConfigError(f"--{unused} has no effect on a part of a run; give it to lm_eval merge.")

    @property
    def part(self) -> Shard | None:
        """The part of the run that this process does; None for all of it.

        Raises:
            ConfigError: It is ``auto``, and no variable of a scheduler says which it is.
        """
        if self.shard is None:
            return None
        return shard_of_environment() if self.shard == "auto" else Shard.read(self.shard)

    @property
    def batches(self) -> BatchSettings | None:
        """How the run asks in batches; None if it does not."""
        if self.batch is None:
            return None
        found = BatchSettings.of(self.batch, self.batch_wait, self.batch_lines, self.batch_mb)
        return found if self.shard is None or self.part is None else found.within(self.part.name)

    @property
    def keeps_samples(self) -> bool:
        """Whether the result includes one record for each document."""
        return self.log_samples or self.predict_only

    @property
    def multiturn(self) -> bool:
        """Whether each few-shot example is sent as its own chat turns."""
        return bool(self.apply_chat_template) and self.fewshot_as_multiturn is not False

    def record(self) -> dict[str, Any]:
        """Return what a results file has under ``config``, without secrets."""
        from lm_eval.config.redact import redact

        found: dict[str, Any] = {}
        for name, option in self.options().items():
            if Mark.RECORDED in option.marks:
                value = getattr(self, name)
                keys = option.recorded_as or (name,)
                parts = value if len(keys) > 1 else [redact(value) if option.secrets_from else value]
                found |= zip(keys, parts, strict=True)
        found["gen_kwargs"] = self.gen_kwargs or None
        return found
