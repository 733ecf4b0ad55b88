"""Generation settings: the names that mean the same, checks of their values, and what to tell a user about them."""

from __future__ import annotations

import contextlib
import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import SupportsFloat

from lm_eval.errors import ConfigError

__all__ = [
    "CONSTRAINED_TO",
    "LIMITS",
    "check_settings",
    "contradiction",
    "doubts",
    "merge_settings",
    "near_miss",
    "take_limit",
    "take_stops",
]

LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens", "max_output_tokens")
"""Names of the maximum number of tokens to generate; where several are given, the first of them counts."""
CONSTRAINED_TO = "constrained_to"
"""The setting that lists the only possible answers; a model class turns it into a field that its server knows."""
_STOPS = ("stop", "until")
_SAME = (LIMITS, _STOPS)
_WHOLE = {*LIMITS, "seed", "top_k"}
_RANGES = {
    **dict.fromkeys(LIMITS, (1, 2**31 - 1)),
    "seed": (-(2**63), 2**63 - 1),
    "top_k": (-1, math.inf),
    "temperature": (0, math.inf),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repetition_penalty": (0, math.inf),
    "presence_penalty": (-math.inf, math.inf),
    "frequency_penalty": (-math.inf, math.inf),
}
"""Settings that are numbers, with the smallest and the largest value."""
_REFUSED = {
    "model": "model= in model_args names the model",
    "prompt": "the task writes the prompt",
    "messages": "the task writes the messages",
}
_ONLY = {
    "n": (1, "repeats: in a task file asks a document several times"),
    "best_of": (1, "one answer is read for each request"),
    "stream": (False, "--stream, or stream=true in model_args, streams all answers"),
    "echo": (False, "the prompt would be scored as a part of the answer"),
}
"""Fields that change the form of an answer: the only value that is possible, and why."""
_OTHERS = """
do_sample min_tokens stop_token_ids include_stop_str_in_output ignore_eos skip_special_tokens bad_words
spaces_between_special_tokens add_special_tokens truncate_prompt_tokens length_penalty num_beams early_stopping
no_repeat_ngram_size use_beam_search top_a typical_p tfs_z top_n_sigma repeat_penalty repeat_last_n mirostat
mirostat_tau mirostat_eta dynatemp_range dynatemp_exponent xtc_probability xtc_threshold dry_multiplier dry_base
dry_allowed_length grammar json_schema samplers cache_prompt id_slot n_probs logit_bias logprobs top_logprobs
response_format structured_outputs guided_json guided_regex guided_choice guided_grammar regex ebnf tools tool_choice
parallel_tool_calls chat_template chat_template_kwargs chat_template_args enable_thinking thinking reasoning
reasoning_effort include_reasoning verbosity user metadata store service_tier suffix priority extra_body provider
transforms models safe_prompt random_seed
"""
"""Settings of the servers that are often used, which are no misspellings."""
_KNOWN = {CONSTRAINED_TO, *LIMITS, *_STOPS, *_RANGES, *_ONLY, *_OTHERS.split()}
_EXPONENT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")


def check_settings(given: Mapping[str, object]) -> dict[str, object]:
    """Convert generation settings to their types.

    Args:
        given: The settings of a task file or of a user. None leaves a field out of the request.

    Returns:
        The settings. Numbers that are written as text, such as YAML's ``5e-2``, are numbers.

    Raises:
        ConfigError: A value is impossible, or a field is not for the user to set.
    """
    found: dict[str, object] = {}
    for key, value in given.items():
        if key in _REFUSED:
            raise ConfigError(f"{key!r} cannot be set here: {_REFUSED[key]}.")
        if key in _ONLY and value is not None and value != _ONLY[key][0]:
            raise ConfigError(f"{key}={value!r} is not possible: {_ONLY[key][1]}.")
        found[key] = None if value is None else _checked(key, value)
    return found


