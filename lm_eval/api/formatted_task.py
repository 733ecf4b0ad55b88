"""``FormattedTask``: a task with choices, asked in a format such as ``generate`` instead of its own way."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lm_eval.api.instance import Doc, Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.api.task_parts.answers import UNPARSABLE, choice_in, final_answer, match_text
from lm_eval.api.task_parts.layouts import shuffled_order, stop_texts, write_prompt
from lm_eval.api.task_parts.prompts import Message
from lm_eval.api.task_parts.questions import (
    Question,
    are_labels,
    bare_question,
    blank_of,
    cut_labelled,
    cut_listed,
    without_labels,
)
from lm_eval.config.formats import FormatSpec, chosen_format, letters
from lm_eval.config.generation import CONSTRAINED_TO
from lm_eval.errors import ConfigError, TemplateError

__all__ = ["FormattedTask", "why_not"]

_MEAN = {"aggregation": "mean", "higher_is_better": True}
_REPLACED = ("metric_list", "filter_list", "process_results", "generation_kwargs")
_OF_FORMAT = ("gen_prefix", "target_delimiter", "fewshot_delimiter")
_PIPELINE = "none"


def why_not(config: Mapping[str, Any]) -> str | None:
    """Say why a task cannot be asked in a format.

    Args:
        config: The keys of a task file, with its functions imported or not.

    Returns:
        The reason, or None.
    """
    if config.get("class") is not None:
        return "it is written in Python"
    if config.get("choices") is not None:
        return None if config.get("question") is not None else "it has choices and no question"
    kind = config.get("output_type") or "generate_until"
    if kind == "generate_until":
        return "the model writes its answer already"
    if kind != "multiple_choice" or config.get("doc_to_choice") is None:
        return f"it has no choices (output_type {kind})"
    text = config.get("doc_to_text")
    if config.get("question") is None and isinstance(text, str) and not text.strip():
        return "it asks no question, but compares how likely texts are"
    return None


@dataclass(frozen=True, slots=True)
class _Item:
    """A document as a format asks it: the question, the choices in the order of the prompt, the gold ones."""

    question: str
    choices: list[str]
    gold: list[int]


class FormattedTask(ConfigurableTask):
    """A task whose prompt, choices, requests and scores follow a format.

    The keys ``question``, ``choices`` and ``gold`` of the config say where the parts of a document are. Where they are
    absent, question and choices are taken out of the prompt that the task writes itself.
    """

    ASKS_IN_FORMAT = True

    def __init__(self, config: Mapping[str, Any], **kwargs: Any) -> None:
        """Read a config with ``formats``.

        Args:
            config: Content of a task file; ``formats`` is any of its spellings.
            **kwargs: As for ``ConfigurableTask``.

        Raises:
            ConfigError: The format, or the task, cannot be used.
        """
        self.format: FormatSpec = chosen_format(config.get("formats"))
        reason = why_not(config)
        if reason is not None:
            raise ConfigError(f"Task {config.get('task')} cannot be asked as {self.format.name}: {reason}.")
        super().__init__(config=_config_of(config, self.format), **kwargs)
        target = config.get("doc_to_target")
        self._gold_in_place = isinstance(target, int) or (isinstance(target, str) and target.isdecimal())
        self._last: tuple[Doc, bool, _Item] | None = None
        self._seen = self._unparsable = 0

    # The fields of a document

    def doc_to_text(self, doc: Doc, doc_to_text: object = None) -> Any:
        """Return the prompt of a document in the format.

        Args:
            doc: The document.
            doc_to_text: Ignored; the config says how the question is read.
        """
        item = self._item(doc)
        return write_prompt(self.format, item.question, item.choices)

    def doc_to_choice(self, doc: Doc, doc_to_choice: object = None) -> list[str]:
        """Return the possible answers of a document: labels, texts, or complete sentences for ``generate``.

        Args:
            doc: The document.
            doc_to_choice: Ignored, like ``doc_to_text``.
        """
        return self._answers(self._item(doc))

    def doc_to_target(self, doc: Doc, doc_to_target: object = None) -> Any:
        """Return the answer of a document: the index of the gold choice, or its text where the model writes.

        Args:
            doc: The document.
            doc_to_target: Ignored, like ``doc_to_text``.
        """
        item = self._item(doc)
        gold: list[Any] = list(item.gold)
        if self.format.generates:
            bare = self.format.labels(len(item.choices)) or item.choices
            gold = [bare[index] for index in item.gold]
        return gold[0] if len(gold) == 1 else gold

    def _answers(self, item: _Item) -> list[str]:
        bare = self.format.labels(len(item.choices)) or item.choices
        return [f"{self.format.answer_prefix}{answer}" for answer in bare]

    def _item(self, doc: Doc, *, shot: bool = False) -> _Item:
        """Read question, choices and gold of a document; the last document is kept."""
        if self._last is None or self._last[0] is not doc or self._last[1] != shot:
            self._last = doc, shot, self._read_item(doc, shot)
        return self._last[2]

    def _read_item(self, doc: Doc, shot: bool) -> _Item:
        asked, gold = self._asked(doc, shot)
        asked = Question(asked.text, [choice.strip() for choice in asked.choices])
        if not asked.text.strip():
            raise TemplateError(f"Task {self.task_name}: its question is empty without the choices.")
        wrong = [index for index in gold if not 0 <= index < len(asked.choices)]
        if wrong or not gold:
            raise TemplateError(
                f"Task {self.task_name}: the gold answer is none of the {len(asked.choices)} choices that were found;"
                " question, choices and gold in its file say where they are."
            )
        if self._gold_in_place and self.format.choice_labels is not None:
            order = shuffled_order(asked.text, asked.choices)
            return _Item(asked.text, [asked.choices[i] for i in order], sorted(order.index(i) for i in gold))
        return _Item(asked.text, asked.choices, gold)

    def _asked(self, doc: Doc, shot: bool) -> tuple[Question, list[int]]:
        """Return question and choices of a document, and the indices of the gold choices."""
        own, cfg = self._config, self.fewshot_cfg if shot else self._config
        if own.choices is not None:
            choices = [str(choice) for choice in self._fields.read("choices", None, doc)]
            question = Question(str(self._fields.read("question", None, doc)).strip(), choices)
            if own.gold is not None:
                return question, _indices(self._fields.read("gold", None, doc), choices, choices)
            raw = choices
            if cfg.doc_to_choice is not None:
                raw = list(map(str, super().doc_to_choice(doc, cfg.doc_to_choice)))
            return question, _indices(self._raw_gold(doc, cfg), raw, choices)
        raw = [str(choice) for choice in super().doc_to_choice(doc, cfg.doc_to_choice)]
        text = self._fields.read("doc_to_text", cfg.doc_to_text, doc)
        if own.question is not None:
            question = Question(str(self._fields.read("question", None, doc)).strip(), raw)
        elif isinstance(text, int):
            question = blank_of(raw, str(super().doc_to_target(doc, cfg.doc_to_target)))
        else:
            question = self._cut(str(text), raw, cfg.doc_to_text)
        return question, _indices(self._raw_gold(doc, cfg), raw, question.choices)

    def _raw_gold(self, doc: Doc, cfg: Any) -> object:
        text = self._fields.read("doc_to_text", cfg.doc_to_text, doc) if self._asks_each_choice else None
        return text if isinstance(text, int) else super().doc_to_target(doc, cfg.doc_to_target)

    @cached_property
    def _asks_each_choice(self) -> bool:
        """Whether ``doc_to_text`` gives the index of the gold choice, because each choice is a context."""
        text = self._config.doc_to_text
        return text is not None and isinstance(self._fields.read("doc_to_text", None, self._first_doc), int)

    def _cut(self, text: str, raw: list[str], template: object) -> Question:
        """Take question and choices out of the prompt that the task writes."""
        bare = bare_question(text, template)
        texts = without_labels(raw)
        if texts is not None:
            found = cut_labelled(bare, letters(len(raw)), to_end=True)
            same = found is not None and found.choices[:-1] == [choice.strip() for choice in texts[:-1]]
            return Question(found.text if found is not None and same else bare, texts)
        question = cut_listed(bare, raw)
        if are_labels(raw) and question is None:
            found = cut_labelled(bare, raw, to_end=isinstance(template, str) and bool(template))
            if found is None:
                raise TemplateError(
                    f"Task {self.task_name}: its choices are the labels {', '.join(raw)}, and its prompt does not list"
                    " them in a known way; question and choices in its file say where they are."
                )
            return found
        return Question(bare if question is None else question, raw)

    # The prompt

    @cached_property
    def pure_fields(self) -> bool:
        """Whether writing a few-shot example twice gives the same."""
        cfg, own = self.fewshot_cfg, self._config
        values = (cfg.doc_to_text, cfg.doc_to_target, cfg.doc_to_choice, own.question, own.choices, own.gold)
        return not any(callable(value) or (isinstance(value, str) and "random" in value) for value in values)

    def shot_turns(self, shot: Doc) -> list[Message]:
        """Write a few-shot example in the format.

        Args:
            shot: A document of the few-shot pool.
        """
        item, spec = self._item(shot, shot=True), self.format
        answer = self._answers(item)[item.gold[0]]
        if spec.gen_prefix:
            answer = answer.removeprefix(spec.gen_prefix.strip()).lstrip()
        return self.build_qa_turn(
            q=write_prompt(spec, item.question, item.choices),
            a=answer,
            gen_prefix=spec.gen_prefix,
            tgt_delim=spec.target_delimiter,
            few_delim=spec.fewshot_delimiter,
        )

    # Requests and scores

    def construct_requests(self, doc: Doc, ctx: Any, **kwargs: Any) -> list[Instance] | Instance:
        """Build the Instances of a document; see ``ConfigurableTask``.

        Args:
            doc: The document.
            ctx: The prompt.
            **kwargs: As for ``ConfigurableTask``.
        """
        built = super().construct_requests(doc, ctx, **kwargs)
        if self.format.constrained and isinstance(built, Instance):
            settings = copy.deepcopy(dict(built.arguments[1]))
            settings[CONSTRAINED_TO] = self._answers(self._item(doc))
            built.arguments = (built.arguments[0], settings, *built.arguments[2:])
        return built

    def apply_filters(self) -> list[Instance]:
        """Take the answer out of each response: a label, the final answer of ``cot``, or ``[invalid]``."""
        self._seen = self._unparsable = 0
        instances = super().apply_filters()
        if self.format.generates:
            for instance in instances:
                instance.filtered_resps[_PIPELINE] = self._parsed(instance.doc, instance.filtered_resps[_PIPELINE])
        return instances

    def _parsed(self, doc: Doc, response: object) -> str:
        item, spec = self._item(doc), self.format
        text = f"{spec.gen_prefix or ''} {response}" if isinstance(response, str) else ""
        labels = spec.labels(len(item.choices))
        if not labels:
            return final_answer(text) or UNPARSABLE
        found = choice_in(text, labels, item.choices)
        return UNPARSABLE if found is None else labels[found]

    def process_results(self, doc: Doc, results: Any) -> dict[str, Any]:
        """Score a document: whether the answer is a gold choice.

        Args:
            doc: The document.
            results: The answer, or the log-likelihood of each choice.

        Returns:
            ``acc``, and for ``mcqa`` and ``cloze`` ``acc_norm``.
        """
        if callable(self._config.process_results):  # predict_only
            return super().process_results(doc, results)
        item = self._item(doc)
        if not self.format.generates:
            return self._metrics.score_choices(list(results), self._answers(item), list(item.gold))
        said = str(results[0])
        self._seen += 1
        self._unparsable += said == UNPARSABLE
        labels = self.format.labels(len(item.choices))
        chosen = labels.index(said) if said in labels else None if labels else match_text(said, item.choices)
        return {"acc": float(chosen in item.gold)}

    def scoring_state(self) -> dict[str, Any]:
        """Return what ``scoring_notes`` is made of; see ``Task``."""
        return {**super().scoring_state(), "seen": self._seen, "unparsable": self._unparsable}

    def add_scoring_state(self, state: Mapping[str, Any]) -> None:
        """Take over what a copy of this task has counted; see ``Task``."""
        super().add_scoring_state(state)
        self._seen += state["seen"]
        self._unparsable += state["unparsable"]

    def scoring_notes(self) -> list[str]:
        """Return how many answers name no choice, in addition to the notes of ``ConfigurableTask``."""
        notes = super().scoring_notes()
        if self._unparsable:
            what = "no choice" if self.format.choice_labels is not None else "no final answer"
            notes.append(f"{self._unparsable:,} of {self._seen:,} answers name {what}, which counts as wrong")
        return notes


def _config_of(config: Mapping[str, Any], spec: FormatSpec) -> dict[str, Any]:
    """Return the config of a task with what the format replaces."""
    own = {key: value for key, value in config.items() if key not in _REPLACED}
    own["formats"] = spec.to_dict()
    own["output_type"] = "generate_until" if spec.generates else "multiple_choice"
    own |= {key: getattr(spec, key) for key in _OF_FORMAT}
    if isinstance(own.get("fewshot_config"), Mapping):
        own["fewshot_config"] = {key: value for key, value in own["fewshot_config"].items() if key not in _OF_FORMAT}
    metrics = ["acc"] if spec.generates else ["acc", "acc_norm"]
    own["metric_list"] = [{"metric": name, **_MEAN} for name in metrics]
    if spec.generates:
        own["generation_kwargs"] = {
            "until": stop_texts(spec),
            "do_sample": False,
            "temperature": 0.0,
            "max_gen_toks": spec.max_gen_toks,
        }
    if spec.constrained:
        # The choices of each document replace these two, which let the server be asked before the run.
        own["generation_kwargs"][CONSTRAINED_TO] = [f"{spec.answer_prefix}{label}" for label in spec.labels(2)]
    return own


def _indices(gold: object, raw: list[str], choices: list[str]) -> list[int]:
    """Return the indices of gold choices, which are given by index, label or text; -1 for what is none of them."""
    if isinstance(gold, (list, tuple)):
        return sorted({index for item in gold for index in _indices(item, raw, choices)})
    if isinstance(gold, int):
        return [gold]
    text = str(gold)
    for known in (raw, choices):
        if text in known:
            return [known.index(text)]
    if text.strip().isdecimal():
        return [int(text)]
    label = text.strip().strip("().").upper()
    return [ord(label) - ord("A")] if len(label) == 1 and "A" <= label <= "Z" else [-1]
