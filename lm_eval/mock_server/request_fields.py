"""Read the fields of a request: check them as the imitated server would, and give them types."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lm_eval.errors import Refused
from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.problems import invalid, malformed_json, unknown_field, unknown_model
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.refused_fields import check_refused
from lm_eval.mock_server.sampling import SamplingSettings
from lm_eval.mock_server.served_model import ServedModel

__all__ = ["RequestFields", "read_json"]

_KNOWN_FIELDS = frozenset(
    {
        *("model", "prompt", "messages", "suffix", "echo", "logprobs", "top_logprobs", "logit_bias", "n", "best_of"),
        *("max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "user"),
        *("presence_penalty", "frequency_penalty", "repetition_penalty", "stream", "stream_options"),
        *("response_format", "tools", "tool_choice", "generation_config"),
        *("reasoning_effort", "verbosity", "metadata", "store", "service_tier", "parallel_tool_calls"),
    }
)


def read_json(profile: Profile, raw: bytes) -> JsonObject:
    """Parse the body of a request.

    Args:
        profile: The profile of the server.
        raw: The bytes received.

    Returns:
        The JSON object.

    Raises:
        Refused: The bytes are not JSON, or not an object.
    """
    try:
        body = json.loads(raw)
    except ValueError:
        raise malformed_json(profile) from None
    if not isinstance(body, dict):
        raise invalid(profile, "The body must be a JSON object.")
    return body


class RequestFields:
    """A JSON body with checked access to the fields that completions and chat have in common."""

    def __init__(self, served: ServedModel, fields: JsonObject) -> None:
        """Keep the body; nothing is checked yet.

        Args:
            served: The served model.
            fields: The JSON object.
        """
        self.served, self.profile, self.fields = served, served.profile, fields

    def check(self) -> None:
        """Check what can be checked without looking at the prompt.

        Raises:
            Refused: The model or a field is unknown.
        """
        asked = self.fields.get("model")
        if self.profile.unknown_model != 200 and asked is not None and asked != self.served.settings.model:
            raise unknown_model(self.profile, str(asked))
        if self.profile.unknown_fields != 200:
            for name in self.fields:
                if name not in _KNOWN_FIELDS:
                    raise unknown_field(self.profile, name)

    def check_generation(self) -> None:
        """Check a request for an answer of the model, in addition to ``check``.

        Raises:
            Refused: The model or a field is unknown, or a field is refused.
        """
        self.check()
        check_refused(self.served.refused, self.fields)
        self.flag("stream")

    def flag(self, name: str, default: bool = False) -> bool:
        """Read a boolean.

        Args:
            name: The field.
            default: The value if the field is absent or null.

        Returns:
            The value.

        Raises:
            Refused: The field is not a boolean.
        """
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        raise self._wrong_type(name, "a boolean")

    def integer(self, name: str, default: int | None = None, *, minimum: int | None = None) -> int | None:
        """Read an integer.

        Args:
            name: The field.
            default: The value if the field is absent or null.
            minimum: The smallest value allowed; None for no limit.

        Returns:
            The value.

        Raises:
            Refused: The field is not an integer, or too small.
        """
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong_type(name, "an integer")
        if minimum is not None and value < minimum:
            raise invalid(self.profile, f"{name} must be at least {minimum}, got {value}.", name)
        return value

    def number(self, name: str, default: float) -> float:
        """Read a number.

        Args:
            name: The field.
            default: The value if the field is absent or null.

        Returns:
            The value.

        Raises:
            Refused: The field is not a number.
        """
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong_type(name, "a number")
        return float(value)

    def _wrong_type(self, name: str, expected: str) -> Refused:
        return invalid(self.profile, f"{name} must be {expected}, not {self.fields[name]!r}", name)

    def stops(self) -> list[str]:
        """Read ``stop``: a text, or a list of texts.

        Returns:
            The stop texts.

        Raises:
            Refused: The field has another type, or too many texts.
        """
        value = self.fields.get("stop")
        stops = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
            raise invalid(self.profile, "stop must be a string or a list of strings", "stop")
        limit = self.profile.max_stops
        if limit is not None and len(stops) > limit:
            raise invalid(self.profile, f"'stop' may hold up to {limit} sequences, got {len(stops)}.", "stop")
        return stops

    def logit_bias(self) -> dict[int, float]:
        """Read ``logit_bias``: an object from token id to bias, or a list of such pairs.

        Returns:
            Token id → bias.

        Raises:
            Refused: The field has another type, or a token id that is not in the vocabulary.
        """
        value = self.fields.get("logit_bias")
        if not value:
            return {}
        try:
            bias = {int(token): float(amount) for token, amount in _pairs(value)}
        except (TypeError, ValueError):
            raise invalid(self.profile, "logit_bias must map token ids to numbers", "logit_bias") from None
        if any(not 0 <= token < self.served.tokenizer.vocab_size for token in bias):
            raise invalid(self.profile, "logit_bias holds a token id that is not in the vocabulary", "logit_bias")
        return bias

    def sampling(
        self, *, max_tokens: int, stop_ids: frozenset[int], choice: int, forced: Sequence[int] = ()
    ) -> SamplingSettings:
        """Read how to continue the prompt.

        Args:
            max_tokens: The maximum number of tokens to generate.
            stop_ids: Tokens that end the answer.
            choice: The number of the choice; each choice has its own random numbers.
            forced: Tokens that the answer starts with.

        Returns:
            The settings.

        Raises:
            Refused: A field has no meaning.
        """
        profile = self.profile
        temperature = self.number("temperature", 1.0)
        if temperature < 0 and profile.validates_temperature:
            raise invalid(profile, f"temperature must be non-negative, got {temperature}.", "temperature")
        seed = self.integer("seed")
        return SamplingSettings(
            max_tokens=max_tokens,
            temperature=temperature if profile.honours_temperature else 0.0,
            top_p=self.number("top_p", 1.0),
            seed=f"{self.served.settings.seed if seed is None else seed}/{choice}",
            stop=self.stops(),
            stop_ids=stop_ids,
            logit_bias=self.logit_bias(),
            forced=forced,
            ignore_eos=self.flag("ignore_eos"),
            keep_stop=not profile.trims_stop or self.flag("include_stop_str_in_output"),
        )

    def choices(self) -> int:
        """Read ``n``.

        Returns:
            The number of choices to return.

        Raises:
            Refused: The field is not a positive integer.
        """
        wanted = self.integer("n", 1, minimum=1) or 1
        return wanted if self.profile.honours_n else 1


def _pairs(value: object) -> list[tuple[str, float]]:
    """List the pairs of an object or of a list; raises TypeError for anything else."""
    if isinstance(value, dict):
        return list(value.items())
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} has no pairs")
    return value
