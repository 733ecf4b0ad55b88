"""How much a run will ask of an API, and with which bodies, without asking for a single answer."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Instance
from lm_eval.errors import APIError, CapabilityError, LMEvalError, RequestNotSent
from lm_eval.models.http.runner import run
from lm_eval.models.protocol import APIModel
from lm_eval.models.responses import in_prefix_order
from lm_eval.models.scoring.base import Scorer
from lm_eval.models.scoring.planned import Sizes, assumed_scorer, planned, prompt_text
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.probe import read_description
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Ask, Call, Reply, Slot

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["Body", "Estimate", "Estimator", "TaskEstimate"]

_SAMPLE, _SAMPLES_IN_ALL = 50, 2000
_LOOK_SECONDS, _COUNT_SECONDS = 15.0, 120.0


@dataclass(slots=True)
class TaskEstimate:
    """What a task will ask.

    Attributes:
        requests: HTTP requests for answers.
        repeated: Requests that are equal to others of the task.
        prompt_tokens: Estimated tokens of all prompts.
        generated_tokens: The most tokens that can be generated.
        too_long: Prompts that are longer than the window, by the estimate.
        tight: Prompts that fit, but not together with all that may be generated.
    """

    requests: int = 0
    repeated: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    too_long: int = 0
    tight: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request, as it would be sent.

    Attributes:
        path: What follows the base URL.
        payload: The JSON body; None when it cannot be known without the server.
    """

    path: str
    payload: Mapping[str, Any] | None


@dataclass(slots=True)
class Estimate:
    """What a run will ask.

    Attributes:
        tasks: Task name to what it will ask.
        tokenizer: Which of the server's tokenizers counted; None when tokens are characters / 4.
        sample: The most prompts a task that were counted; the rest is scaled.
        scoring: The strategy for log-likelihoods; None when there are none to score.
        assumed: Whether the strategy is an assumption, which the probe of a run may prove wrong.
        window: The model's window in tokens, where it is known.
        example: The body for the first Instance.
        note: Why the server was not looked at, if it was not.
    """

    tasks: dict[str, TaskEstimate]
    tokenizer: str | None = None
    sample: int = 0
    scoring: str | None = None
    assumed: bool = False
    window: int | None = None
    example: Body | None = None
    note: str = ""


