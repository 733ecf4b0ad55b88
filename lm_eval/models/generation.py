"""Generation: request bodies, units of prompts, and the responses that follow from the choices of a reply."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lm_eval.api.instance import ResponseInfo, Usage
from lm_eval.config.generation import LIMITS, take_limit, take_stops
from lm_eval.errors import LMEvalError, MalformedResponse, RequestRejected, ServerError
from lm_eval.models.http.choices import choices_in_order, excerpt, has_no_choices, is_null, reasoning_of
from lm_eval.models.http.finish import COMPLETE, FILTERED, LENGTH, UNKNOWN, finish_reason, meaning_of
from lm_eval.models.http.replies import unreadable
from lm_eval.models.http.response_items import with_cut
from lm_eval.models.http.tool_calls import answer_with_calls, has_calls
from lm_eval.models.prompt_ids import PromptIds
from lm_eval.models.protocol import APIModel
from lm_eval.models.utils import cut_at_stops, handle_stop_sequences
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit

__all__ = ["NONE_ANSWER", "GenerationUnit", "generation_units", "to_payload"]

NONE_ANSWER = os.environ.get("LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER", "")
"""The response where the content of an answer is null."""
SERVER_STOPS = 4
"""Maximum number of stop sequences that the OpenAI API takes. All of them are applied to the returned text here."""
_FILTERED_PROMPT = re.compile(r'(?i)"filtered": true|"block_?reason": "|content_filter"')
"""What a content filter adds to a reply without choices."""


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


def _without_thought(choice: Mapping[str, object], text: str, end: str) -> str:
    """Return what follows the reasoning in a text; nothing when the reasoning was cut before its end.

    A text without the end tag is an answer when the model ended it, or when the server gives the reasoning apart. It is
    reasoning when a token limit or a stop string cut it, or when it starts with the start tag.
    """
    if end in text:
        return text.rpartition(end)[2].lstrip()
    if reasoning_of(choice) is not None:
        return text
    start = end.replace("/", "", 1)
    starts = start != end and text.lstrip().startswith(start)
    # vLLM names the stop string that ended a text in stop_reason.
    cut = meaning_of(finish_reason(choice)) != COMPLETE or isinstance(choice.get("stop_reason"), str)
    return "" if starts or cut else text


def _info_of(choice: Mapping[str, object], text: str, response: str, usage: Usage | None) -> ResponseInfo:
    """Classify a response: ``ok``, or the reason why a task should not rely on it."""
    message = choice.get("message")
    holder = message if isinstance(message, dict) else choice
    finish = finish_reason(choice)
    meaning = meaning_of(finish)
    reasoning = reasoning_of(choice)
    thought = bool(reasoning) or (usage is not None and usage.reasoning > 0)
    if holder.get("refusal"):
        outcome = "refusal"
    elif meaning == FILTERED:
        outcome = "filtered"
    elif has_calls(choice) and meaning == COMPLETE:
        outcome = "ok"
    elif not text.strip() and thought:
        outcome = "reasoning_only"
    elif meaning == LENGTH and len(response) == len(text):
        outcome = "length"
    elif not response.strip():
        outcome = "empty"
    elif meaning == UNKNOWN:
        outcome = "unknown_finish"
    else:
        outcome = "ok"
    return ResponseInfo(outcome, finish, reasoning, usage)


def _offers_tools(slot: Slot) -> bool:
    """Say whether the response has calls beside its text."""
    return bool(slot.instance.args[1].get("tools"))


def _without_choices(slot: Slot, reply: Reply) -> Answer:
    """Return the answer for a reply whose list of choices is empty: the model said nothing, or a filter took it."""
    filtered = _FILTERED_PROMPT.search(excerpt(reply.body, 10_000)) is not None
    response = answer_with_calls({}, "") if _offers_tools(slot) else ""
    return Answer(slot, response, ResponseInfo("filtered" if filtered else "empty", None, None, reply.usage))


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
        settings, stops = self.settings()
        payload = model.generation_payload([slot.instance for slot in batch], settings, repeat)
        if model.prompt_ids is not None:
            payload = await self._with_ids(ask, model.prompt_ids, payload)
        try:
            reply = await ask(Call(model.path, payload, repeat))
            if "max_output_tokens" in payload:
                reply = replace(reply, body=with_cut(reply.body, payload["max_output_tokens"]))
            if len(batch) == 1 and has_no_choices(reply.body):
                return [_without_choices(batch[0], reply)]
            texts = self.read(reply.body)
        except (RequestRejected, ServerError, MalformedResponse) as error:
            if model.learn_refusal(error, payload):
                return await self.run(ask)
            if len(batch) == 1:
                raise
            model.batch_failed()
            return [GenerationUnit(model, [slot]) for slot in batch]
        return self.answers(texts, reply, stops)

    def settings(self) -> tuple[dict[str, Any], list[str]]:
        """Return the generation settings as they are sent, and the stop strings at which responses are cut."""
        settings = dict(self.batch[0].instance.args[1])
        stops = _stops(dict(settings), self.model.eos_string)
        if self.model.thinks:
            take_stops(settings)  # A stop string would cut the reasoning, so the response is only cut here.
        return settings, stops

    async def _with_ids(self, ask: Ask, prompt_ids: PromptIds, payload: Mapping[str, object]) -> Mapping[str, object]:
        """Replace the texts of a body with token ids, where text will not do."""
        given, limit = payload.get("prompt"), next((payload[name] for name in LIMITS if name in payload), None)
        prompts = [given] if isinstance(given, str) else given
        if not isinstance(prompts, list) or not all(isinstance(text, str) for text in prompts):
            return payload
        ids = await prompt_ids.of(ask, prompts, limit if isinstance(limit, int) else 0)
        if ids is None:
            return payload
        kept = {name: value for name, value in payload.items() if name != "add_special_tokens"}
        return {**kept, "prompt": ids[0] if isinstance(given, str) else ids}

    def read(self, body: object) -> list[Any]:
        """Let the model class read the texts; an exception of its code means that the JSON is not as promised.

        Args:
            body: The parsed JSON of a reply, or what a ``model_call`` of the class returned.

        Returns:
            One text per prompt.

        Raises:
            MalformedResponse: There is not one text per prompt.
        """
        contexts = [slot.instance.args[0] for slot in self.batch]
        try:
            texts = self.model.parse_generations(outputs=body, count=len(self.batch), contexts=contexts)
        except LMEvalError:
            raise
        except Exception as error:
            raise unreadable(error, body=body) from error
        return self.checked(texts)

    def checked(self, texts: Sequence[Any]) -> list[Any]:
        """Check that there is one text per prompt.

        Args:
            texts: What the model class has read; None where the content of an answer is null.

        Returns:
            The texts.

        Raises:
            MalformedResponse: There are more or fewer, or one of them is no text.
        """
        texts = list(texts)
        if len(texts) != len(self.batch):
            raise MalformedResponse(f"{len(self.batch)} prompts were sent and {len(texts)} texts came back", status=200)
        if not self.model.reads_objects and not all(text is None or isinstance(text, str) for text in texts):
            raise MalformedResponse("The text of an answer is not text", status=200, body=excerpt(texts))
        return texts

    def answers(self, texts: Sequence[Any], reply: Reply, stops: Sequence[str]) -> list[Answer]:
        """Build the answers: the texts, cut at the stop strings, without reasoning.

        Args:
            texts: One per prompt.
            reply: The reply they are from.
            stops: The stop strings.

        Returns:
            One answer per slot.
        """
        choices: Sequence[Mapping[str, object]]
        try:
            choices = choices_in_order(reply.body, len(texts))
        except MalformedResponse:
            choices = [{}] * len(texts)  # The model class reads another API's replies itself.
        usage, offers_tools = reply.usage, _offers_tools(self.batch[0])
        answers = []
        for index, (slot, text, choice) in enumerate(zip(self.batch, texts, choices, strict=True)):
            if text is not None and not isinstance(text, str):
                answers.append(Answer(slot, text, ResponseInfo(usage=usage if index == 0 else None)))
                continue
            full = self.model.rest_of(slot.instance.args[0], text or "")
            end = self.model.think_end_token
            final = _without_thought(choice, full, end) if end else full
            if self.model.args.score_reasoning and not final.strip():
                # A thought that was cut is no answer.
                final = (reasoning_of(choice) or "") if meaning_of(finish_reason(choice)) == COMPLETE else final
            response = cut_at_stops(final, stops)
            # The token counts are for the complete batch, so only the first answer gets them.
            info = _info_of(choice, final, response, usage if index == 0 else None)
            if info.reasoning is None and len(final) < len(full):
                info.reasoning = full[: len(full) - len(final)]
                if not final.strip() and info.outcome not in ("refusal", "filtered") and not has_calls(choice):
                    info.outcome = "reasoning_only"
            if offers_tools:
                answers.append(Answer(slot, answer_with_calls(choice, response), info))
                continue
            if not response and (text is None or is_null(choice)):
                response = NONE_ANSWER
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
    open_batches: dict[tuple[str, int, bool], list[Slot]] = {}
    for slot in slots:
        args, batch_size = slot.instance.args, model.batch_size
        if batch_size <= 1 or len(args) > 2:
            yield GenerationUnit(model, (slot,))
            continue
        key = json.dumps(args[1], sort_keys=True, default=str), slot.repeat, model.starts_with_bos(args[0])
        batch = open_batches.setdefault(key, [])
        batch.append(slot)
        if len(batch) >= batch_size:
            del open_batches[key]
            yield GenerationUnit(model, batch)
    for batch in open_batches.values():
        yield GenerationUnit(model, batch)
