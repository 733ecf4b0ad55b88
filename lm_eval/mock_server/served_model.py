"""What all endpoints share: the language model, its tokenizer, the profile, the caches and the scripted answers."""

from __future__ import annotations

import itertools
import time
import unicodedata
from collections.abc import Sequence

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.judge import JudgeSettings, judged
from lm_eval.mock_server.logprob_shapes import LogprobWriter
from lm_eval.mock_server.ngram import default_model
from lm_eval.mock_server.prefix_cache import PrefixCache
from lm_eval.mock_server.problems import too_long
from lm_eval.mock_server.profiles import get_profile
from lm_eval.mock_server.refused_fields import parse_rules
from lm_eval.mock_server.settings import ServerSettings
from lm_eval.mock_server.token_counts import TokenCounts
from lm_eval.mock_server.tokenizer import default_tokenizer

__all__ = ["ServedModel"]


class ServedModel:
    """A language model as one server offers it.

    Attributes:
        settings: The options of the server.
        profile: The profile that the options name.
        tokenizer: Text to tokens.
        model: Tokens to probabilities.
        cache: The simulated prefix cache.
        writer: Log-probabilities as JSON.
        refused: Refused field → wording of the refusal.
        started: When the server started, in seconds since 1970.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Train the model if this is the first server of the process.

        Args:
            settings: The options of the server.
        """
        self.settings = settings
        self.profile = get_profile(settings.profile)
        self.tokenizer, self.model = default_tokenizer(), default_model()
        self.cache = PrefixCache(settings.prefix_cache_blocks)
        self.writer = LogprobWriter(self.profile, self.tokenizer)
        self.refused = parse_rules(settings.refuses)
        self._judge = JudgeSettings.parse(settings.judge) if settings.judge else None
        self._numbers = itertools.count()

    def answer(
        self, kind: str, id_prefix: str, asked_model: object, choices: list[JsonObject], counts: TokenCounts
    ) -> JsonObject:
        """Put choices into the object that both endpoints answer with.

        Args:
            kind: The value of ``object``.
            id_prefix: What the answer's id starts with.
            asked_model: The model's name in the request; None or empty for the served one.
            choices: The choices.
            counts: The tokens of the request.

        Returns:
            The answer.
        """
        return {
            "id": f"{id_prefix}-{next(self._numbers)}",
            "object": kind,
            "created": int(time.time()),
            "model": asked_model or self.settings.model,
            "choices": choices,
            "usage": counts.as_json(self.profile),
        }

    def encode(self, text: str, *, add_bos: bool | None = None) -> list[int]:
        """Turn a prompt into tokens by the rules of the profile.

        Args:
            text: The prompt.
            add_bos: Whether to put ``<s>`` in front; by default as the profile does.

        Returns:
            Token ids. A text that starts with ``<s>`` gets no second one.
        """
        profile = self.profile
        if profile.normalization == "lower":
            text = text.lower()
        elif profile.normalization:
            text = unicodedata.normalize(profile.normalization, text)
        ids = self.tokenizer.encode(text, parse_special=profile.parses_special)
        if (profile.adds_bos if add_bos is None else add_bos) and ids[:1] != [self.tokenizer.bos_id]:
            ids.insert(0, self.tokenizer.bos_id)
        return ids

    def max_new_tokens(self, prompt_tokens: int, asked: int | None) -> int:
        """Decide how many tokens an answer may have.

        Args:
            prompt_tokens: The length of the prompt.
            asked: The limit in the request; None for as many tokens as fit.

        Returns:
            The maximum number of tokens to generate.

        Raises:
            Refused: The prompt, or the prompt and ``asked`` tokens, do not fit in the context.
        """
        profile, context_length = self.profile, self.settings.max_model_len
        left = context_length - prompt_tokens
        if profile.checks_length:
            if left < 0 or (left == 0 and asked != 0):
                raise too_long(profile, prompt_tokens, context_length, asked or 1)
            if asked is not None and asked > left and not profile.clamps_max_tokens:
                raise too_long(profile, prompt_tokens, context_length, asked)
        left = max(left, 1)
        if asked is None:
            return left
        return min(asked, left) if profile.clamps_max_tokens else asked

    def scripted(self, prompt: str) -> str | None:
        """Find the scripted answer to a prompt.

        Args:
            prompt: The prompt as text.

        Returns:
            The answer, or None to let the model answer.
        """
        answers = self.settings.answers
        if answers is None:
            return None
        if callable(answers):
            return answers(prompt)
        ends = [(start + len(key), len(key), key) for key in answers if (start := prompt.rfind(key)) >= 0]
        return answers[max(ends)[2]] if ends else None

    def verdict(self, body: JsonObject, contents: Sequence[tuple[str, str]], choices: Sequence[str] = ()) -> str | None:
        """Judge an answer, if this server is a judge and is asked for a verdict.

        Args:
            body: The JSON body of a chat request.
            contents: Role and text of each message.
            choices: The texts that the request allows as a reply; empty for any.

        Returns:
            The judge's reply, or None.
        """
        return None if self._judge is None else judged(self._judge, self.settings.seed, body, contents, choices)

    def forced_ids(self, text: str, end: int) -> Sequence[int]:
        """Turn a scripted answer into tokens.

        Args:
            text: The answer.
            end: The token that ends the answer.

        Returns:
            Token ids.
        """
        return [*self.tokenizer.encode(text, parse_special=False), end]