class Estimator:
    """Foresees what a model will be asked; a server is only asked for its tokenizer and its description."""

    def __init__(
        self,
        model: APIModel,
        settings: ScoringSettings,
        engine: Callable[[], AbstractAsyncContextManager[Engine]],
        *,
        kept: bool,
    ) -> None:
        """Take what is known of the model.

        Args:
            model: Builds the bodies.
            settings: How it is to be scored.
            engine: Opens an engine.
            kept: Whether answers are kept in a file, so that equal requests are sent once.
        """
        self._model, self._settings, self._engine, self._kept = model, settings, engine, kept
        self._most: dict[str, int] = {}

    def refuses(self, request_type: str) -> str | None:
        """Tell why a request type cannot be answered, where that is certain without asking.

        Args:
            request_type: A request type.

        Returns:
            The reason, or None.

        Raises:
            ConfigError: ``scoring`` names no strategy.
        """
        if request_type == "generate_until":
            return None
        try:
            scorer, _ = self._scorer(Capabilities())
        except CapabilityError as error:
            return str(error)
        return scorer.refuses(request_type) if self._settings.chat else None

    def estimate(self, tasks: Mapping[str, Sequence[Instance]]) -> Estimate:
        """Foresee what tasks will ask.

        Args:
            tasks: Task name to its Instances.

        Returns:
            The estimate. A server that does not answer leaves it less exact.
        """
        return run(lambda: self._estimate(tasks))

    async def _estimate(self, tasks: Mapping[str, Sequence[Instance]]) -> Estimate:
        found, note = Capabilities(), ""
        try:
            async with self._engine() as engine:
                found = await asyncio.wait_for(read_description(engine.ask, self._settings), _LOOK_SECONDS)
                return await self._count(tasks, found, engine.ask)
        except asyncio.TimeoutError:
            note = f"The server said nothing of itself within {_LOOK_SECONDS:g} seconds."
        except LMEvalError as error:
            note = f"The server could not be looked at: {error}"
        estimate = await self._count(tasks, found, _no_server)
        estimate.note = note
        return estimate

    async def _count(self, tasks: Mapping[str, Sequence[Instance]], found: Capabilities, ask: Ask) -> Estimate:
        scored = any(instance.request_type != "generate_until" for made in tasks.values() for instance in made)
        scorer, assumed = self._scorer(found) if scored else (None, False)
        sample = min(_SAMPLE, max(2, _SAMPLES_IN_ALL // max(len(tasks), 1)))
        sizes = {name: Sizes() for name in tasks}
        counted = False
        if found.tokenizer is not None:
            measuring = (self._measure(made, found, ask, sample, scorer) for made in tasks.values())
            try:
                measured = await asyncio.wait_for(asyncio.gather(*measuring), _COUNT_SECONDS)
                sizes = {name: size or Sizes() for name, size in zip(tasks, measured, strict=True)}
                counted = any(measured)
            except asyncio.TimeoutError:
                pass
        limits = [limit for limit in (self._settings.max_length, found.max_length) if limit is not None]
        window = min(limits) if limits else None
        estimate = Estimate(
            {name: self._task(made, sizes[name], scorer, window) for name, made in tasks.items()},
            tokenizer=found.tokenizer.kind if counted and found.tokenizer is not None else None,
            sample=sample,
            scoring=scorer.name if scorer is not None else None,
            assumed=assumed,
            window=window,
        )
        first = next((made[0] for made in tasks.values() if made), None)
        estimate.example = await self._body(first, scorer, ask) if first is not None else None
        return estimate

    def _scorer(self, found: Capabilities) -> tuple[Scorer, bool]:
        if self._model.reads_logprobs and self._settings.scoring is None:
            from lm_eval.models.scoring.custom import CustomScorer

            return CustomScorer(self._model, self._settings, False, None), False
        return assumed_scorer(found, self._settings)

    async def _measure(
        self, made: Sequence[Instance], found: Capabilities, ask: Ask, sample: int, scorer: Scorer | None
    ) -> Sizes | None:
        """Tokenize some prompts of a task, and some continuations; the same ones every time."""
        tokenizer = found.tokenizer
        assert tokenizer is not None
        # Drawn, because evenly spaced ones may all be the same choice of their docs.
        drawn = random.Random(0).sample(range(len(made)), min(sample, len(made)))
        texts = [text for place in drawn if (text := _sent(made[place]))]
        ends: dict[str, str] = {}
        if scorer is not None and scorer.name in ("first_token", "forced_token"):
            pairs = [instance.args for instance in made if instance.request_type == "loglikelihood"]
            distinct = {str(pair[1]): (prompt_text(pair[0]).split() or ["A"])[-1] for pair in pairs}
            ends = dict(list(distinct.items())[:: max(1, math.ceil(len(distinct) / sample))])

        async def tokens(text: str) -> int:
            try:
                return len((await tokenizer.encode(ask, text, self._settings.special)).ids)
            except APIError:
                return 0

        counts = await asyncio.gather(*map(tokens, texts))
        alone = await asyncio.gather(*map(tokens, ends.values()))
        both = await asyncio.gather(*(tokens(before + end) for end, before in ends.items()))
        characters = sum(len(text) for text, count in zip(texts, counts, strict=True) if count)
        if not characters:
            return None
        known = {end: max(1, b - a) for end, a, b in zip(ends, alone, both, strict=True) if a and b}
        return Sizes(sum(counts) / characters, known)

    def _task(self, made: Sequence[Instance], sizes: Sizes, scorer: Scorer | None, window: int | None) -> TaskEstimate:
        task, seen, characters = TaskEstimate(), set[int](), 0.0
        batches: Counter[tuple[str, int]] = Counter()
        batch = self._model.batch_size
        slots = []
        for instance in in_prefix_order(made):
            length = sizes.tokens(len(_sent(instance)))
            most = 1
            if instance.request_type == "generate_until":
                settings = json.dumps(instance.args[1], sort_keys=True, default=str)
                most = self._most_of(instance, settings)
                prompt = hash((str(instance.args[0]), settings, len(instance.args) > 2 and id(instance)))
                for repeat in range(instance.repeats or 1):
                    key = hash((prompt, repeat))
                    task.repeated += key in seen
                    if key in seen and self._kept and batch == 1:
                        continue
                    seen.add(key)
                    batches[settings, repeat] += 1
                    characters += len(_sent(instance))
                    task.generated_tokens += most
            else:
                slots += [Slot(instance, repeat) for repeat in range(instance.repeats or 1)]
            if window is not None and instance.request_type != "loglikelihood_rolling":
                task.too_long += length > window - 1
                task.tight += length <= window - 1 < length + most - 1
        task.requests = sum(math.ceil(count / batch) for count in batches.values())
        for request in planned(scorer, slots, sizes) if scorer is not None else ():
            task.repeated += request.requests if request.key in seen else 0
            if request.key in seen and self._kept:
                continue
            seen.add(request.key)
            task.requests += request.requests
            task.generated_tokens += request.requests
            characters += request.characters
        task.prompt_tokens = round(characters * sizes.rate)
        return task

    def _most_of(self, instance: Instance, settings: str) -> int:
        """Return the most tokens a request may generate, as its body says."""
        if settings not in self._most:
            payload = self._model.generation_payload([instance], dict(instance.args[1]))
            named = (payload.get(key) for key in ("max_tokens", "max_completion_tokens"))
            most = next((value for value in named if isinstance(value, int)), self._model.args.max_gen_toks)
            self._most[settings] = most
        return self._most[settings]

    async def _body(self, instance: Instance, scorer: Scorer | None, ask: Ask) -> Body:
        """Build the body of an Instance's first request with the code that would send it."""
        model = self._model
        if instance.request_type == "generate_until":
            return Body(model.path, model.generation_payload([instance], dict(instance.args[1])))
        assert scorer is not None
        caught: list[Call] = []

        async def catch(call: Call) -> Reply:
            if call.path.startswith("//"):
                return await ask(call)
            caught.append(call)
            raise RequestNotSent("Not sent")

        for unit in scorer.units([Slot(instance)]):
            try:
                for further in await unit.run(catch):
                    # The windows of a document are units of their own.
                    if not caught and hasattr(further, "run"):
                        await further.run(catch)
            except LMEvalError:
                continue
        return Body(caught[0].path, caught[0].payload) if caught else Body(model.path, None)


async def _no_server(call: Call) -> Reply:
    raise RequestNotSent("There is no server to ask")


def _sent(instance: Instance) -> str:
    """Return the text of an Instance that a server reads."""
    args = instance.args
    text = prompt_text(args[0])
    return text + str(args[1]) if instance.request_type == "loglikelihood" else text
