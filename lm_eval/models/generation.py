"""Generation: units of prompts, what the choices of an answer say, and which response is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.api.instance import ResponseInfo, Usage
from lm_eval.errors import MalformedResponse, RequestRejected, ServerError
from lm_eval.models.http.replies import choices_in_order
from lm_eval.models.protocol import APIModel
from lm_eval.models.utils import cut_at_stops, handle_stop_sequences
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit

__all__ = ["GenerationUnit", "generation_units", "text_of", "to_payload"]

SERVER_STOPS = 4
"""How many stop sequences the OpenAI API takes; all of a task's are applied to the text that comes back."""


def to_payload(
    gen_kwargs: Mapping[str, Any], *, default_max_tokens: int, seed: int | None, eos: str | None
) -> dict[str, Any]:
    """Turn a task's generation settings into the fields of a request.

    Args:
        gen_kwargs: ``until``, ``max_gen_toks`` or ``max_tokens``, ``do_sample``, ``temperature``, and any field of the
            API, which is passed on.
        default_max_tokens: For settings that do not say.
        seed: For settings that do not say; None sends none.
        eos: One more stop sequence.

    Returns:
        ``max_tokens, temperature, stop, seed`` and the rest, in this order.
    """
    rest = dict(gen_kwargs)
    rest.pop("do_sample", None)
    stops = [stop for stop in handle_stop_sequences(rest.pop("until", None), eos) if stop]
    most = rest.pop("max_tokens", None)
    most = rest.pop("max_gen_toks", most)
    payload: dict[str, Any] = {"max_tokens": default_max_tokens if most is None else int(most)}
    payload["temperature"] = rest.pop("temperature", 0)
    if stops:
        payload["stop"] = stops[:SERVER_STOPS]
    seed = rest.pop("seed", seed)
    if seed is not None:
        payload["seed"] = seed
    return {**payload, **rest}


def text_of(choice: Mapping[str, Any]) -> str:
    """Read the text of a choice, of a completion or a chat answer.

    Args:
        choice: The choice.

    Returns:
        Its text; empty when it has none, as when there is only reasoning.

    Raises:
        MalformedResponse: There is no place where a text would be.
    """
    message = choice.get("message")
    holder, key = (message, "content") if isinstance(message, dict) else (choice, "text")
    if key not in holder and not (isinstance(message, dict) and message):
        raise MalformedResponse("A choice has neither a text nor a message", status=200, body=json.dumps(choice)[:300])
    content = holder.get(key)
    if isinstance(content, list):
        parts = [part.get("text", "") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if content is not None and not isinstance(content, str):
        raise MalformedResponse("The text of a choice is not text", status=200, body=json.dumps(choice)[:300])
    return content or ""


def _info_of(choice: Mapping[str, Any], text: str, response: str, usage: Usage | None) -> ResponseInfo:
    """Say what became of an answer: ok, or why it is not what a task can count on."""
    message = choice.get("message")
    holder = message if isinstance(message, dict) else choice
    finish = choice.get("finish_reason")
    reasoning = holder.get("reasoning_content") or holder.get("reasoning")
    reasoning = reasoning if isinstance(reasoning, str) else None
    thought = bool(reasoning) or (usage is not None and usage.reasoning > 0)
    if holder.get("refusal"):
        outcome = "refusal"
    elif finish == "content_filter":
        outcome = "filtered"
    elif not text.strip() and thought:
        outcome = "reasoning_only"
    elif finish == "length" and len(response) == len(text):
        outcome = "length"
    elif not response.strip():
        outcome = "empty"
    else:
        outcome = "ok"
    return ResponseInfo(outcome, finish if isinstance(finish, str) else None, reasoning, usage)


@dataclass(slots=True)
class GenerationUnit:
    """One request for the continuations of one or more prompts with the same settings.

    Attributes:
        model: Makes the payload and reads the texts.
        batch: The prompts' slots, all of the same repeat.
    """

    model: APIModel
    batch: Sequence[Slot]

    @property
    def slots(self) -> Sequence[Slot]:
        """The slots that fail together."""
        return self.batch

    async def run(self, ask: Ask) -> Sequence[Answer | Unit]:
        """Ask, and make responses of the answer.

        Args:
            ask: Sends the call.

        Returns:
            An answer a slot; or, when a batch was rejected, a unit a slot, so that only the prompt at fault is lost.

        Raises:
            APIError: The call was lost, or its answer cannot be used.
        """
        model, batch = self.model, self.batch
        repeat = batch[0].repeat
        settings = dict(batch[0].instance.args[1])
        payload = model.generation_payload([slot.instance for slot in batch], settings, repeat)
        try:
            reply = await ask(Call(model.path, payload, repeat))
            texts = self._read(reply.body)
        except (RequestRejected, ServerError, MalformedResponse):
            if len(batch) == 1:
                raise
            model.batch_failed()
            return [GenerationUnit(model, [slot]) for slot in batch]
        return self._answers(texts, reply, settings)

    def _read(self, body: Any) -> list[str]:
        """Let the model read the texts; whatever its code stumbles over was not the promised JSON."""
        try:
            texts = self.model.parse_generations(outputs=body, count=len(self.batch))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise MalformedResponse(
                f"The answer cannot be read ({type(error).__name__}: {error})", status=200, body=json.dumps(body)[:300]
            ) from error
        if len(texts) != len(self.batch):
            raise MalformedResponse(f"{len(self.batch)} prompts were sent and {len(texts)} texts came back", status=200)
        return texts

    def _answers(self, texts: Sequence[str], reply: Reply, settings: Mapping[str, Any]) -> list[Answer]:
        choices: Sequence[Mapping[str, Any]]
        try:
            choices = choices_in_order(reply.body, len(texts))
        except MalformedResponse:
            choices = [{}] * len(texts)  # A model with an API of its own has read the texts itself.
        usage = reply.usage
        stops = handle_stop_sequences(settings.get("until"), self.model.eos_string)
        answers = []
        for place, (slot, text, choice) in enumerate(zip(self.batch, texts, choices, strict=True)):
            told = text or ""
            end = self.model.think_end_token
            kept = told.rpartition(end)[2].lstrip() if end and end in told else told
            response = cut_at_stops(kept, stops)
            # The counts of a batch are for all its prompts; they are kept once.
            info = _info_of(choice, kept, response, usage if place == 0 else None)
            if info.reasoning is None and len(kept) < len(told):
                info.reasoning = told[: len(told) - len(kept)]
                if not kept.strip():
                    info.outcome = "reasoning_only"
            answers.append(Answer(slot, response, info))
        return answers


def generation_units(model: APIModel, slots: Iterable[Slot], batch_size: Callable[[], int]) -> Iterator[GenerationUnit]:
    """Cut slots into units.

    Args:
        model: The model that will answer.
        slots: Places for responses, in the order they are to be asked.
        batch_size: Says how many prompts a unit may hold; those of a unit share settings and the number of the repeat.

    Yields:
        Units.
    """
    open_batches: dict[tuple[str, int], list[Slot]] = {}
    for slot in slots:
        args, most = slot.instance.args, batch_size()
        if most <= 1 or len(args) > 2:
            yield GenerationUnit(model, (slot,))
            continue
        key = json.dumps(args[1], sort_keys=True, default=str), slot.repeat
        batch = open_batches.setdefault(key, [])
        batch.append(slot)
        if len(batch) >= most:
            del open_batches[key]
            yield GenerationUnit(model, batch)
    for batch in open_batches.values():
        yield GenerationUnit(model, batch)
