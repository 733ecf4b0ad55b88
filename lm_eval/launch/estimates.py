"""Estimates of the tokens of a document's requests, by which shards get equal work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc, Instance
from lm_eval.api.task_parts.documents import Docs, column_names

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["DocumentTokens", "estimated_tokens", "some_of"]

_CHARACTERS_PER_TOKEN = 4
_DEFAULT_MAX_TOKENS = 256
_SAMPLED = 16
_PROMPT_KEYS = ("doc_to_text", "doc_to_choice", "question", "choices", "description", "gen_prefix")


def estimated_tokens(instances: Sequence[Instance]) -> int:
    """Estimate the tokens of requests: a quarter of their characters, plus what they may generate.

    Args:
        instances: The requests.

    Returns:
        At least 1.
    """
    total = 1
    for instance in instances:
        tokens = sum(len(text) for text in instance.args if isinstance(text, str)) // _CHARACTERS_PER_TOKEN
        settings = instance.args[1] if len(instance.args) > 1 else None
        if isinstance(settings, Mapping):
            tokens += _may_generate(settings)
        if instance.args and not isinstance(instance.args[0], str):
            tokens += len(str(instance.args[0])) // _CHARACTERS_PER_TOKEN
        total += tokens * (instance.repeats or 1)
    return total


class DocumentTokens:
    """Estimates the tokens of what is asked about a document without writing its prompt.

    The estimate is a quarter of the characters in the columns that the templates of the task name, plus few-shot
    examples of the mean length, plus what may be generated.
    """

    def __init__(self, task: Task) -> None:
        """Look at the templates and some documents of a task.

        Args:
            task: The task.
        """
        settings, docs = task.config, task.scored_docs
        keys = _PROMPT_KEYS if task.OUTPUT_TYPE == "generate_until" else (*_PROMPT_KEYS, "doc_to_target")
        named = set(re.findall(r"\w+", " ".join(str(settings.get(key)) for key in keys)))
        columns = column_names(docs)
        self._columns = [column for column in columns if column in named] or columns
        rows = some_of(docs)
        mean = sum(map(self._characters, rows)) // max(len(rows), 1)
        self._shots = mean * (settings.num_fewshot or 0) if task.OUTPUT_TYPE != "loglikelihood_rolling" else 0
        generates = task.OUTPUT_TYPE == "generate_until"
        self._generated = _may_generate(settings.generation_kwargs or {}) if generates else 0

    def of(self, doc: Doc) -> int:
        """Estimate the tokens of one document.

        Args:
            doc: The document.

        Returns:
            At least 1.
        """
        return 1 + (self._characters(doc) + self._shots) // _CHARACTERS_PER_TOKEN + self._generated

    def _characters(self, doc: Doc) -> int:
        return sum(len(value) if isinstance(value := doc[key], str) else len(str(value)) for key in self._columns)


def some_of(docs: Docs) -> list[Any]:
    """Read a few documents, evenly spaced.

    Args:
        docs: The documents.

    Returns:
        At most 16; none of documents that cannot be counted.
    """
    size = len(docs) if hasattr(docs, "__len__") else 0
    places = sorted({place * (size - 1) // (_SAMPLED - 1) for place in range(_SAMPLED)}) if size else []
    return [docs[place] for place in places]


def _may_generate(settings: Mapping[str, object]) -> int:
    limit = settings.get("max_gen_toks") or settings.get("max_tokens")
    return limit if isinstance(limit, int) else _DEFAULT_MAX_TOKENS
