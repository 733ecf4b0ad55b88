"""How each kind of server differs from the others, as flags that the modules which build answers read.

``docs/mock_server.md`` says where each behaviour was observed. Make a profile with
``dataclasses.replace(PROFILES["vllm"], name="mine", max_logprobs=5)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from lm_eval.errors import UnknownNameError
from lm_eval.mock_server.token_text import TokenStyle

__all__ = ["PROFILES", "Family", "Profile", "get_profile"]

Family = Literal["openai", "vllm", "llamacpp", "llamacpp-python", "transformers", "sglang", "tgi"]
"""The software of a server: decides how errors read and which endpoints exist outside the OpenAI API."""


@dataclass(frozen=True)
class Profile:
    """The behaviour of a server. The defaults are those of the profile ``default``: all features, no oddities."""

    name: str = "default"
    """The name that a user gives to select the profile."""
    observed: bool = True
    """True: the behaviour was recorded from a running server. False: it follows public documentation only."""
    family: Family = "vllm"
    """The server's software: wording and shape of errors, endpoints for health, version and properties."""

    adds_bos: bool = True
    """A string prompt gets ``<s>`` at its front."""
    chooses_bos: bool = True
    """``add_special_tokens`` of a completion request decides whether ``<s>`` is added; otherwise it has no effect."""
    shows_bos: bool = False
    """The added ``<s>`` is the first token of an echo and counts three characters, although the text lacks it."""
    scores_first: bool = True
    """The first token after a hidden ``<s>`` has a log-probability instead of null."""
    counts_bos: bool = False
    """A hidden ``<s>`` counts as a prompt token in ``usage``."""
    parses_special: bool = True
    """Names of special tokens in the text of a prompt are read as those tokens."""
    shows_special: bool = True
    """Special tokens of the prompt are written by name instead of as an empty text."""
    token_style: TokenStyle = "carry"
    """How a token with an incomplete character is written."""
    offsets: Literal["exact", "cumulative", "minus-one"] = "exact"
    """``text_offset``: true character offsets, sums of the lengths of the token texts, or -1 for every token."""
    misaligned: bool = False
    """Echoed log-probabilities belong to the neighbouring token, and the last token is missing."""
    merges_colliding_texts: bool = False
    """``top_logprobs`` may give an alternative's value under the chosen token's text if both texts are equal."""
    always_lists_token: bool = True
    """``top_logprobs`` on completions lists the token itself even if it is not among the most probable ones."""
    normalization: Literal["", "NFC", "NFKC", "lower"] = ""
    """What the tokenizer does to a text first; the echoed text stays as it was sent."""

    echo: Literal["yes", "ignored", "refused", "without-logprobs"] = "yes"
    """What ``echo: true`` does on completions. ``without-logprobs``: HTTP 400 if both are requested."""
    completion_logprobs: Literal["legacy", "content", "null", "absent", "refused"] = "legacy"
    """The shape of ``logprobs`` on completions: the four lists, the chat shape, null, no key at all, or an error."""
    max_logprobs: int | None = 20
    """The maximum number of alternatives on completions; None for the complete vocabulary."""
    max_top_logprobs: int | None = 20
    """The maximum number of alternatives on chat; None for the complete vocabulary."""
    chat_logprobs: bool = True
    """Chat answers carry log-probabilities if they are requested."""
    null_chat_logprobs: bool = True
    """A chat answer without log-probabilities has ``logprobs: null``; otherwise the key is absent."""
    refusal_in_logprobs: bool = False
    """``logprobs`` of a chat answer has ``refusal: null`` in addition to ``content``."""
    logprobs_with_ids: bool = False
    """Log-probabilities in the chat shape have token ids, and lack tokens that start a character without ending it."""
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
    """``max_tokens`` of completions by default; None for as many tokens as fit."""
    chat_limit_fields: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
    """The fields that limit a chat answer; the first that is given counts, others are ignored."""
    clamps_max_tokens: bool = False
    """A ``max_tokens`` that does not fit is lowered instead of refused."""
    checks_length: bool = True
    """A prompt that does not fit is refused."""
    trims_stop: bool = True
    """The stop text is cut off the answer."""
    max_stops: int | None = None
    """The maximum number of stop texts; None for no limit."""
    honours_n: bool = True
    """``n`` sets the number of choices."""
    honours_temperature: bool = True
    """Sampling happens; otherwise every answer is the greedy one."""

    prompt_lists: Literal["yes", "single", "no"] = "yes"
    """Whether ``prompt`` may be a list of strings, of one string only, or not a list."""
    prompt_ids: bool = True
    """Whether ``prompt`` may hold token ids."""
    refuses_empty: Literal["", "always", "scoring"] = ""
    """Whether an empty prompt is refused: never, always, or with echo and log-probabilities."""
    refuses_no_prompt: bool = True
    """A request for a completion without ``prompt`` is refused; otherwise the prompt is empty."""
    refuses_no_messages: bool = True
    """An empty list of messages is refused."""
    usage_of_first_prompt: bool = False
    """``usage`` of a batch counts its first prompt only."""
    cached_tokens: Literal["counted", "null", "absent"] = "counted"
    """``usage.prompt_tokens_details``: with the number of ``cached_tokens``, null, or no key at all."""

    continues_assistant: Literal["", "shown", "hidden"] = ""
    """A final assistant message is continued, and returned in front of the answer or not."""
    continuation_fields: bool = True
    """``continue_final_message`` is understood on chat."""
    chat_echo: bool = True
    """``echo`` on chat returns a continued message in front of the answer."""
    prefix_field: Literal["", "shown", "hidden", "required"] = ""
    """``prefix: true`` in a final assistant message has it continued, and returned in front of the answer or not.
    ``required``: returned, and a final assistant message without the field is refused."""
    tools: Literal["yes", "ignored", "refused"] = "yes"
    """What ``tools`` of a chat request does; ``refused``: HTTP 400, as of a server without a parser of calls."""
    audio_formats: tuple[str, ...] = ("wav", "mp3", "flac", "ogg")
    """The formats of recordings in messages."""
    takes_media_urls: bool = True
    """Messages may have ``audio_url`` and ``video_url`` parts."""
    stop_reason: bool = True
    """A chat choice has ``stop_reason``: the stop text that ended it, or null."""
    empty_message_fields: tuple[str, ...] = ("refusal", "reasoning", "tool_calls")
    """Fields of a chat message that are there without a value: null, or an empty list for a name in the plural."""
    reasoning_field: str = "reasoning"
    """The field of a chat message that holds reasoning; empty: the reasoning stays in the text, between tags."""
    hides_reasoning: bool = False
    """Reasoning is counted but not returned."""
    template_switches_thinking: bool = True
    """``enable_thinking: false`` or ``thinking: false`` in ``chat_template_kwargs`` leaves the reasoning out."""
    thinking_budget_field: str = "thinking_token_budget"
    """The field that limits the reasoning in tokens; empty if there is none."""
    null_content: bool = True
    """An answer that is cut while it reasons has null as content; otherwise an empty text."""
    limits_reasoning_models: bool = False
    """Models with the name of an OpenAI reasoning model refuse ``max_tokens``, ``stop`` and a temperature."""

    constraints: tuple[str, ...] = ("structured_outputs", "guided_choice", "grammar", "regex", "json_schema")
    """The ways to constrain an answer that the server knows; ``json_schema`` and ``regex_format`` are a
    ``response_format`` of type ``json_schema`` and ``regex``."""
    constrains_completions: bool = True
    """Completions take constraints, too."""
    responses: bool = True
    """There is ``/v1/responses``."""
    batches: bool = True
    """There are ``/v1/files`` and ``/v1/batches``."""
    lists_batches: bool = True
    """Files and batches can be listed."""
    cut_is_incomplete: bool = True
    """A response that its limit cuts has the status ``incomplete``; otherwise it is ``completed``."""
    typed_items: bool = False
    """An input item of the model's own is understood only where its ``type`` is given."""
    min_output_tokens: int = 1
    """The smallest ``max_output_tokens`` of a response."""

    requires_json_type: bool = True
    """A request without ``Content-Type: application/json`` is refused."""
    error_for_unknown_route: bool = False
    """An unknown route is answered with an error object in the shape of the other errors."""
    unknown_model: int = 404
    """The status for a model name that is not served; 200 serves it anyway."""
    unknown_fields: int = 200
    """The status for an unknown field."""
    validates_temperature: bool = True
    """A negative temperature is refused."""
    tokenize: Literal["", "vllm", "llamacpp", "llamacpp-python", "tgi"] = "vllm"
    """The tokenize and detokenize endpoints."""
    model_card: Literal["plain", "max_model_len", "meta"] = "max_model_len"
    """What ``/v1/models`` says about the context length."""


