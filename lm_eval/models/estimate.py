"""How many requests and tokens a run will cost, estimated without asking for a single answer."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lm_eval.api.instance import Instance
from lm_eval.config.generation import CONSTRAINED_TO
from lm_eval.errors import APIError, CapabilityError, LMEvalError, RequestNotSent
from lm_eval.models.batches.lines import write_line
from lm_eval.models.http.runner import run
from lm_eval.models.http.transport import encode
from lm_eval.models.protocol import APIModel
from lm_eval.models.responses import in_prefix_order
from lm_eval.models.scoring.base import Scorer
from lm_eval.models.scoring.choose import assumed_scorer
from lm_eval.models.scoring.custom import CustomScorer
from lm_eval.models.scoring.planned import Sizes, prompt_text
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.probe import read_description
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer
from lm_eval.models.work import Ask, Call, Reply, Slot

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["Estimate", "Estimator", "ExampleRequest", "TaskEstimate"]

_SAMPLE_PER_TASK, _SAMPLE_IN_ALL = 50, 2000
_DESCRIBE_SECONDS, _TOKENIZE_SECONDS = 15.0, 120.0


@dataclass(slots=True)
class TaskEstimate:
    """What one task will ask.

    Attributes:
        requests: HTTP requests for answers.
        repeated: How many requests are equal to another request of the task.
        prompt_tokens: The tokens of all prompts.
        generated_tokens: The maximum number of tokens that can be generated.
        too_long: Prompts that do not fit the window.
        tight: Prompts that fit the window, but not together with the maximum number of generated tokens.
    """

    requests: int = 0
    repeated: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    too_long: int = 0
    tight: int = 0


@dataclass(frozen=True, slots=True)
class ExampleRequest:
    """A request as it would be sent.

    Attributes:
        path: What follows the base URL.
        payload: The JSON body; None when only the server's tokens could complete it.
    """

    path: str
    payload: Mapping[str, object] | None


@dataclass(slots=True)
class Estimate:
    """What a run will ask.

    Attributes:
        tasks: Task name to its estimate.
        tokenizer: The kind of the server's tokenizer that counted tokens; None when tokens are characters / 4.
        sample: The maximum number of prompts per task that were tokenized; the counts are scaled to the rest.
        scoring: The strategy for log-likelihoods; None when none are scored.
        assumed: Whether the strategy is an assumption, which the probe of a run may prove wrong.
        window: The model's window in tokens; None when unknown.
        example: The request for the first Instance.
        note: Why the server was not asked for its description; empty when it was.
        line_bytes: The size of all requests as lines of batch files, from the characters of their prompts.
    """

    tasks: dict[str, TaskEstimate]
    tokenizer: str | None = None
    sample: int = 0
    scoring: str | None = None
    assumed: bool = False
    window: int | None = None
    example: ExampleRequest | None = None
    note: str = ""
    line_bytes: int = 0


class Estimator:
    """Estimates what a model will be asked. The server is asked only for its description and for token counts."""

    def __init__(
        self,
        model: APIModel,
        settings: ScoringSettings,
        engine: Callable[[], AbstractAsyncContextManager[Engine]],
        *,
        kept: bool,
    ) -> None:
        """Store the parts; nothing is sent.

        Args:
            model: Builds the bodies.
            settings: The settings of scoring.
            engine: Opens an engine.
            kept: Whether the run keeps its answers in a file, so that equal requests are sent only once.
        """
        self._model, self._settings, self._engine, self._kept = model, settings, engine, kept
        self._max_generated: dict[str, int] = {}
        self._text_bytes = 0.0

    def refuses(self, request_type: str) -> str | None:
        """Return why a request type cannot be answered, where that is certain without a probe.

        Args:
            request_type: A request type.

        Returns:
            The reason, or None.

        Raises:
            ConfigError: ``scoring`` is not the name of a strategy.
        """
        if request_type in ("generate_until", CONSTRAINED_TO):
            return None
        try:
            scorer, _ = self._scorer(Capabilities())
        except CapabilityError as error:
            return str(error)
        return scorer.refuses(request_type) if self._settings.chat else None

    def estimate(self, tasks: Mapping[str, Sequence[Instance]]) -> Estimate:
        """Estimate what tasks will ask.

        Args:
            tasks: Task name to its Instances.

        Returns:
            The estimate; without an answer from the server it is less exact, and ``note`` says so.
        """
        return run(lambda: self._estimate(tasks))

    async def _estimate(self, tasks: Mapping[str, Sequence[Instance]]) -> Estimate:
        capabilities = Capabilities()
        try:
            async with self._engine() as engine:
                capabilities = await asyncio.wait_for(read_description(engine.ask, self._settings), _DESCRIBE_SECONDS)
                return await self._estimate_with(tasks, capabilities, engine.ask)
        except asyncio.TimeoutError:
            note = f"The server did not describe itself within {_DESCRIBE_SECONDS:g} seconds."
        except LMEvalError as error:
            note = f"The server could not be asked for its description: {error}"
        estimate = await self._estimate_with(tasks, capabilities, _not_sent)
        estimate.note = note
        return estimate

    async def _estimate_with(
        self, tasks: Mapping[str, Sequence[Instance]], capabilities: Capabilities, ask: Ask
    ) -> Estimate:
        scored = any(item.request_type != "generate_until" for instances in tasks.values() for item in instances)
        scorer, assumed = self._scorer(capabilities) if scored else (None, False)
        sample = min(_SAMPLE_PER_TASK, max(2, _SAMPLE_IN_ALL // max(len(tasks), 1)))
        measured: Sequence[Sizes | None] = [None] * len(tasks)
        tokenizer = capabilities.tokenizer
        if tokenizer is not None:
            continuations = scorer is not None and scorer.counts_tokens
            measuring = (self._measure(task, tokenizer, ask, sample, continuations) for task in tasks.values())
            with suppress(asyncio.TimeoutError):
                measured = await asyncio.wait_for(asyncio.gather(*measuring), _TOKENIZE_SECONDS)
        window = capabilities.window(self._settings.max_length)
        first = next((instances[0] for instances in tasks.values() if instances), None)
        self._text_bytes = 0.0
        estimates = {
            name: self._estimate_task(instances, size or Sizes(), scorer, window)
            for (name, instances), size in zip(tasks.items(), measured, strict=True)
        }
        example = await self._example(first, scorer, ask) if first is not None else None
        around = 0
        if example is not None and first is not None and example.payload is not None:
            written = len(write_line(bytes(16), example.path, encode(example.payload)))
            around = max(0, written - _json_bytes(_text_sent(first)))
        return Estimate(
            estimates,
            tokenizer=tokenizer.kind if tokenizer is not None and any(measured) else None,
            sample=sample,
            scoring=scorer.name if scorer is not None else None,
            assumed=assumed,
            window=window,
            example=example,
            line_bytes=round(self._text_bytes) + around * sum(task.requests for task in estimates.values()),
        )

    def _scorer(self, capabilities: Capabilities) -> tuple[Scorer, bool]:
        if self._model.reads_logprobs and self._settings.scoring is None:
            return CustomScorer(self._model, self._settings, False, None), False
        return assumed_scorer(capabilities, self._settings)

    async def _measure(
        self, instances: Sequence[Instance], tokenizer: RemoteTokenizer, ask: Ask, sample: int, continuations: bool
    ) -> Sizes | None:
        """Tokenize some prompts of a task and, if wanted, some of its continuations; the same ones every time."""
        # A random sample: evenly spaced Instances may all be the same choice of their documents.
        drawn = random.Random(0).sample(range(len(instances)), min(sample, len(instances)))
        texts = [text for place in drawn if (text := _text_sent(instances[place]))]
        last_words: dict[str, str] = {}
        if continuations:
            pairs = [instance.args for instance in instances if instance.request_type == "loglikelihood"]
            distinct = {str(pair[1]): (prompt_text(pair[0]).split() or ["A"])[-1] for pair in pairs}
            last_words = dict(list(distinct.items())[:: max(1, math.ceil(len(distinct) / sample))])

        async def count(text: str) -> int:
            try:
                return len((await tokenizer.encode(ask, text, self._settings.special)).ids)
            except APIError:
                return 0

        counts = await asyncio.gather(*map(count, texts))
        before = await asyncio.gather(*map(count, last_words.values()))
        both = await asyncio.gather(*(count(word + continuation) for continuation, word in last_words.items()))
        characters = sum(len(text) for text, tokens in zip(texts, counts, strict=True) if tokens)
        if not characters:
            return None
        known = {text: max(1, b - a) for text, a, b in zip(last_words, before, both, strict=True) if a and b}
        return Sizes(sum(counts) / characters, known)

    def _estimate_task(
        self, instances: Sequence[Instance], sizes: Sizes, scorer: Scorer | None, window: int | None
    ) -> TaskEstimate:
        task, seen = TaskEstimate(), set[int]()
        ordered = in_prefix_order(instances)
        generated = [instance for instance in ordered if instance.request_type == "generate_until"]
        scored = [instance for instance in ordered if instance.request_type != "generate_until"]
        characters = float(self._add_generation(task, generated, seen))
        slots = [Slot(instance, repeat) for instance in scored for repeat in range(instance.repeats or 1)]
        for planned in scorer.planned(slots, sizes) if scorer is not None else ():
            if planned.key in seen:
                task.repeated += planned.requests
                if self._kept:
                    continue
            seen.add(planned.key)
            task.requests += planned.requests
            task.generated_tokens += planned.requests
            characters += planned.characters
        task.prompt_tokens = round(characters * sizes.tokens_per_character)
        texts = [_text_sent(instance) for instance in ordered[:_SAMPLE_PER_TASK]]
        self._text_bytes += characters * sum(map(_json_bytes, texts)) / max(1, sum(map(len, texts)))
        for instance in ordered if window is not None else ():
            assert window is not None
            if instance.request_type != "loglikelihood_rolling":
                length = sizes.tokens(len(_text_sent(instance)))
                task.too_long += length > window - 1
                task.tight += length <= window - 1 < length + self._tokens_generated(instance) - 1
        return task

    def _add_generation(self, task: TaskEstimate, instances: Sequence[Instance], seen: set[int]) -> int:
        """Add the requests of generation Instances to a task; return the characters of their prompts."""
        characters, batch_size = 0, self._model.batch_size
        batches: Counter[tuple[str, int]] = Counter()
        for instance in instances:
            settings = _settings_key(instance)
            has_images = len(instance.args) > 2
            prompt = hash((str(instance.args[0]), settings, has_images and id(instance)))
            for repeat in range(instance.repeats or 1):
                key = hash((prompt, repeat))
                if key in seen:
                    task.repeated += 1
                    if self._kept and batch_size == 1:
                        continue
                seen.add(key)
                batches[settings, repeat] += 1
                characters += len(_text_sent(instance))
                task.generated_tokens += self._tokens_generated(instance)
        task.requests += sum(math.ceil(count / batch_size) for count in batches.values())
        return characters

    def _tokens_generated(self, instance: Instance) -> int:
        """Return the maximum number of tokens that a request may generate, as its body says; 1 for scoring."""
        if instance.request_type != "generate_until":
            return 1
        key = _settings_key(instance)
        if key not in self._max_generated:
            payload = self._model.generation_payload([instance], dict(instance.args[1]))
            limits = (payload.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
            limit = next((value for value in limits if isinstance(value, int)), self._model.args.max_gen_toks)
            self._max_generated[key] = limit
        return self._max_generated[key]

    async def _example(self, instance: Instance, scorer: Scorer | None, ask: Ask) -> ExampleRequest:
        """Build an Instance's first request with the code that would send it."""
        model = self._model
        if scorer is None or instance.request_type == "generate_until":
            return ExampleRequest(model.path, model.generation_payload([instance], dict(instance.args[1])))
        caught: list[Call] = []

        async def catch(call: Call) -> Reply:
            if call.path.startswith("//"):
                return await ask(call)
            caught.append(call)
            return await _not_sent(call)

        for unit in scorer.units([Slot(instance)]):
            try:
                for further in await unit.run(catch):
                    # The windows of a text are units that the first unit returns.
                    if not caught and hasattr(further, "run"):
                        await further.run(catch)
            except LMEvalError:
                continue
        return ExampleRequest(caught[0].path, caught[0].payload) if caught else ExampleRequest(model.path, None)


async def _not_sent(call: Call) -> Reply:
    raise RequestNotSent("Not sent")


def _settings_key(instance: Instance) -> str:
    return json.dumps(instance.args[1], sort_keys=True, default=str)


def _json_bytes(text: str) -> int:
    """Return the size of a text in JSON."""
    return len(encode({"": text})) - len(encode({"": ""}))


def _text_sent(instance: Instance) -> str:
    """Return the text of an Instance that a server reads."""
    args = instance.args
    text = prompt_text(args[0])
    return text + str(args[1]) if instance.request_type == "loglikelihood" else text
