"""Tasks. ``ConfigurableTask`` follows a config; ``Task`` and its other subclasses are bases for Python tasks."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from lm_eval.api.base_task import Task
from lm_eval.api.instance import Doc, Instance, OutputType
from lm_eval.api.python_tasks import MultipleChoiceTask, PerplexityTask
from lm_eval.api.registry import Aggregation
from lm_eval.api.result_keys import MUTUAL_INFORMATION
from lm_eval.api.samplers import ContextSampler
from lm_eval.api.task_parts.conversations import Conversation, is_conversation
from lm_eval.api.task_parts.documents import Docs, Splits, column_names, draws_at_random, iterate, load_task_dataset
from lm_eval.api.task_parts.fields import Fields, compile_template, is_static
from lm_eval.api.task_parts.prompts import (
    ChatTemplate,
    Message,
    Shots,
    as_prompt,
    plain_prompt,
    qa_turn,
    system_message,
)
from lm_eval.api.task_parts.scoring import Metrics, as_type_of
from lm_eval.api.task_parts.tools import CallCounts
from lm_eval.compatibility.elsewhere import elsewhere
from lm_eval.config.task import OUTPUT_TYPES, TASK_KEYS, FewshotConfig, TaskConfig
from lm_eval.errors import ConfigError, DatasetError, MissingPackageError, TemplateError, did_you_mean
from lm_eval.statistics.repeats import OverRepeats

__all__ = [
    "ALL_OUTPUT_TYPES",
    "ConfigurableTask",
    "MultipleChoiceTask",
    "PerplexityTask",
    "Task",
    "TaskConfig",
]

ALL_OUTPUT_TYPES = list(OUTPUT_TYPES)
_WITHOUT_SELF = "_exclude_self"
_NOT_IN_REQUESTS = frozenset(
    [
        "custom_dataset",
        "process_docs",
        "process_results",
        "metric_list",
        "filter_list",
        "fewshot_config",
        "scorer",
        "metadata",
    ]
)
"""Keys whose functions run when the dataset is loaded, or when answers are scored."""

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere(__name__, name)


class ConfigurableTask(Task):
    """A task that follows its config; subclasses in Python task files override single methods.

    Its parts: ``Splits`` (the documents), ``Fields`` (how a document is read), ``Shots`` (the few-shot examples) and
    ``Metrics`` (how responses are scored).
    """

    VERSION: int | float | str | None = "Yaml"
    CONFIG: ClassVar[Mapping[str, Any] | None] = None
    OUTPUT_TYPE: OutputType | None = None
    ASKS_IN_FORMAT: ClassVar[bool] = False

    def __init__(
        self,
        data_dir: str | None = None,
        cache_dir: str | None = None,
        download_mode: object = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Read a config; the dataset is loaded when it is first used.

        Args:
            data_dir: Ignored; kept for compatibility with the reference harness.
            cache_dir: Ignored, like ``data_dir``.
            download_mode: Ignored, like ``data_dir``.
            config: Content of the task file.

        Raises:
            ConfigError: A key or a value cannot be used.
            UnknownNameError: A metric, filter, aggregation or sampler is not registered.
        """
        merged = {**(self.CONFIG or {}), **(config or {})}
        merged.pop("class", None)
        merged.setdefault("task", type(self).__name__)
        if self.OUTPUT_TYPE is not None:
            merged.setdefault("output_type", self.OUTPUT_TYPE)
        for key in merged:
            if key not in TASK_KEYS:
                raise ConfigError(f"Task {merged['task']}: unknown key {key!r}.{did_you_mean(key, TASK_KEYS)}")
        super().__init__(data_dir, cache_dir, download_mode, merged)
        settings = self._config
        if settings.use_prompt is not None:
            raise MissingPackageError(
                f"Task {settings.task}: use_prompt {settings.use_prompt!r} needs the package promptsource, which is"
                " not installed; write the prompt as doc_to_text and doc_to_target instead."
            )
        if settings.formats is not None and not self.ASKS_IN_FORMAT:
            raise ConfigError(
                f"Task {settings.task}: {type(self).__name__} does not ask in a format; build the task with"
                " lm_eval.api.formatted_task.FormattedTask, or load it with TaskManager."
            )
        self.OUTPUT_TYPE = settings.output_type
        self.DATASET_PATH = settings.dataset_path or self.DATASET_PATH
        self.DATASET_NAME = settings.dataset_name or self.DATASET_NAME
        self.VERSION = (settings.metadata or {}).get("version", self.VERSION)
        if settings.tools is not None and settings.output_type != "generate_until":
            raise ConfigError(f"Task {settings.task}: tools need output_type generate_until.")
        self.UNSAFE_CODE = bool(settings.unsafe_code)
        assert isinstance(settings.fewshot_config, FewshotConfig)
        self.fewshot_cfg: FewshotConfig = settings.fewshot_config
        self._check_repeats()
        self._check_scorer()
        self._metrics = self._resolve_metrics()
        self._calls = CallCounts()
        self._splits = Splits(self)
        self._fields = Fields(settings, self)
        # If both split names are None they are equal, which is right: the few-shot pool then falls back to the
        # evaluated split.
        if settings.fewshot_exclude_self and not str(settings.task).endswith(_WITHOUT_SELF):
            settings.task = f"{settings.task}{_WITHOUT_SELF}"  # other prompts than those of the reference harness
        self._shots = Shots(
            self.fewshot_cfg,
            self,
            may_meet_itself=self.fewshot_cfg.split == settings.test_split,
            exclude_self=bool(settings.fewshot_exclude_self),
        )
        self._openings: dict[tuple[int, str | None, str], tuple[list[Message], str]] = {}

    def _check_scorer(self) -> None:
        """Refuse a template of the judge that is not well-formed, before anything is asked."""
        if self.scorer is not None and self.scorer.prompt is not None:
            try:
                compile_template(self.scorer.prompt)
            except TemplateError as error:
                raise TemplateError(f"Task {self._config.task}, scorer: {error}") from error

    def _check_repeats(self) -> None:
        """Refuse a pipeline that keeps more responses than there are repeats, before the model is asked."""
        needed = max((pipeline.min_repeats for pipeline in self._filters), default=1)
        if needed > self._config.repeats:
            raise ConfigError(
                f"Task {self._config.task}: a filter keeps {needed} responses per document, so it needs repeats of at"
                f" least {needed}, not {self._config.repeats}."
            )

    def _resolve_metrics(self) -> Metrics:
        metrics = Metrics.of_task(self._config)
        if metrics.over_repeats() and all(pipeline.chooses for pipeline in self._filters):
            raise ConfigError(
                f"Task {self._config.task}: over_repeats needs a filter pipeline without take_first_k and "
                "majority_vote, which choose among the repeats themselves."
            )
        return metrics

    # The documents

    def _load(self) -> None:
        self.download(self._config.dataset_kwargs)

    def download(  # type: ignore[override]
        self, dataset_kwargs: Mapping[str, Any] | None = None, *args: object, **kwargs: Any
    ) -> None:
        """Load the dataset into ``self.dataset``.

        Args:
            dataset_kwargs: Arguments of ``datasets.load_dataset``, or of ``custom_dataset``.
            *args: Ignored; kept for compatibility with ``Task``.
            **kwargs: More arguments of ``datasets.load_dataset``.
        """
        settings, arguments = self._config, {**(dataset_kwargs or {}), **kwargs}
        if settings.custom_dataset is not None:
            self.dataset = settings.custom_dataset(**{**(settings.metadata or {}), **arguments})
            # Documents that depend on how they were made say so, for example in the version.
            if isinstance(facts := getattr(self.dataset, "metadata", None), Mapping):
                settings.metadata = {**(settings.metadata or {}), **facts}
                self.VERSION = settings.metadata.get("version", self.VERSION)
        else:
            self.dataset = load_task_dataset(
                str(settings.task), self.DATASET_PATH, self.DATASET_NAME, arguments, data_dir=self._data_dir
            )

    def has_training_docs(self) -> bool:
        """Whether the config names a training split."""
        return self._config.training_split is not None

    def has_validation_docs(self) -> bool:
        """Whether the config names a validation split."""
        return self._config.validation_split is not None

    def has_test_docs(self) -> bool:
        """Whether the config names a test split."""
        return self._config.test_split is not None

    def training_docs(self) -> Docs:
        """Return the training split, processed."""
        return self._splits.read(self._config.training_split, self._config.process_docs)

    def validation_docs(self) -> Docs:
        """Return the validation split, processed."""
        return self._splits.read(self._config.validation_split, self._config.process_docs)

    def test_docs(self) -> Docs:
        """Return the test split, processed."""
        return self._splits.read(self._config.test_split, self._config.process_docs)

    def fewshot_docs(self) -> Docs:
        """Return the few-shot pool: the few-shot split, else the samples in the config, else another split."""
        settings = self.fewshot_cfg
        if settings.split is not None:
            return self._splits.read(settings.split, settings.process_docs)
        if settings.samples is not None:
            return list(settings.samples() if callable(settings.samples) else settings.samples)
        return super().fewshot_docs()

    @property
    def eval_docs(self) -> Docs:
        """The documents to evaluate: the test split, else the validation split, processed."""
        if not self._splits and draws_at_random(self._config.process_docs):
            # The order decides which random numbers a split gets; in the reference harness the few-shot pool is first.
            self.fewshot_docs()
        return super().eval_docs

    @cached_property
    def features(self) -> list[str]:
        """The names of the columns of the evaluated documents."""
        return column_names(self.scored_docs)

    @cached_property
    def _first_doc(self) -> Doc:
        for doc in iterate(self.scored_docs, stop=1):
            return doc
        raise DatasetError(f"Task {self.task_name} has no docs to evaluate.")

    @cached_property
    def multiple_target(self) -> bool:
        """Whether the first evaluated document has a list of targets."""
        return isinstance(self.doc_to_target(self._first_doc), list)

    @cached_property
    def multiple_input(self) -> bool:
        """Whether the first evaluated document has one question for each choice."""
        return self._config.doc_to_choice is not None and isinstance(self.doc_to_text(self._first_doc), int)

    # The fields of a document

    def doc_to_text(self, doc: Doc, doc_to_text: object = None) -> Any:
        """Return the question of a document.

        Args:
            doc: The document.
            doc_to_text: How to read it; None takes ``doc_to_text`` of the config.

        Returns:
            Text; or an int, the index of the gold choice, when each choice is a separate question.
        """
        return self._fields.read("doc_to_text", doc_to_text, doc)

    def doc_to_target(self, doc: Doc, doc_to_target: object = None) -> Any:
        """Return the answer of a document.

        Args:
            doc: The document.
            doc_to_target: How to read it; None takes ``doc_to_target`` of the config.

        Returns:
            Text, the index of a choice, or a list of either.
        """
        return self._fields.read("doc_to_target", doc_to_target, doc)

    def doc_to_choice(self, doc: Doc, doc_to_choice: object = None) -> list[str]:
        """Return the choices of a document.

        Args:
            doc: The document.
            doc_to_choice: How to read them; None takes ``doc_to_choice`` of the config.
        """
        choices = self._fields.read("doc_to_choice", doc_to_choice, doc)
        return choices if isinstance(choices, list) else list(choices)

    def doc_to_image(self, doc: Doc, doc_to_image: object = None) -> object:
        """Return the images of a document, or None when the task has none."""
        if doc_to_image is None and self._config.doc_to_image is None:
            return None
        return self._fields.read("doc_to_image", doc_to_image, doc)

    def doc_to_audio(self, doc: Doc, doc_to_audio: object = None) -> object:
        """Return the sounds of a document, or None when the task has none."""
        if doc_to_audio is None and self._config.doc_to_audio is None:
            return None
        return self._fields.read("doc_to_audio", doc_to_audio, doc)

    def doc_to_video(self, doc: Doc) -> object:
        """Return the videos of a document, or None when the task has none."""
        return None if self._config.doc_to_video is None else self._fields.read("doc_to_video", None, doc)

    def doc_to_tools(self, doc: Doc) -> list[dict[str, Any]] | None:
        """Return the tools that the model may call, or None when the task has none."""
        return None if self._config.tools is None else self._fields.read("tools", None, doc)

    def doc_to_prefix(self, doc: Doc) -> str | None:
        """Return the start of the answer of a document, or None when the task has no ``gen_prefix``."""
        return None if self._config.gen_prefix is None else self._fields.read("gen_prefix", None, doc)

    def doc_to_cluster(self, doc: Doc) -> str | None:
        """Return the cluster of a document; None when the task has no ``cluster_key``, or the document no value."""
        name = None if self._config.cluster_key is None else self._fields.read("cluster_key", None, doc)
        return None if name is None else str(name)

    def should_decontaminate(self) -> bool:
        """Whether the config asks for decontamination."""
        return self._config.should_decontaminate

    def doc_to_decontamination_query(self, doc: Doc) -> object:
        """Return the text to search for in training data."""
        if self._config.doc_to_decontamination_query is None:
            return self.doc_to_text(doc)
        return self._fields.read("doc_to_decontamination_query", None, doc)

    # The prompt

    def _overrides(self, name: str) -> bool:
        """Whether a subclass overrides a method."""
        return getattr(type(self), name) is not getattr(ConfigurableTask, name)

    @cached_property
    def pure_fields(self) -> bool:
        """Whether few-shot examples are written by templates and columns alone; writing one twice gives the same."""
        methods = ("doc_to_text", "doc_to_target", "doc_to_choice", "shot_turns", "build_qa_turn")
        cfg, own = self.fewshot_cfg, self._config
        text = own.doc_to_text if cfg.doc_to_text is None else cfg.doc_to_text
        target = own.doc_to_target if cfg.doc_to_target is None else cfg.doc_to_target
        values = (text, target, cfg.doc_to_choice, cfg.gen_prefix)
        return not any(map(self._overrides, methods)) and not any(
            callable(value) or (isinstance(value, str) and "random" in value) for value in values
        )

    @property
    def sampler(self) -> ContextSampler[Doc]:
        """The sampler that draws few-shot examples."""
        return self._shots.sampler

    @sampler.setter
    def sampler(self, sampler: ContextSampler[Doc]) -> None:
        """Draw few-shot examples with another sampler, which keeps its own seed until the task is seeded."""
        self._shots.sampler = sampler
        self._openings.clear()

    def set_fewshot_seed(self, seed: int | None = None) -> None:
        """Seed the drawing of few-shot examples.

        Args:
            seed: The seed.
        """
        super().set_fewshot_seed(seed)
        self._shots.seed(seed)

    def shows_own_answer(self, doc: Doc) -> bool:
        """Whether the prompt that was written last has its own document among the few-shot examples.

        Args:
            doc: The document that the prompt asks about.
        """
        return bool(self._config.num_fewshot) and self._shots.hold(doc)

    def pass_over(self, doc: Doc) -> None:
        """Draw the few-shot examples of a document whose prompt another process writes.

        Args:
            doc: The document.
        """
        if self.OUTPUT_TYPE != "loglikelihood_rolling":
            self._shots.pass_over(doc, self._config.num_fewshot or 0)

    def fewshot_context(  # type: ignore[override]
        self,
        doc: Doc,
        num_fewshot: int,
        system_instruction: str | None = None,
        apply_chat_template: bool = False,
        fewshot_as_multiturn: bool = False,
        chat_template: ChatTemplate | None = None,
        gen_prefix: str | None = None,
        **kwargs: object,
    ) -> object:
        """Write the prompt of a document.

        Args:
            doc: The document.
            num_fewshot: Number of few-shot examples.
            system_instruction: Text at the start of the prompt, before the description of the task.
            apply_chat_template: Write a chat.
            fewshot_as_multiturn: Keep few-shot examples as separate turns.
            chat_template: Turns messages into a prompt.
            gen_prefix: The start of the answer.
            **kwargs: Ignored; for subclasses.

        Returns:
            The prompt; a list with one prompt per choice when ``doc_to_text`` gives an int.
        """
        if self.OUTPUT_TYPE == "loglikelihood_rolling":
            return ""  # The complete text is scored, after an empty prompt.
        opening, text = self._opening(doc, num_fewshot, system_instruction)
        question = self.doc_to_text(doc)
        template = chat_template if apply_chat_template else None
        if is_conversation(question) and self._config.output_type == "generate_until":
            return self._conversation(question, opening, template)
        choices = None
        if self._config.doc_to_choice is not None and (isinstance(question, int) or self._looks_at_choices):
            choices = self.doc_to_choice(doc)
        if choices is not None and isinstance(question, int):
            return self.multiple_input_context(opening, gen_prefix, choices, template, fewshot_as_multiturn)
        turns = self.build_qa_turn(
            q=question, c=choices, gen_prefix=gen_prefix, tgt_delim=self._config.target_delimiter, few_delim=""
        )
        if template is None:
            return text + plain_prompt(turns)
        return as_prompt([*opening, *turns], template, fewshot_as_multiturn, gen_prefix)

    def _conversation(self, question: Any, opening: list[Message], template: ChatTemplate | None) -> object:
        """Return the prompt of a conversation; if it has several turns for the model, the conversation itself."""
        try:
            conversation = Conversation.of(question, opening, template)
        except TemplateError as error:
            raise TemplateError(f"Task {self.task_name}, doc_to_text: {error}") from None
        turns = conversation.turns()
        return conversation.prompt(turns[0]) if len(turns) == 1 else conversation

    @cached_property
    def _looks_at_choices(self) -> bool:
        """Whether turns may show the choices, because a subclass writes the turns."""
        return self._overrides("build_qa_turn")

    @cached_property
    def _fixed_description(self) -> bool:
        """Whether every document gets the same description."""
        description = self._config.description
        return isinstance(description, str) and is_static(description) and description not in self.features

    def _opening(self, doc: Doc, num_fewshot: int, instruction: str | None) -> tuple[list[Message], str]:
        """Write what stands before the question of the document, as turns and as text."""
        settings = self._config
        fixed = self._shots.are_fixed(num_fewshot) and self._fixed_description
        mark = (num_fewshot, instruction, settings.description)
        if fixed and mark in self._openings:
            return self._openings[mark]
        description = self._fields.read("description", None, doc) if settings.description else ""
        turns = system_message(instruction, description, settings.fewshot_delimiter)
        if num_fewshot:
            turns = turns + self._shots.turns(doc, num_fewshot)
        written = (turns, plain_prompt(turns))
        if fixed:
            self._openings[mark] = written
        return written

    def shot_turns(self, shot: Doc) -> list[Message]:
        """Write a few-shot example as a user turn and an assistant turn.

        Args:
            shot: A document of the few-shot pool.
        """
        cfg = self.fewshot_cfg
        choices = self._field(shot, "doc_to_choice") if cfg.doc_to_choice is not None else None
        answer = self._field(shot, "doc_to_target")
        if self._config.tools is not None and not isinstance(answer, str):
            raise ConfigError(f"Task {self.task_name}: few-shot examples cannot show tool calls; use num_fewshot 0.")
        return self.build_qa_turn(
            q=self._field(shot, "doc_to_text"),
            c=choices,
            a=answer,
            gen_prefix=None if cfg.gen_prefix is None else self._fields.read("gen_prefix", cfg.gen_prefix, shot),
            tgt_delim=cfg.target_delimiter or "",
            few_delim=cfg.fewshot_delimiter or "",
        )

    def _field(self, shot: Doc, name: str) -> Any:
        """Read a field of a few-shot example; the method of a subclass may take the document alone."""
        method = getattr(self, name)
        if self._overrides(name) and len(inspect.signature(method).parameters) < 2:
            return method(shot)
        return method(shot, getattr(self.fewshot_cfg, name))

    def build_qa_turn(
        self,
        *,
        q: object = None,
        c: list[str] | None = None,
        a: object = None,
        gen_prefix: str | None = None,
        tgt_delim: str = " ",
        few_delim: str = "\n\n",
    ) -> list[Message]:
        """Write a question, and its answer when there is one.

        Args:
            q: The question.
            c: The choices.
            a: The answer: text, the index of a choice, or a list of answers, of which the first is written.
            gen_prefix: The start of the answer.
            tgt_delim: Text between question and answer.
            few_delim: Text after an answer.

        Returns:
            A user turn, and an assistant turn when there is an answer or a ``gen_prefix``.
        """
        question = c[q] if isinstance(q, int) and c is not None else q
        if question is None or isinstance(question, (list, dict)):
            raise TemplateError(f"Task {self.task_name}, doc_to_text: it gives {question!r}, which is no text.")
        answer = None if isinstance(a, str) and a == "" else a
        if isinstance(answer, list):
            answer = answer[0] if answer else None
        if isinstance(answer, int) and c is not None:
            answer = c[answer]
        return qa_turn(str(question), None if answer is None else str(answer), gen_prefix, tgt_delim, few_delim)

    def multiple_input_context(
        self,
        prev_context: Sequence[Message] | None,
        gen_prefix: str | None,
        q: list[str],
        chat_template: ChatTemplate | None = None,
        fewshot_as_multiturn: bool = False,
    ) -> list[object]:
        """Write one prompt per choice, with the choice as the question.

        Args:
            prev_context: The turns before the question.
            gen_prefix: The start of the answer.
            q: The choices.
            chat_template: Turns messages into a prompt; None writes text.
            fewshot_as_multiturn: Keep few-shot examples as separate turns.

        Returns:
            The prompts.
        """
        opening = list(prev_context or [])
        prompts: list[object] = []
        for question in q:
            # No delimiter: a choice and the start of the answer are parts of one sentence.
            turns = opening + self.build_qa_turn(q=question, gen_prefix=gen_prefix, tgt_delim="", few_delim="")
            prompts.append(as_prompt(turns, chat_template, fewshot_as_multiturn, gen_prefix))
        return prompts

    # The requests

    @property
    def builds_in_parts(self) -> bool:
        """Whether the Instances of a document are the same whenever they are built; see ``Task``.

        Functions that run when the dataset is loaded, or that score, do not matter. Any other function, or a template
        that draws at random, may.
        """
        ours = type(self).__module__ in (ConfigurableTask.__module__, "lm_eval.api.formatted_task")
        written = {key: value for key, value in self._config.items() if key not in _NOT_IN_REQUESTS}
        shots = {key: value for key, value in self.fewshot_cfg.items() if key not in ("process_docs", "samples")}
        return ours and not any(map(_may_draw, (written, shots)))

    def construct_requests(self, doc: Doc, ctx: Any, **kwargs: Any) -> list[Instance] | Instance:
        """Build the Instances of a document.

        Args:
            doc: The document.
            ctx: The prompt, as returned by ``fewshot_context``.
            **kwargs: ``metadata`` for the Instances, ``apply_chat_template`` and ``chat_template`` of the run.

        Returns:
            One Instance, or for multiple choice one per choice.
        """
        chat = kwargs.pop("apply_chat_template", False)
        kwargs.pop("chat_template", None)
        if isinstance(ctx, Conversation):
            first = (ctx.prompt(ctx.turns()[0]), self._generation_settings(doc), *self._media(doc))
            return ctx.instances(Instance("generate_until", doc, first, 0, **kwargs))
        kind = self.OUTPUT_TYPE or self._config.output_type
        media = self._media(doc)
        if kind == "multiple_choice":
            return [
                Instance(request_type="loglikelihood", doc=doc, arguments=pair + media, idx=index, **kwargs)
                for index, pair in enumerate(self._choice_pairs(doc, ctx, chat))
            ]
        if kind == "loglikelihood":
            arguments: tuple[object, ...] = (ctx, self.doc_to_target(doc))
        elif kind == "loglikelihood_rolling":
            arguments = (self.doc_to_target(doc),)
        else:
            arguments = (ctx, self._generation_settings(doc))
        return Instance(request_type=kind, doc=doc, arguments=arguments + media, idx=0, **kwargs)

    def _generation_settings(self, doc: Doc) -> dict[str, Any] | None:
        settings = copy.deepcopy(self._config.generation_kwargs)
        if settings is not None and (tools := self.doc_to_tools(doc)):
            settings["tools"] = tools
        return settings

    def _choice_pairs(self, doc: Doc, ctx: object, chat: bool) -> list[tuple[object, ...]]:
        """Return the context and continuation of each choice."""
        choices = self.doc_to_choice(doc)
        delimiter = self._config.target_delimiter
        if chat:
            prefix = self._config.gen_prefix
            if not prefix or prefix[-1:].isspace():
                delimiter = ""
        pairs: list[tuple[object, ...]]
        if isinstance(ctx, list) and self.multiple_input:
            target = f"{delimiter}{self.doc_to_target(doc)}"
            pairs = [(prompt, target) for prompt in ctx]
        else:
            pairs = [(ctx, f"{delimiter}{choice}") for choice in choices]
        if MUTUAL_INFORMATION in self._metrics:
            pairs += [("", f"{delimiter}{choice}") for choice in choices]
        return pairs

    def _media(self, doc: Doc) -> tuple[dict[str, object], ...]:
        """Return the further argument of a multimodal task: a dict of its media."""
        settings = self._config
        if settings.doc_to_image is None and settings.doc_to_audio is None and settings.doc_to_video is None:
            return ()
        media: dict[str, object] = {}
        if settings.doc_to_image is not None:
            media["visual"] = self.doc_to_image(doc)
        if settings.doc_to_audio is not None:
            media["audio"] = self.doc_to_audio(doc)
        if settings.doc_to_video is not None:
            media["video"] = self.doc_to_video(doc)
        return (media,)

    # The scores

    def process_results(self, doc: Doc, results: Any) -> dict[str, Any]:
        """Score a document.

        Args:
            doc: The document.
            results: The filtered response to each of its Instances.

        Returns:
            Metric name to value.
        """
        if self._config.tools is not None:
            self._count_calls(doc, results[0])
        if callable(self._config.process_results):
            values: dict[str, Any] = self._config.process_results(doc, results)
            return values
        kind = self.OUTPUT_TYPE
        if kind == "loglikelihood":
            return self._metrics.score_loglikelihood(results[0])
        if kind == "loglikelihood_rolling":
            return self._metrics.score_rolling(results[0], self.doc_to_target(doc))
        if kind == "multiple_choice":
            choices = self.doc_to_choice(doc)
            gold = self.doc_to_text(doc) if self.multiple_input else self.doc_to_target(doc)
            pairs = list(results)
            alone = [pair[0] for pair in pairs[len(choices) :]] if len(pairs) == 2 * len(choices) else None
            return self._metrics.score_choices(pairs[: len(choices)], choices, gold, alone)
        if self._config.scorer is not None and self._config.metric_list is None:
            return {}  # There need not be a target that a metric could use.
        if self._config.tools is not None:
            return self._metrics.score_calls(results[0], self.doc_to_target(doc), self.doc_to_tools(doc))
        gold, chosen = self.doc_to_target(doc), self._config.doc_to_choice is not None
        if chosen and isinstance(gold, int):
            gold = self.doc_to_choice(doc)[gold]
        elif not chosen and not self.multiple_target:
            gold = as_type_of(results[0], gold)
        return self._metrics.score_generation(results[0], gold, self.multiple_target)

    def _count_calls(self, doc: Doc, response: object) -> None:
        gold = self.doc_to_target(doc)
        for answer in response if isinstance(response, list) else [response]:
            self._calls.add(answer, gold)

    def apply_filters(self) -> list[Instance]:
        """Apply the filter pipelines to all responses; see ``Task``."""
        self._calls = CallCounts()
        return super().apply_filters()

    def aggregation(self) -> Mapping[str, Aggregation]:
        """Return for each metric the function that turns the values of all documents into one number."""
        return self._metrics.aggregation()

    def higher_is_better(self) -> Mapping[str, bool | None]:
        """Return for each metric whether higher is better."""
        return self._metrics.higher_is_better()

    @property
    def over_repeats(self) -> Mapping[str, Sequence[OverRepeats]]:
        """How the repeats of a document are combined, by metric; the results are named ``<metric>_<how>``."""
        return self._metrics.over_repeats()

    def scoring_notes(self) -> list[str]:
        """Return what a reader should know about how responses were scored."""
        return [*self._metrics.notes(), *self._calls.notes()]

    def scoring_state(self) -> dict[str, Any]:
        """Return what ``scoring_notes`` is made of; see ``Task``."""
        return {"partial": dict(self._metrics.partial), "calls": vars(self._calls).copy()}

    def add_scoring_state(self, state: Mapping[str, Any]) -> None:
        """Take over what a copy of this task has counted; see ``Task``."""
        self._metrics.partial.update({**state["partial"], **self._metrics.partial})
        for name, count in state["calls"].items():
            setattr(self._calls, name, getattr(self._calls, name) + count)

    @property
    def metric_functions(self) -> Mapping[str, Callable[..., object]]:
        """The functions that compute the values of documents: metric to function."""
        return {name: spec.function for name, spec in self._metrics.items() if spec.function is not None}

    @property
    def metric_parts(self) -> Mapping[str, str]:
        """The values that metrics gave in addition to their own, such as ``rouge1``: name to the metric's name."""
        return self._metrics.parts

    def add_metric_parts(self, parts: Mapping[str, str]) -> None:
        """Take over the ``metric_parts`` of a copy of this task that was scored in another process.

        Args:
            parts: Name to the name of the metric that gives it.
        """
        for part, metric in parts.items():
            self._metrics.add_part(part, self._metrics[metric])

    def override_metric(self, metric_name: str) -> None:
        """Score by one metric only; ``bypass`` scores nothing.

        Args:
            metric_name: The metric.
        """
        super().override_metric(metric_name)
        self._metrics = self._resolve_metrics()

    def __repr__(self) -> str:
        settings = self._config
        return (
            f"ConfigurableTask(task_name={settings.task},output_type={settings.output_type},"
            f"num_fewshot={settings.num_fewshot})"
        )


def _may_draw(value: object) -> bool:
    """Whether a value of a config has a function, or a template that may draw at random."""
    if isinstance(value, str):
        return "random" in value
    if isinstance(value, Mapping):
        return any(map(_may_draw, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_may_draw, value))
    return callable(value)