_DEFAULT = Profile()

_OTHER = Profile(
    constraints=(),
    batches=False,
    chooses_bos=False,
    prompt_logprobs=False,
    return_token_ids=False,
    refuses_no_messages=False,
    continuation_fields=False,
    chat_echo=False,
    stop_reason=False,
    empty_message_fields=(),
    requires_json_type=False,
    template_switches_thinking=False,
    thinking_budget_field="",
)
"""What servers other than vLLM have in common."""

_VLLM = Profile(
    name="vllm",
    batches=False,
    constraints=("structured_outputs", "json_schema"),
    shows_bos=True,
    offsets="cumulative",
    merges_colliding_texts=True,
    echo_fills_prompt_logprobs=True,
    token_ids_hide_echo=True,
    zero_max_tokens="echo-only",
    zero_counts_one=True,
    refuses_empty="always",
    cached_tokens="null",
)

_LLAMACPP_PYTHON = replace(
    _OTHER,
    name="llamacpp-python",
    responses=False,
    family="llamacpp-python",
    constraints=("grammar",),
    tools="ignored",
    requires_json_type=True,
    scores_first=False,
    counts_bos=True,
    shows_special=False,
    token_style="drop",
    offsets="cumulative",
    merges_colliding_texts=True,
    max_logprobs=None,
    zero_max_tokens="unlimited",
    chat_limit_fields=("max_tokens",),
    honours_n=False,
    prompt_lists="single",
    prompt_ids=False,
    refuses_empty="scoring",
    cached_tokens="absent",
    refusal_in_logprobs=True,
    refuses_no_prompt=False,
    unknown_model=200,
    validates_temperature=False,
    tokenize="llamacpp-python",
    model_card="plain",
    reasoning_field="",
)

