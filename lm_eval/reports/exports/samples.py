"""A sample as other projects show it: one prompt, the responses, the answer that counts, the right answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lm_eval.reports.html.choices import choices_of, likeliest
from lm_eval.reports.html.packing import to_text
from lm_eval.reports.html.prompts import turns_of
from lm_eval.results import Run, Sample
from lm_eval.results.json_values import as_list

__all__ = ["Answered", "answered"]


@dataclass(frozen=True)
class Answered:
    """A sample with its texts.

    Attributes:
        sample: The sample.
        prompt: The prompt as text; the turns of a chat follow each other.
        turns: Role and text of each turn of a chat; empty for a prompt that is a text.
        choices: The choices of a multiple-choice document; empty without choices.
        log_likelihoods: The log-likelihood of each choice; empty without choices.
        responses: The responses as texts; of choices, the likeliest one.
        filtered: What the filter made of the responses; of choices, the likeliest one.
        references: The right answers as texts.
        reasoning: The reasoning before the responses, where the samples file has it.
        is_conversation: Whether the model answered several turns; ``turns`` then has all but the last answer, and
            ``responses`` the last one.
    """

    sample: Sample
    prompt: str
    turns: list[tuple[str, str]]
    choices: list[str]
    log_likelihoods: list[float | None]
    responses: list[str]
    filtered: str
    references: list[str]
    reasoning: list[str]
    is_conversation: bool = False


def answered(run: Run, task: str) -> Iterator[Answered]:
    """Read the samples of a task.

    Args:
        run: The run.
        task: A task with saved samples.

    Yields:
        One sample per document and filter, in the file's order.

    Raises:
        ConfigError: The samples file cannot be read.
    """
    delimiter = run.members[task].config.get("target_delimiter")
    for sample in run.read(task):
        yield _answered(sample, delimiter if isinstance(delimiter, str) else " ")


def _answered(sample: Sample, delimiter: str) -> Answered:
    requests = list(sample.requests)
    prompt = requests[0].prompt if requests else ""
    choices = choices_of(requests, [0] * len(requests), delimiter, per_character=False)
    # Each answer of a conversation is a request; the prompt of the last one has all turns before it.
    talks = len(requests) > 1 and not choices and all(turns_of(request.prompt) for request in requests)
    if talks:
        prompt, requests = requests[-1].prompt, requests[-1:]
    turns = turns_of(prompt) or []
    rolling = len(choices) == 1 and len(requests[0].arguments) == 1
    if choices and not rolling:
        best = likeliest(choices)
        responses = [] if best is None else [choices[best].text]
        filtered = responses[0] if responses else ""
    else:
        responses = [] if rolling else [to_text(response) for each in requests for response in each.responses]
        made = as_list(sample.filtered)
        first = made[-1 if talks else 0] if made else ""
        filtered = "" if rolling else to_text(first)
    shown = choices if len(choices) > 1 else []
    return Answered(
        sample=sample,
        prompt="\n\n".join(text for _, text in turns) if turns else to_text(prompt),
        turns=turns,
        choices=[choice.text for choice in shown],
        log_likelihoods=[choice.log_likelihood for choice in choices],
        responses=responses,
        filtered=filtered,
        references=_references(sample.target, [choice.text for choice in shown]),
        reasoning=[info.reasoning for info in sample.info if isinstance(info.reasoning, str)],
        is_conversation=talks,
    )


def _references(target: object, choices: list[str]) -> list[str]:
    """Return the right answers; of choices their texts, where the target is an index."""
    targets = list(target) if isinstance(target, list | tuple) else [target]
    found = []
    for each in targets:
        text = to_text(each)
        index = int(text) if text.isdecimal() and not isinstance(each, bool) else -1
        found.append(choices[index] if 0 <= index < len(choices) and text not in choices else text)
    return found