def _checked(key: str, value: object) -> object:
    if key in _RANGES:
        return _number(key, value)
    if key in _STOPS:
        stops = value if isinstance(value, (list, tuple)) else [value]
        if not all(isinstance(stop, str) for stop in stops):
            raise ConfigError(f"{key} takes a text or a list of texts, not {value!r}; a number or yes/no needs quotes.")
        return list(stops) if isinstance(value, tuple) else value
    if key == "do_sample":
        if isinstance(value, bool):
            return value
        raise ConfigError(f"do_sample takes true or false, not {value!r}.")
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        value = float(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ConfigError(f"{key} cannot be sent: {str(value)[:60]!r} is no JSON value.") from None
    return value


def _number(key: str, value: object) -> int | float:
    low, high = _RANGES[key]
    number = math.nan
    if isinstance(value, (str, SupportsFloat)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    whole = key in _WHOLE
    if not math.isfinite(number) or not low <= number <= high or (whole and not number.is_integer()):
        kind = "a whole number" if whole else "a number"
        limits = "" if low == -math.inf else f" from {low}" if high == math.inf else f" from {low} to {high}"
        raise ConfigError(f"{key} takes {kind}{limits}, not {str(value)[:60]!r}.")
    if not whole:
        return value if isinstance(value, int | float) else number
    return value if isinstance(value, int) else int(number)


def contradiction(settings: Mapping[str, object]) -> str | None:
    """Return a sentence about two names for the same setting that have different values, or None.

    Args:
        settings: Generation settings.
    """
    for names in _SAME:
        given = [name for name in names if name in settings]
        if any(settings[name] != settings[given[0]] for name in given):
            return f"{' and '.join(given)} mean the same, and their values differ."
    return None


def merge_settings(task: Mapping[str, object], user: Mapping[str, object]) -> dict[str, object]:
    """Put the settings of a user over those of a task.

    Args:
        task: The settings of the task.
        user: The settings of the user. A limit or stop strings replace those of the task, under the task's name.

    Returns:
        All settings.
    """
    merged = dict(task)
    for key, value in user.items():
        same = next((names for names in _SAME if key in names), (key,))
        known = [name for name in same if name in merged]
        for name in known[1:]:
            del merged[name]
        merged[known[0] if known else key] = value
    return merged


def take_limit(settings: dict[str, object], default: int) -> int | None:
    """Remove the maximum number of tokens from settings, under all its names.

    Args:
        settings: The settings; they are changed.
        default: The maximum if the settings have none.

    Returns:
        The maximum; None if the settings say none, which sends no limit.
    """
    given = [settings.pop(name) for name in LIMITS if name in settings]
    values = [value for value in given if value is not None]
    if not values:
        return None if given else default
    limit = check_settings({"max_gen_toks": values[0]})["max_gen_toks"]
    return limit if isinstance(limit, int) else default


def take_stops(settings: dict[str, object]) -> object:
    """Remove the stop strings from settings, under both their names; ``stop`` counts before ``until``.

    Args:
        settings: The settings; they are changed.

    Returns:
        A text, a list of texts, or None.
    """
    given = [settings.pop(name) for name in _STOPS if name in settings]
    return given[0] if given else None


def near_miss(key: str) -> str | None:
    """Return the known setting that a name is a misspelling of.

    Args:
        key: The name.

    Returns:
        The known name; None for a known name, and for one that is not similar to any.
    """
    if key in _KNOWN:
        return None
    close = difflib.get_close_matches(key.lower().replace("-", "_"), _KNOWN, n=1, cutoff=0.8)
    return close[0] if close else None


def doubts(user: Mapping[str, object], tasks: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Find settings that may not do what their writer wants.

    Args:
        user: The settings of the user.
        tasks: Task name to its settings, those of the user included.

    Yields:
        A sentence or two for each.
    """
    for key in user:
        if near := near_miss(key):
            yield f"gen_kwargs: {key!r} is no known setting, and is sent as it is. Did you mean {near!r}?"
    for key in _STOPS:
        stops = user.get(key)
        if any("\\n" in stop for stop in (stops if isinstance(stops, list) else [stops]) if isinstance(stop, str)):
            yield f'gen_kwargs: {key} has a backslash and an n, not a line break. Quotes make it one: {key}="\\n".'
    for name, settings in tasks.items():
        for key in settings:
            if key not in user and (near := near_miss(key)):
                yield f"Task {name}: {key!r} in generation_kwargs is no known setting. Did you mean {near!r}?"
        if said := contradiction(settings):
            yield f"Task {name}: {said} The first is used."
    greedy = [name for name, settings in tasks.items() if settings.get("do_sample") is True and _is_greedy(settings)]
    if greedy:
        names = ", ".join(greedy[:3]) + (f" and {len(greedy) - 3} more" if len(greedy) > 3 else "")
        yield f"do_sample=true has no effect on {names}: temperature is 0. Give one, such as temperature=0.7."


def _is_greedy(settings: Mapping[str, object]) -> bool:
    temperature = settings.get("temperature", 0)
    return temperature is not None and temperature == 0