_PROFILES = (
    _DEFAULT,
    replace(
        _OTHER,
        name="openai",
        batches=True,
        audio_formats=("wav", "mp3"),
        takes_media_urls=False,
        observed=False,
        family="openai",
        constraints=("json_schema",),
        refuses_no_messages=True,
        adds_bos=False,
        parses_special=False,
        token_style="escape",
        max_logprobs=5,
        max_stops=4,
        min_output_tokens=16,
        refusal_in_logprobs=True,
        empty_message_fields=("refusal", "annotations"),
        hides_reasoning=True,
        null_content=False,
        limits_reasoning_models=True,
        error_for_unknown_route=True,
        unknown_fields=400,
        tokenize="",
        model_card="plain",
        reasoning_field="",
    ),
    _VLLM,
    replace(_VLLM, name="vllm-nobos", adds_bos=False, shows_bos=False),
    replace(
        _OTHER,
        name="llamacpp",
        audio_formats=("wav", "mp3"),
        takes_media_urls=False,
        family="llamacpp",
        constraints=("grammar", "json_schema"),
        counts_bos=True,
        echo="ignored",
        completion_logprobs="content",
        max_logprobs=None,
        max_top_logprobs=None,
        zero_max_tokens="one",
        default_max_tokens=None,
        clamps_max_tokens=True,
        usage_of_first_prompt=True,
        continues_assistant="shown",
        null_chat_logprobs=False,
        logprobs_with_ids=True,
        null_content=False,
        error_for_unknown_route=True,
        unknown_model=200,
        validates_temperature=False,
        tokenize="llamacpp",
        model_card="meta",
        reasoning_field="reasoning_content",
        template_switches_thinking=True,
        thinking_budget_field="thinking_budget_tokens",
        cut_is_incomplete=False,
        typed_items=True,
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
    replace(
        _OTHER,
        name="transformers",
        responses=False,
        family="transformers",
        tools="ignored",
        counts_bos=True,
        echo="ignored",
        completion_logprobs="absent",
        chat_logprobs=False,
        zero_max_tokens="error",
        chat_limit_fields=("max_tokens",),
        clamps_max_tokens=True,
        checks_length=False,
        trims_stop=False,
        honours_n=False,
        honours_temperature=False,
        prompt_lists="no",
        prompt_ids=False,
        cached_tokens="absent",
        refuses_no_prompt=False,
        unknown_model=400,
        unknown_fields=422,
        validates_temperature=False,
        tokenize="",
        model_card="plain",
        reasoning_field="",
    ),
    replace(
        _OTHER,
        name="sglang",
        observed=False,
        family="sglang",
        constraints=("regex", "json_schema"),
        continuation_fields=True,
        shows_bos=True,
        token_style="replace",
        offsets="minus-one",
        always_lists_token=False,
        max_logprobs=None,
        max_top_logprobs=None,
        refuses_empty="always",
        cached_tokens="absent",
        unknown_model=200,
        tokenize="vllm",
        model_card="max_model_len",
        reasoning_field="reasoning_content",
        template_switches_thinking=True,
    ),
    replace(
        _OTHER,
        name="tgi",
        responses=False,
        observed=False,
        family="tgi",
        continues_assistant="hidden",
        constraints=("regex_format",),
        constrains_completions=False,
        counts_bos=True,
        echo="ignored",
        completion_logprobs="null",
        max_top_logprobs=5,
        zero_max_tokens="error",
        default_max_tokens=100,
        chat_limit_fields=("max_tokens",),
        honours_n=False,
        max_stops=4,
        prompt_ids=False,
        cached_tokens="absent",
        unknown_model=200,
        tokenize="tgi",
        model_card="plain",
        reasoning_field="",
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _PROFILES})
"""All profiles, by name."""


def get_profile(profile: str | Profile) -> Profile:
    """Find a profile.

    Args:
        profile: A name, or a profile, which is returned unchanged.

    Returns:
        The profile.

    Raises:
        UnknownNameError: No profile has this name.
    """
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise UnknownNameError("mock server profile", profile, PROFILES, f"There are: {', '.join(PROFILES)}.")
    return PROFILES[profile]
