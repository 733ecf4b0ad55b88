"""Tasks: ``ConfigurableTask`` does what a task file says; the other bases are for Python tasks."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from lm_eval.api._base import Task
from lm_eval.api._classic import MultipleChoiceTask, PerplexityTask
from lm_eval.api._configured import ConfiguredTask
from lm_eval.api._prompt import Message, chat_messages, plain_prompt, qa_turn, system_message
from lm_eval.api._scoring import score_choices, score_generation, score_loglikelihood, score_rolling
from lm_eval.api._shots import Shots
from lm_eval.api._templates import is_static
from lm_eval.api.instance import Instance
from lm_eval.config.task import OUTPUT_TYPES, TaskConfig
from lm_eval.errors import TemplateError

__all__ = [
    "ALL_OUTPUT_TYPES",
    "ConfigurableTask",
    "MultipleChoiceTask",
    "PerplexityTask",
    "Task",
    "TaskConfig",
]

ALL_OUTPUT_TYPES = list(OUTPUT_TYPES)


class ConfigurableTask(ConfiguredTask):
    """A task that does what its config says; Python task files override single steps."""

    def __init__(
        self,
        data_dir: str | None = None,
        cache_dir: str | None = None,
        download_mode: Any = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Read a config; no data is loaded.

        Args:
            data_dir: Accepted for compatibility with ``Task``.
            cache_dir: Accepted, as ``data_dir``.
            download_mode: Accepted, as ``data_dir``.
            config: What the task file says.

        Raises:
            ConfigError: A key or a value cannot be used.
            UnknownNameError: A metric, filter, aggregation or sampler is not registered.
        """
        super().__init__(data_dir, cache_dir, download_mode, config)
        self._shots = Shots(self)
        self._openings: dict[Any, tuple[list[Message], str]] = {}

    # The prompt

    @cached_property
    def pure_fields(self) -> bool:
        """Whether shots are written by templates and columns alone, so that writing one twice gives the same."""
        own = all(
            getattr(type(self), name) is getattr(ConfigurableTask, name)
            for name in ("doc_to_text", "doc_to_target", "doc_to_choice", "shot_turns", "build_qa_turn")
        )
        cfg = self.fewshot_cfg
        values = (cfg.doc_to_text, cfg.doc_to_target, cfg.doc_to_choice, cfg.gen_prefix)
        return own and not any(callable(value) or (isinstance(value, str) and "random" in value) for value in values)

    @property
    def sampler(self) -> Any:
        """What draws the shots."""
        return self._shots.sampler

    def set_fewshot_seed(self, seed: int | None = None) -> None:
        """Seed the drawing of shots.

        Args:
            seed: The seed.
        """
        super().set_fewshot_seed(seed)
        self._shots.seed(seed)

    def fewshot_context(  # type: ignore[override]
        self,
        doc: Any,
        num_fewshot: int,
        system_instruction: str | None = None,
        apply_chat_template: bool = False,
        fewshot_as_multiturn: bool = False,
        chat_template: Callable[..., Any] | None = None,
        gen_prefix: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Write the prompt of a doc.

        Args:
            doc: The doc.
            num_fewshot: How many shots.
            system_instruction: Opens the prompt, before the task's description.
            apply_chat_template: Write a chat.
            fewshot_as_multiturn: Keep shots as turns of their own.
            chat_template: Turns messages into a prompt.
            gen_prefix: The start of the answer.
            **kwargs: Accepted for subclasses.

        Returns:
            The prompt; a list of prompts, one a choice, when ``doc_to_text`` gives an int.
        """
        if self.OUTPUT_TYPE == "loglikelihood_rolling":
            return ""  # The whole text is asked for, after nothing.
        opening, text = self._opening(doc, num_fewshot, system_instruction)
        question = self.doc_to_text(doc)
        template = chat_template if apply_chat_template else None
        choices = None
        if self._config.doc_to_choice is not None and (isinstance(question, int) or self._own_turns):
            choices = self.doc_to_choice(doc)
        if choices is not None and isinstance(question, int):
            return self.multiple_input_context(opening, gen_prefix, choices, template, fewshot_as_multiturn)
        turns = self.build_qa_turn(
            q=question, c=choices, gen_prefix=gen_prefix, tgt_delim=self._config.target_delimiter, few_delim=""
        )
        if template is None:
            return text + plain_prompt(turns)
        return _as_chat([*opening, *turns], template, fewshot_as_multiturn, gen_prefix)

    @cached_property
    def _own_turns(self) -> bool:
        """Whether a subclass writes the turns, and so may look at the choices."""
        return type(self).build_qa_turn is not ConfigurableTask.build_qa_turn

    @cached_property
    def _fixed_description(self) -> bool:
        """Whether every doc gets the same description."""
        description = self._config.description
        return isinstance(description, str) and is_static(description) and description not in self.features

    def _opening(self, doc: Any, num_fewshot: int, instruction: str | None) -> tuple[list[Message], str]:
        """Write what stands before the doc's question, as turns and as text."""
        settings = self._config
        fixed = (num_fewshot == 0 or num_fewshot in self._shots.fixed) and self._fixed_description
        mark = (num_fewshot, instruction, settings.description)
        if fixed and mark in self._openings:
            return self._openings[mark]
        description = self._read("description", None, doc) if settings.description else ""
        turns = system_message(instruction, description, settings.fewshot_delimiter)
        if num_fewshot:
            turns = turns + self._shots.turns(doc, num_fewshot)
        written = (turns, plain_prompt(turns))
        if fixed:
            self._openings[mark] = written
        return written

    def shot_turns(self, shot: Any) -> list[Message]:
        """Write a shot as a user turn and an assistant turn.

        Args:
            shot: A doc of the few-shot pool.
        """
        cfg = self.fewshot_cfg
        choices = self._field(shot, "doc_to_choice") if cfg.doc_to_choice is not None else None
        return self.build_qa_turn(
            q=self._field(shot, "doc_to_text"),
            c=choices,
            a=self._field(shot, "doc_to_target"),
            gen_prefix=None if cfg.gen_prefix is None else self._read("gen_prefix", cfg.gen_prefix, shot),
            tgt_delim=cfg.target_delimiter or "",
            few_delim=cfg.fewshot_delimiter or "",
        )

    def _field(self, shot: Any, name: str) -> Any:
        """Read a field of a shot; a subclass's method may take the doc alone."""
        method = getattr(self, name)
        if getattr(type(self), name) is not getattr(ConfigurableTask, name):
            takes = inspect.signature(method).parameters
            if len(takes) < 2:
                return method(shot)
        return method(shot, getattr(self.fewshot_cfg, name))

    def build_qa_turn(
        self,
        *,
        q: Any = None,
        c: list[str] | None = None,
        a: Any = None,
        gen_prefix: str | None = None,
        tgt_delim: str = " ",
        few_delim: str = "\n\n",
    ) -> list[Message]:
        """Write a question, and its answer when there is one.

        Args:
            q: The question.
            c: The choices.
            a: The answer: text, the place of a choice, or a list of answers, of which the first is written.
            gen_prefix: The start of the answer.
            tgt_delim: What stands between question and answer.
            few_delim: What stands after an answer.

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
        chat_template: Callable[..., Any] | None = None,
        fewshot_as_multiturn: bool = False,
    ) -> list[Any]:
        """Write one prompt a choice, the choice being the question.

        Args:
            prev_context: What stands before the question.
            gen_prefix: The start of the answer.
            q: The choices.
            chat_template: Turns messages into a prompt; None writes text.
            fewshot_as_multiturn: Keep shots as turns of their own.

        Returns:
            The prompts.
        """
        opening = list(prev_context or [])
        prompts: list[Any] = []
        for question in q:
            # A choice runs straight on into the start of the answer: both are parts of one sentence.
            turns = opening + self.build_qa_turn(q=question, gen_prefix=gen_prefix, tgt_delim="", few_delim="")
            if chat_template is None:
                prompts.append(plain_prompt(turns))
            else:
                prompts.append(_as_chat(turns, chat_template, fewshot_as_multiturn, gen_prefix))
        return prompts

    # The requests

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance] | Instance:
        """Make the Instances of a doc.

        Args:
            doc: The doc.
            ctx: What ``fewshot_context`` returned.
            **kwargs: ``metadata`` for the Instances, ``apply_chat_template`` and ``chat_template`` of the run.

        Returns:
            One Instance, or for multiple choice one a choice.
        """
        chat = kwargs.pop("apply_chat_template", False)
        kwargs.pop("chat_template", None)
        kind = self.OUTPUT_TYPE
        media = self._media(doc)
        if kind == "multiple_choice":
            return self._choice_requests(doc, ctx, chat, media, kwargs)
        if kind == "loglikelihood":
            arguments: tuple[Any, ...] = (ctx, self.doc_to_target(doc))
        elif kind == "loglikelihood_rolling":
            arguments = (self.doc_to_target(doc),)
        else:
            arguments = (ctx, copy.deepcopy(self._config.generation_kwargs))
        return Instance(request_type=kind, doc=doc, arguments=arguments + media, idx=0, **kwargs)

    def _choice_requests(
        self, doc: Any, ctx: Any, chat: bool, media: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Instance]:
        choices = self.doc_to_choice(doc)
        delimiter = self._config.target_delimiter
        if chat:
            prefix = self._config.gen_prefix
            if not prefix or prefix[-1:].isspace():
                delimiter = ""
        if isinstance(ctx, list) and self.multiple_input:
            target = f"{delimiter}{self.doc_to_target(doc)}"
            pairs = [(prompt, target) for prompt in ctx]
        else:
            pairs = [(ctx, f"{delimiter}{choice}") for choice in choices]
        if "acc_mutual_info" in self._metrics:
            pairs += [("", f"{delimiter}{choice}") for choice in choices]
        return [
            Instance(request_type="loglikelihood", doc=doc, arguments=pair + media, idx=index, **kwargs)
            for index, pair in enumerate(pairs)
        ]

    def _media(self, doc: Any) -> tuple[Any, ...]:
        """Return the further argument of a multimodal task: a dict of its media."""
        settings = self._config
        if settings.doc_to_image is None and settings.doc_to_audio is None:
            return ()
        media: dict[str, Any] = {}
        if settings.doc_to_image is not None:
            media["visual"] = self.doc_to_image(doc)
        if settings.doc_to_audio is not None:
            media["audio"] = self.doc_to_audio(doc)
        return (media,)

    # The scores

    def process_results(self, doc: Any, results: Any) -> dict[str, Any]:
        """Score a doc.

        Args:
            doc: The doc.
            results: The filtered response of each of its Instances.

        Returns:
            Metric name to value.
        """
        if callable(self._config.process_results):
            return self._config.process_results(doc, results)  # type: ignore[no-any-return]
        kind = self.OUTPUT_TYPE
        if kind == "loglikelihood":
            return score_loglikelihood(self._metrics, results[0])
        if kind == "loglikelihood_rolling":
            return score_rolling(self._metrics, results[0], self.doc_to_target(doc))
        if kind == "multiple_choice":
            choices = self.doc_to_choice(doc)
            gold = self.doc_to_text(doc) if self.multiple_input else self.doc_to_target(doc)
            pairs = list(results)
            alone = [pair[0] for pair in pairs[len(choices) :]] if len(pairs) == 2 * len(choices) else None
            return score_choices(self._metrics, pairs[: len(choices)], choices, gold, alone)
        gold = self.doc_to_target(doc)
        if self._config.doc_to_choice is not None and isinstance(gold, int):
            gold = self.doc_to_choice(doc)[gold]
        return score_generation(self._metrics, results[0], gold, self.multiple_target)

    def aggregation(self) -> dict[str, Any]:
        """Return the function that makes one number of a metric's values, by metric."""
        return {name: spec.aggregation for name, spec in self._metrics.items()}

    def higher_is_better(self) -> dict[str, Any]:
        """Tell for each metric whether higher is better."""
        return {name: spec.higher_is_better for name, spec in self._metrics.items()}


def _as_chat(turns: Sequence[Message], template: Callable[..., Any], multiturn: bool, gen_prefix: str | None) -> Any:
    """Hand turns to the chat template; an answer that is already begun is not opened again."""
    return template(chat_messages(turns, multiturn), add_generation_prompt=not gen_prefix)
