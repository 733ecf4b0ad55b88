"""What each kind of server does differently, as flags; the modules that answer read them.

``docs/mock_server.md`` says where each behaviour was seen. A profile of your own is
``dataclasses.replace(PROFILES["vllm"], name="mine", max_logprobs=5)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from lm_eval.errors import UnknownNameError
from lm_eval.mock_server.token_text import TokenStyle

__all__ = ["PROFILES", "Profile", "get_profile"]


@dataclass(frozen=True)
class Profile:
    """A server's habits. The defaults are those of the profile ``default``: everything useful, nothing odd."""

    name: str = "default"
    """What the user asks for it by."""
    observed: bool = True
    """Whether the behaviour was recorded from a running server, or taken from public documentation only."""

    adds_bos: bool = True
    """``<s>`` is put in front of a string prompt."""
    shows_bos: bool = False
    """The added ``<s>`` is the first token of an echo, three characters long though the text lacks it."""
    scores_first: bool = True
    """The first token after a hidden ``<s>`` has a log-probability rather than null."""
    counts_bos: bool = False
    """A hidden ``<s>`` counts as a prompt token in ``usage``."""
    parses_special: bool = True
    """Names of special tokens in a prompt's text are read as those tokens."""
    shows_special: bool = True
    """Special tokens of the prompt are written by name, rather than as an empty text."""
    token_style: TokenStyle = "carry"
    """How a token with an incomplete character is written."""
    offsets: Literal["exact", "cumulative", "minus-one"] = "exact"
    """``text_offset``: true character offsets, sums of the lengths of the token texts, or -1 throughout."""
    misaligned: bool = False
    """Echoed log-probabilities are one place off and the last token is missing."""
    merges_colliding_texts: bool = False
    """``top_logprobs`` may give an alternative's value under the chosen token's text when both read the same."""
    lists_own: bool = True
    """``top_logprobs`` on completions lists the token itself even when it is not among the most probable."""
    normalization: Literal["", "NFC", "NFKC", "lower"] = ""
    """What the tokenizer does to a text first; the echoed text stays as it was sent."""

    echo: Literal["yes", "ignored", "refused", "without-logprobs"] = "yes"
    """What ``echo: true`` does on completions. ``without-logprobs``: 400 when both are asked for."""
    completion_logprobs: Literal["legacy", "content", "null", "absent", "refused"] = "legacy"
    """The shape of ``logprobs`` on completions: the four lists, the chat shape, null, no key at all, or an error."""
    max_logprobs: int | None = 20
    """The most alternatives on completions; None for the whole vocabulary."""
    max_top_logprobs: int | None = 20
    """The most alternatives on chat."""
    chat_logprobs: bool = True
    """Chat answers carry log-probabilities when asked to."""
    prompt_logprobs: bool = True
    """The ``prompt_logprobs`` field is understood."""
    echo_fills_prompt_logprobs: bool = False
    """An echo with log-probabilities fills ``prompt_logprobs`` as well."""
    return_token_ids: bool = True
    """``return_token_ids`` and ``return_tokens_as_token_ids`` are understood."""
    token_ids_hide_echo: bool = False
    """With ``return_token_ids`` the text lacks the echoed prompt."""

    zero_max_tokens: Literal["allowed", "echo-only", "one", "unlimited", "error"] = "allowed"
    """What ``max_tokens: 0`` does on completions."""
    zero_counts_one: bool = False
    """``max_tokens: 0`` is counted as one completion token."""
    default_max_tokens: int | None = 16
    """``max_tokens`` of completions when not given; None for as many as fit."""
    chat_limit_fields: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
    """The fields that limit a chat answer, the winner first; others are ignored."""
    clamps_max_tokens: bool = False
    """A ``max_tokens`` that does not fit is cut down rather than refused."""
    checks_length: bool = True
    """A prompt that does not fit is refused."""
    trims_stop: bool = True
    """The stop text is cut off the answer."""
    max_stops: int | None = None
    """The most stop texts; more are refused."""
    honours_n: bool = True
    """``n`` gives so many choices."""
    honours_temperature: bool = True
    """Sampling happens; otherwise every answer is the greedy one."""

    prompt_lists: Literal["yes", "single", "no"] = "yes"
    """Whether ``prompt`` may be a list of strings, of one string only, or not at all."""
    prompt_ids: bool = True
    """Whether ``prompt`` may hold token ids."""
    refuses_empty: Literal["", "always", "scoring"] = ""
    """Whether an empty prompt is refused: never, always, or with echo and log-probabilities."""
    usage_of_first_prompt: bool = False
    """``usage`` of a batch counts its first prompt only."""
    cached_tokens: bool = True
    """``usage.prompt_tokens_details.cached_tokens`` is given."""
    continues_assistant: bool = False
    """A final assistant message is continued and given back in front of the answer."""

    errors: Literal["openai", "vllm", "llamacpp", "llamacpp-python", "transformers", "sglang", "tgi"] = "vllm"
    """The wording and shape of errors."""
    unknown_model: int = 404
    """The status for a model's name that is not served; 200 serves it anyway."""
    unknown_fields: int = 200
    """The status for a field nobody knows."""
    validates_temperature: bool = True
    """A negative temperature is refused."""
    tokenize: Literal["", "vllm", "llamacpp", "llamacpp-python", "tgi"] = "vllm"
    """The tokenize and detokenize endpoints."""
    model_card: Literal["plain", "max_model_len", "meta"] = "max_model_len"
    """What ``/v1/models`` tells of the context length."""
    native: Literal["", "vllm", "llamacpp", "sglang", "tgi"] = "vllm"
    """Endpoints beside ``/v1``: health, version, properties."""
    reasoning_field: str = "reasoning"
    """The field of a chat message that holds reasoning; empty for none."""


