"""From an answered document to what a judge is asked about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc, Instance
from lm_eval.api.task_parts.fields import compile_template, text_reader
from lm_eval.config.scorer import Criterion, ScorerSpec, read_criteria
from lm_eval.errors import ConfigError, LMEvalError
from lm_eval.judging.fences import Fence
from lm_eval.judging.reading import VerdictReader

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["Answered", "Question", "answers_of", "baseline_of", "criteria_of", "questions"]

BOTH = ("answer", "baseline")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a judge is asked.

    Attributes:
        prompt: The rendered template.
        fence: The marks in it.
        signed: Whether the verdict needs the fence's sign, since a fenced text contains something like a verdict.
        keyed: Whether the verdict in a JSON reply needs the fence's key, since a fenced text contains something like
            such a reply.
        answer: The index of the answer.
        criterion: The index of the criterion, of a rubric.
        first: Which answer is shown first, of ``pairwise``.
    """

    prompt: str
    fence: Fence
    signed: bool
    keyed: bool = False
    answer: int = 0
    criterion: int | None = None
    first: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A document with what is judged.

    Attributes:
        doc: The document.
        answers: Each answer after what the model was asked: a text or messages. All answers to a turn of a conversation
            come before those to the next one.
        baseline: The answer to compare with, of ``pairwise``.
        turns: Number of turns; each has the same number of answers.
    """

    doc: Doc
    answers: Sequence[tuple[object, str]]
    baseline: str | None = None
    turns: int = 1


def answers_of(task: Task, instances: Sequence[Instance]) -> list[tuple[object, str]]:
    """Return the answers of a document that are judged: what the first filter pipeline makes of the responses.

    Args:
        task: The task.
        instances: The Instances of the document, answered: one, or one for each turn of a conversation.

    Returns:
        For each answer, what the model was asked, and the answer.
    """
    pipeline = task.filters[0]
    if pipeline.name not in instances[0].filtered_resps:
        pipeline.apply(list(instances))
    answers = []
    for turn, instance in enumerate(instances):
        found = instance.filtered_resps.get(pipeline.name)
        for repeat, item in enumerate(found if isinstance(found, list) else [found]):
            answers.append((_prompt_of(instances[: turn + 1], repeat), _text(item)))
    return answers


def _prompt_of(turns: Sequence[Instance], repeat: int) -> object:
    """Return what the model was asked in the last of some turns; each repeat has seen its own earlier answers."""
    prompt = turns[-1].args[0]
    if not repeat or len(turns) == 1 or not isinstance(prompt, Sequence) or isinstance(prompt, str):
        return prompt
    messages = list(prompt)
    for earlier in turns[:-1]:
        place = len(earlier.args[0])  # The answer to a turn stands behind the messages that asked for it.
        messages[place] = {**messages[place], "content": str(earlier.resps[repeat])}
    return messages


def criteria_of(spec: ScorerSpec, doc: Doc) -> list[Criterion]:
    """Return the criteria of a document; empty unless the verdict is a rubric.

    Args:
        spec: The ``scorer`` of the task.
        doc: The document.

    Raises:
        ConfigError: The document's column holds no rubric.
    """
    rubric = spec.verdict.rubric
    if rubric is None:
        return []
    if not isinstance(rubric, str):
        return list(rubric)
    if rubric not in doc:
        raise ConfigError(f"the document has no column {rubric!r} with a rubric; it has {', '.join(map(str, doc))}.")
    return read_criteria(doc[rubric])


def questions(
    task: Task, spec: ScorerSpec, template: str, answered: Answered, reader: VerdictReader, seed: object
) -> Iterator[Question]:
    """Write what a judge is asked about a document.

    Args:
        task: The task.
        spec: Its ``scorer``.
        template: The template of the prompt.
        answered: The document and its answers.
        reader: Finds verdicts in texts.
        seed: The seed of the run, for the marks.

    Yields:
        For each answer one question, one per criterion, or one per order.

    Raises:
        LMEvalError: The template does not render over the document.
    """
    render = compile_template(template)
    doc = answered.doc
    criteria = criteria_of(spec, doc)
    for index, (prompt, answer) in enumerate(answered.answers):
        texts = [answer] if answered.baseline is None else [answer, answered.baseline]
        conversation = _conversation(prompt, answer)
        fence = Fence.around([*texts, conversation], seed, task.task_name, _key(doc))
        # Earlier answers of the model are part of the conversation.
        earlier = [text for _, text in answered.answers[:index]]
        hostile = [*texts, *earlier, *_written(prompt)]
        marks = fence, any(map(reader.occurs, hostile)), any(map(reader.occurs_as_json, hostile))
        known = _names(task, doc, prompt) | {
            **({"prompt": fence.put(_as_text(prompt))} if index and answered.turns > 1 else {}),
            "answer": fence.put(answer),
            "conversation": fence.put(conversation),
            "turn": 1 + index * answered.turns // len(answered.answers),
            "turns": answered.turns,
        }
        if spec.verdict.kind == "rubric":
            for number, criterion in enumerate(criteria):
                shown = known | {"criterion": criterion.text, "points": criterion.points}
                yield Question(render(shown), *marks, index, criterion=number)
        elif spec.verdict.kind == "pairwise":
            if answered.baseline is None:
                raise ConfigError("there is no answer to compare with.")
            pair = {"answer": answer, "baseline": answered.baseline}
            for first, second in (BOTH, BOTH[::-1]):
                shown = known | {"answer_a": fence.put(pair[first]), "answer_b": fence.put(pair[second])}
                yield Question(render(shown), *marks, index, first=first)
        else:
            yield Question(render(known), *marks, index)


def baseline_of(spec: ScorerSpec, doc: Doc, saved: str | None) -> str | None:
    """Return the answer that a document's answer is compared with.

    Args:
        spec: The ``scorer`` of the task.
        doc: The document.
        saved: The answer of the run that the user named; None if there is none.
    """
    if saved is not None or spec.verdict.baseline is None:
        return saved
    return _text(text_reader(spec.verdict.baseline, doc, has_choices=False)(doc))


def _names(task: Task, doc: Doc, prompt: object) -> dict[str, Any]:
    """Return the names that a template may use, apart from those of the answer."""
    found: dict[str, Any] = {**doc, "doc": doc, "prompt": _as_text(prompt)}
    for name, read in (("question", task.doc_to_text), ("target", task.doc_to_target)):
        if name not in doc:
            try:
                found[name] = read(doc)
            except LMEvalError:
                found[name] = ""
            if name == "question" and isinstance(found[name], Sequence) and not isinstance(found[name], str):
                found[name] = next((text for role, text in reversed(_turns(prompt)) if role == "user"), "")
            found[name] = _text(found[name])
    return found


def _written(prompt: object) -> list[str]:
    """Return what an assistant says in a prompt: examples, or earlier answers of the model."""
    return [text for role, text in _turns(prompt) if role == "assistant"]


def _key(doc: Doc) -> str:
    return json.dumps(doc, sort_keys=True, default=str)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _turns(prompt: object) -> list[tuple[str, str]]:
    if isinstance(prompt, str):
        return [("user", prompt)]
    messages = prompt if isinstance(prompt, Sequence) else [prompt]
    return [
        (str(message.get("role", "user")), _content(message.get("content")))
        for message in messages
        if isinstance(message, Mapping)
    ]


def _content(content: object) -> str:
    """Return the text of a message; media are named, not shown."""
    if isinstance(content, str) or content is None:
        return content or ""
    parts = content if isinstance(content, Sequence) else [content]
    return "\n".join(
        str(part.get("text") or f"({part.get('type', 'part')})") if isinstance(part, Mapping) else str(part)
        for part in parts
    )


def _as_text(prompt: object) -> str:
    return prompt if isinstance(prompt, str) else _conversation(prompt, None)


def _conversation(prompt: object, answer: str | None) -> str:
    turns = [*_turns(prompt), *([] if answer is None else [("assistant", answer)])]
    return "\n\n".join(f"[{role}]\n{text}" for role, text in turns)
