"""Generation: request bodies, units of prompts, and the responses that follow from the choices of a reply."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.api.instance import ResponseInfo, Usage
from lm_eval.config.generation import take_limit, take_stops
from lm_eval.errors import MalformedResponse, RequestRejected, ServerError
from lm_eval.models.http.replies import choices_in_order
from lm_eval.models.protocol import APIModel
from lm_eval.models.utils import cut_at_stops, handle_stop_sequences
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit

__all__ = ["GenerationUnit", "generation_units", "text_of", "to_payload"]

SERVER_STOPS = 4
"""Maximum number of stop sequences that the OpenAI API takes. All of them are applied to the returned text here."""


def to_payload(
    gen_kwargs: Mapping[str, Any], *, default_max_tokens: int, seed: int | None, eos: str | None
) -> dict[str, object]:
    """Turn the generation settings of a task into fields of a request.

    Args:
        gen_kwargs: ``until`` or ``stop``, a limit under any name of ``LIMITS``, ``do_sample``, ``temperature``, and any
            other field of the API, which is passed on. None leaves a field out.
        default_max_tokens: ``max_tokens`` if the settings have none.
        seed: ``seed`` if the settings have none; None sends no seed.
        eos: One more stop sequence.

    Returns:
        ``max_tokens``, ``temperature``, ``stop``, ``seed`` and the other fields, in this order.
    """
    rest = dict(gen_kwargs)
    rest.pop("do_sample", None)
    stops = _stops(rest, eos)
    payload: dict[str, object] = {"max_tokens": take_limit(rest, default_max_tokens)}
    payload["temperature"] = rest.pop("temperature", 0)
    if stops:
        payload["stop"] = stops[:SERVER_STOPS]
    seed = rest.pop("seed", seed)
    if seed is not None:
        payload["seed"] = seed
    return {name: value for name, value in {**payload, **rest}.items() if value is not None}


def _stops(settings: dict[str, Any], eos: str | None) -> list[str]:
    """Remove the stop strings from settings and return those that are not empty."""
    return [stop for stop in handle_stop_sequences(take_stops(settings), eos) if stop]


def text_of(choice: Mapping[str, object]) -> str:
    """Read the text of a choice of a completion or chat reply.

    Args:
        choice: The choice.

    Returns:
        The text; empty if there is only reasoning, for example.

    Raises:
        MalformedResponse: The choice has no field for a text.
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


def _info_of(choice: Mapping[str, object], text: str, response: str, usage: Usage | None) -> ResponseInfo:
    """Classify a response: ``ok``, or the reason why a task should not rely on it."""
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
    """One generation request for one or more prompts with the same settings.

    Attributes:
        model: Builds the payload and reads the texts.
        batch: The slots of the prompts, all of the same repeat.
    """

    model: APIModel
    batch: Sequence[Slot]

    @property
    def slots(self) -> Sequence[Slot]:
        """The slots that are lost if the request fails."""
        return self.batch

    async def run(self, ask: Ask) -> Sequence[Answer | Unit]:
        """Send the request and read the responses.

        Args:
            ask: Sends the call.

        Returns:
            One answer per slot. If a request with several prompts was rejected, one unit per slot, so that only the
            prompt that caused the error is lost.

        Raises:
            APIError: The call failed, or its reply cannot be used.
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

    def _read(self, body: object) -> list[str]:
        """Let the model class read the texts; an exception of its code means that the JSON is not as promised."""
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
        choices: Sequence[Mapping[str, object]]
        try:
            choices = choices_in_order(reply.body, len(texts))
        except MalformedResponse:
            choices = [{}] * len(texts)  # The model class reads another API's replies itself.
        usage = reply.usage
        stops = _stops(dict(settings), self.model.eos_string)
        answers = []
        for index, (slot, text, choice) in enumerate(zip(self.batch, texts, choices, strict=True)):
            full = text or ""
            end = self.model.think_end_token
            final = full.rpartition(end)[2].lstrip() if end and end in full else full
            response = cut_at_stops(final, stops)
            # The token counts are for the complete batch, so only the first answer gets them.
            info = _info_of(choice, final, response, usage if index == 0 else None)
            if info.reasoning is None and len(final) < len(full):
                info.reasoning = full[: len(full) - len(final)]
                if not final.strip():
                    info.outcome = "reasoning_only"
            answers.append(Answer(slot, response, info))
        return answers


def generation_units(model: APIModel, slots: Iterable[Slot]) -> Iterator[GenerationUnit]:
    """Cut slots into units; the prompts of a unit share generation settings and the number of the repeat.

    Args:
        model: The model that will answer; its ``batch_size`` is the maximum number of prompts in a unit.
        slots: The slots, in the order in which they are sent.

    Yields:
        Units.
    """
    open_batches: dict[tuple[str, int], list[Slot]] = {}
    for slot in slots:
        args, batch_size = slot.instance.args, model.batch_size
        if batch_size <= 1 or len(args) > 2:
            yield GenerationUnit(model, (slot,))
            continue
        key = json.dumps(args[1], sort_keys=True, default=str), slot.repeat
        batch = open_batches.setdefault(key, [])
        batch.append(slot)
        if len(batch) >= batch_size:
            del open_batches[key]
            yield GenerationUnit(model, batch)
    for batch in open_batches.values():
        yield GenerationUnit(model, batch)