_DEFAULT = Profile()

_VLLM = Profile(
    name="vllm",
    shows_bos=True,
    offsets="cumulative",
    merges_colliding_texts=True,
    echo_fills_prompt_logprobs=True,
    token_ids_hide_echo=True,
    zero_max_tokens="echo-only",
    zero_counts_one=True,
    refuses_empty="always",
    cached_tokens=False,
)

_LLAMACPP_PYTHON = Profile(
    name="llamacpp-python",
    scores_first=False,
    counts_bos=True,
    shows_special=False,
    token_style="drop",
    offsets="cumulative",
    merges_colliding_texts=True,
    max_logprobs=None,
    prompt_logprobs=False,
    return_token_ids=False,
    zero_max_tokens="unlimited",
    chat_limit_fields=("max_tokens",),
    honours_n=False,
    prompt_lists="single",
    prompt_ids=False,
    refuses_empty="scoring",
    cached_tokens=False,
    errors="llamacpp-python",
    unknown_model=200,
    validates_temperature=False,
    tokenize="llamacpp-python",
    model_card="plain",
    native="",
    reasoning_field="",
)

_PROFILES = (
    _DEFAULT,
    Profile(
        name="openai",
        observed=False,
        adds_bos=False,
        parses_special=False,
        token_style="escape",
        max_logprobs=5,
        prompt_logprobs=False,
        return_token_ids=False,
        max_stops=4,
        errors="openai",
        tokenize="",
        model_card="plain",
        native="",
        reasoning_field="",
    ),
    _VLLM,
    replace(_VLLM, name="vllm-nobos", adds_bos=False, shows_bos=False),
    Profile(
        name="llamacpp",
        counts_bos=True,
        echo="ignored",
        completion_logprobs="content",
        max_logprobs=None,
        max_top_logprobs=None,
        prompt_logprobs=False,
        return_token_ids=False,
        zero_max_tokens="one",
        default_max_tokens=None,
        clamps_max_tokens=True,
        usage_of_first_prompt=True,
        continues_assistant=True,
        errors="llamacpp",
        unknown_model=200,
        validates_temperature=False,
        tokenize="llamacpp",
        model_card="meta",
        native="llamacpp",
        reasoning_field="reasoning_content",
    ),
    _LLAMACPP_PYTHON,
    replace(
        _LLAMACPP_PYTHON,
        name="llamacpp-python-nobos",
        adds_bos=False,
        scores_first=True,
        counts_bos=False,
        misaligned=True,
    ),
    Profile(
        name="transformers",
        counts_bos=True,
        echo="ignored",
        completion_logprobs="absent",
        chat_logprobs=False,
        prompt_logprobs=False,
        return_token_ids=False,
        zero_max_tokens="error",
        chat_limit_fields=("max_tokens",),
        clamps_max_tokens=True,
        checks_length=False,
        trims_stop=False,
        honours_n=False,
        honours_temperature=False,
        prompt_lists="no",
        prompt_ids=False,
        cached_tokens=False,
        errors="transformers",
        unknown_model=400,
        unknown_fields=422,
        validates_temperature=False,
        tokenize="",
        model_card="plain",
        native="",
        reasoning_field="",
    ),
    Profile(
        name="sglang",
        observed=False,
        shows_bos=True,
        token_style="replace",
        offsets="minus-one",
        lists_own=False,
        prompt_logprobs=False,
        return_token_ids=False,
        max_logprobs=None,
        max_top_logprobs=None,
        refuses_empty="always",
        cached_tokens=False,
        errors="sglang",
        unknown_model=200,
        tokenize="vllm",
        model_card="max_model_len",
        native="sglang",
        reasoning_field="reasoning_content",
    ),
    Profile(
        name="tgi",
        observed=False,
        counts_bos=True,
        echo="ignored",
        completion_logprobs="null",
        max_top_logprobs=5,
        prompt_logprobs=False,
        return_token_ids=False,
        zero_max_tokens="error",
        default_max_tokens=100,
        chat_limit_fields=("max_tokens",),
        honours_n=False,
        max_stops=4,
        prompt_ids=False,
        cached_tokens=False,
        errors="tgi",
        unknown_model=200,
        tokenize="tgi",
        model_card="plain",
        native="tgi",
        reasoning_field="",
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _PROFILES})
"""All profiles, by name."""


def get_profile(profile: str | Profile) -> Profile:
    """Find a profile.

    Args:
        profile: A name, or a profile, which is given back.

    Returns:
        The profile.

    Raises:
        UnknownNameError: No profile has that name.
    """
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise UnknownNameError("mock server profile", profile, PROFILES, f"There are: {', '.join(PROFILES)}.")
    return PROFILES[profile]
