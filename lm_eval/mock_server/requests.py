"""Read the body of a request: check it as the server played would, and give it types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lm_eval.mock_server.problems import invalid, malformed_json, refusal, unknown_field, unknown_model
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.sampling import Settings

__all__ = ["Body", "read_json"]

_KNOWN_FIELDS = frozenset(
    {
        *("model", "prompt", "messages", "suffix", "echo", "logprobs", "top_logprobs", "logit_bias", "n", "best_of"),
        *("max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "user"),
        *("presence_penalty", "frequency_penalty", "repetition_penalty", "stream", "stream_options"),
        *("response_format", "tools", "tool_choice", "generation_config"),
    }
)


def read_json(profile: Profile, raw: bytes) -> dict[str, Any]:
    """Parse a body.

    Args:
        profile: The server played.
        raw: The bytes received.

    Returns:
        The JSON object.

    Raises:
        Refused: It is no JSON, or no object.
    """
    try:
        body = json.loads(raw)
    except ValueError:
        raise malformed_json(profile) from None
    if not isinstance(body, dict):
        raise invalid(profile, "The body must be a JSON object.")
    return body


@dataclass
class Body:
    """A JSON body, with checked access to what completions and chat have in common."""

    profile: Profile
    """The server played."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The JSON object."""

    def check(self, model: str) -> None:
        """Check what can be checked without looking at the prompt.

        Args:
            model: The name that is served.

        Raises:
            Refused: The model or a field is not known.
        """
        asked = self.fields.get("model")
        if self.profile.unknown_model != 200 and asked is not None and asked != model:
            raise unknown_model(self.profile, str(asked))
        if self.profile.unknown_fields != 200:
            for name in self.fields:
                if name not in _KNOWN_FIELDS:
                    raise unknown_field(self.profile, name)

    def flag(self, name: str, default: bool = False) -> bool:
        """Read a boolean.

        Args:
            name: The field.
            default: Its value when absent or null.

        Returns:
            The value.

        Raises:
            Refused: It is something else.
        """
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise invalid(self.profile, f"{name} must be a boolean, not {value!r}", name)
        return value

    def integer(self, name: str, default: int | None = None, *, least: int | None = None) -> int | None:
        """Read an integer.

        Args:
            name: The field.
            default: Its value when absent or null.
            least: The smallest value allowed.

        Returns:
            The value.

        Raises:
            Refused: It is something else, or too small.
        """
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(self.profile, f"{name} must be an integer, not {value!r}", name)
        if least is not None and value < least:
            raise invalid(self.profile, f"{name} must be at least {least}, got {value}.", name)
        return value

    def number(self, name: str, default: float) -> float:
        """Read a number.

        Args:
            name: The field.
            default: Its value when absent or null.

        Returns:
            The value.

        Raises:
            Refused: It is no number.
        """
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(self.profile, f"{name} must be a number, not {value!r}", name)
        return float(value)

    def stops(self) -> list[str]:
        """Read ``stop``: a text, or a list of them.

        Returns:
            The stop texts.

        Raises:
            Refused: It is something else, or too many.
        """
        value = self.fields.get("stop")
        stops = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
            raise invalid(self.profile, "stop must be a string or a list of strings", "stop")
        most = self.profile.max_stops
        if most is not None and len(stops) > most:
            raise invalid(self.profile, f"'stop' may hold up to {most} sequences, got {len(stops)}.", "stop")
        return stops

    def logit_bias(self, vocab_size: int) -> dict[int, float]:
        """Read ``logit_bias``: an object of token id → bias, or pairs of them.

        Args:
            vocab_size: Ids have to be below it.

        Returns:
            The biases.

        Raises:
            Refused: It is something else.
        """
        value = self.fields.get("logit_bias") or {}
        try:
            pairs = value.items() if isinstance(value, dict) else value
            bias = {int(token): float(amount) for token, amount in pairs}
        except (TypeError, ValueError):
            raise invalid(self.profile, "logit_bias must map token ids to numbers", "logit_bias") from None
        if any(not 0 <= token < vocab_size for token in bias):
            raise invalid(self.profile, "logit_bias holds a token id that is not in the vocabulary", "logit_bias")
        return bias

    def settings(
        self, *, max_tokens: int, vocab_size: int, stop_ids: frozenset[int], fallback_seed: str, choice: int
    ) -> Settings:
        """Read how to continue.

        Args:
            max_tokens: The most tokens to add.
            vocab_size: See ``logit_bias``.
            stop_ids: Tokens that end the answer.
            fallback_seed: The seed when the request has none.
            choice: Which of several choices this is; each has its own random numbers.

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
        return Settings(
            max_tokens=max_tokens,
            temperature=temperature if profile.honours_temperature else 0.0,
            top_p=self.number("top_p", 1.0),
            seed=f"{fallback_seed if seed is None else seed}/{choice}",
            stop=self.stops(),
            stop_ids=stop_ids,
            logit_bias=self.logit_bias(vocab_size),
            ignore_eos=self.flag("ignore_eos"),
            keep_stop=not profile.trims_stop or self.flag("include_stop_str_in_output"),
        )

    def choices(self) -> int:
        """Read ``n``.

        Returns:
            How many choices to give.

        Raises:
            Refused: It is not a positive integer.
        """
        wanted = self.integer("n", 1, least=1) or 1
        return wanted if self.profile.honours_n else 1

    def refuse_stream(self) -> None:
        """Refuse ``stream: true``, which is not played.

        Raises:
            Refused: The request asks for a stream.
        """
        if self.flag("stream"):
            raise refusal(self.profile, 400, "The mock server does not stream; set stream to false.", param="stream")
