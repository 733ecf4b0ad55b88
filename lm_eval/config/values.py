"""Turn the value that is given for a setting into a value of its type.

Each function takes the setting's name, for its message, and the value: a string from a command line, anything from
YAML or from Python. A value that cannot be used raises ``ConfigError`` with a message of one line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import SupportsFloat, SupportsIndex

from lm_eval.config.batch import read_kind
from lm_eval.config.generation import check_settings, contradiction, near_miss
from lm_eval.config.pairs import read_pairs
from lm_eval.config.redact import redact
from lm_eval.config.shard import MAX_SHARDS, Shard
from lm_eval.errors import ConfigError

SEEDS: dict[str, int | None] = {
    "random_seed": 0,
    "numpy_random_seed": 1234,
    "torch_random_seed": 1234,
    "fewshot_random_seed": 1234,
}
"""The arguments of ``simple_evaluate`` that hold the four seeds, with their defaults."""

SANDBOXES = ("strict", "available", "docker", "podman")
"""The kinds of sandbox for code that a model wrote; the last two take an image after a colon."""

_LAST_PORT = 2**16 - 1
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def _wrong(name: str, wanted: str, value: object) -> ConfigError:
    return ConfigError(f"{name} takes {wanted}, not {redact(value, name)!r}.")


def text(name: str, value: object) -> str:
    """Read a string; a number becomes its digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Path):
        raise _wrong(name, "text", value)
    return str(value)


def boolean(name: str, value: object) -> bool:
    """Read true or false; also yes/no, on/off, 1/0."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise _wrong(name, "true or false", value)


def sandbox(name: str, value: object) -> str:
    """Read a kind of sandbox for code that a model wrote."""
    found = text(name, value)
    kind, colon, image = found.partition(":")
    if (kind in SANDBOXES[2:] and bool(colon) == bool(image)) or found in SANDBOXES[:2]:
        return found
    raise _wrong(name, "strict, available, docker, podman, docker:IMAGE or podman:IMAGE", value)


def number(name: str, value: object) -> float:
    """Read a number."""
    if isinstance(value, str | SupportsFloat) and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise _wrong(name, "a number", value)


def batch(name: str, value: object) -> str:
    """Read how requests are asked in batches: ``openai`` or ``file:DIR``."""
    return read_kind(text(name, value))


def seconds(name: str, value: object) -> float:
    """Read a number of seconds, 0 or more."""
    found = number(name, value)
    if not 0 <= found < float("inf"):
        raise _wrong(name, "a number of seconds, 0 or more", value)
    return found


def positive(name: str, value: object) -> float:
    """Read a number above 0."""
    found = number(name, value)
    if not 0 < found < float("inf"):
        raise _wrong(name, "a number above 0", value)
    return found


def count(name: str, value: object) -> int:
    """Read a whole number from 1 on."""
    found = integer(name, value)
    if found < 1:
        raise _wrong(name, "a whole number from 1 on", value)
    return found


def integer(name: str, value: object) -> int:
    """Read a whole number that is not negative."""
    try:
        found = number(name, value)
    except ConfigError:
        raise _wrong(name, "a whole number", value) from None
    if found < 0 or not found.is_integer():
        raise _wrong(name, "a whole number, 0 or more", value)
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else int(found)


def port(name: str, value: object) -> int:
    """Read the number of a port; 0 stands for a free one."""
    found = integer(name, value)
    if found > _LAST_PORT:
        raise _wrong(name, f"a whole number from 0 to {_LAST_PORT}", value)
    return found


def batch_size(name: str, value: object) -> int | str:
    """Read a number of prompts; ``auto`` and ``auto:4``, as the reference harness takes them, mean one prompt."""
    if isinstance(value, str) and value.partition(":")[0] == "auto":
        return value
    found = integer(name, value)
    if found < 1:
        raise _wrong(name, "a whole number from 1 on, or auto", value)
    return found


def limit(name: str, value: object) -> int | float:
    """Read a positive number of documents, or a fraction of them below 1."""
    found = number(name, value)
    if 0 < found < 1:
        return found
    if found >= 1 and found.is_integer():
        return int(found)
    raise _wrong(name, "a whole number of documents, or a fraction between 0 and 1", value)


def max_errors(name: str, value: object) -> int | float:
    """Read a number of documents, or a fraction of them below 1."""
    return 0 if number(name, value) == 0 else limit(name, value)


def names(name: str, value: object) -> list[str]:
    """Read names, separated by commas or as a list."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str) for item in items):
        raise _wrong(name, "a list of names", value)
    return [part.strip() for item in items for part in item.split(",") if part.strip()]


def tasks(name: str, value: object) -> list[object]:
    """Read task names, separated by commas or as a list; a list may also hold mappings and, in Python, objects."""
    items = list(value) if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else [value]
    found: list[object] = []
    for item in items:
        if item is None or isinstance(item, int | float | date | list):
            raise _wrong(name, "a list of task names", value)
        is_names = isinstance(item, str) and not _exists(item)
        found += names(name, item) if is_names else [dict(item) if isinstance(item, Mapping) else item]
    return found


def _exists(path: str | Path) -> bool:
    """Whether there is such a path; not for a text that is too long for one, or has a null character."""
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def paths(name: str, value: object) -> list[str]:
    """Read folders, as a list or joined as in ``PATH``; each must exist."""
    items = [value] if isinstance(value, str | Path) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str | Path) for item in items):
        raise _wrong(name, "a folder or a list of folders", value)
    found = []
    for item in map(str, items):
        found += [item] if _exists(item) else [part for part in item.split(os.pathsep) if part]
    for item in found:
        if not _exists(item):
            raise ConfigError(f"{name}: there is no folder {item!r}.")
    return [str(Path(item).expanduser()) for item in found]


def folder(name: str, value: object) -> str:
    """Read one folder, which must exist."""
    if not isinstance(value, str | Path) or not _exists(value) or not Path(value).expanduser().is_dir():
        raise ConfigError(f"{name}: there is no folder {str(value)!r}.")
    return str(Path(value).expanduser())


def arguments(name: str, value: object) -> dict[str, object]:
    """Read a mapping: YAML, JSON, ``a=1,b=2``, or several of these words."""
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        raise _wrong(name, "key=value pairs", value)
    found: dict[str, object] = {}
    for word in words:
        found |= read_pairs(name, word)
    return found


def several_arguments(name: str, value: object) -> list[dict[str, object]]:
    """Read one mapping as ``arguments``, or a list with one for each of several models."""
    if isinstance(value, Mapping | str):
        return [arguments(name, value)]
    if not isinstance(value, Sequence):
        raise _wrong(name, "key=value pairs, or a list of them", value)
    return [arguments(name, item) for item in value]


def file(name: str, value: object) -> str:
    """Read one file, which must exist."""
    if not isinstance(value, str | Path) or not _exists(value) or not Path(value).expanduser().is_file():
        raise ConfigError(f"{name}: there is no file {str(value)!r}.")
    return str(Path(value).expanduser())


def saved_run(name: str, value: object) -> str:
    """Read the folder or results file of a saved run, which must exist."""
    if not isinstance(value, str | Path) or not _exists(value):
        raise ConfigError(f"{name}: there is no folder or file {str(value)!r}.")
    return str(Path(value).expanduser())


def generation(name: str, value: object) -> dict[str, object]:
    """Read generation settings, as ``arguments``; a misspelt name in key=value pairs is refused."""
    words = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    pairs = [word for word in words if isinstance(word, str) and not word.lstrip().startswith("{")]
    for key in arguments(name, pairs):
        if near := near_miss(key):
            raise ConfigError(
                f"{name}: {key!r} is no known setting. Did you mean {near!r}? As JSON it is sent as it is: "
                f"'{{\"{key}\": ...}}'."
            )
    try:
        found = check_settings(arguments(name, value))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    if said := contradiction(found):
        raise ConfigError(f"{name}: {said}")
    return found


def shard(name: str, value: object) -> str:
    """Read a part of a run: ``i/n`` with i from 0, or ``auto``."""
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    if isinstance(value, str | Shard):
        return str(Shard.read(str(value)))
    raise _wrong(name, "i/n such as 0/16, or auto", value)


def distribution(name: str, value: object) -> str:
    """Read where the processes of a run are started: ``local:N``, ``ray`` or ``ray://HOST:PORT``."""
    found = text(name, value).strip()
    kind, colon, rest = found.partition(":")
    if kind == "local" and rest.isdecimal() and 1 <= int(rest) <= MAX_SHARDS:
        return found
    if kind == "ray" and bool(colon) == bool(rest.strip("/")):
        return found
    raise _wrong(name, "local:N with a number of processes, ray, or ray://HOST:PORT", value)


def shard_count(name: str, value: object) -> int:
    """Read a number of shards."""
    found = integer(name, value)
    if not 1 <= found <= MAX_SHARDS:
        raise _wrong(name, f"a number from 1 to {MAX_SHARDS}", value)
    return found


def sample_format(name: str, value: object) -> str:
    """Read the format of saved samples; the word is also the suffix of their files."""
    if value in ("jsonl", "parquet"):
        return str(value)
    raise _wrong(name, "jsonl or parquet", value)


def samples(name: str, value: object) -> dict[str, list[int]]:
    """Read ``{task: [document ids]}``: a mapping, JSON, or the path of a JSON file."""
    if isinstance(value, str):
        source = value
        if not value.lstrip().startswith("{"):
            try:
                source = Path(value).expanduser().read_text(encoding="utf-8")
            except OSError as error:
                raise ConfigError(f"{name}: cannot read {value!r}: {error.strerror}.") from None
        try:
            value = json.loads(source)
        except ValueError as error:
            raise ConfigError(f"{name} is not valid JSON: {error}.") from None
    if not isinstance(value, Mapping):
        raise _wrong(name, 'a mapping such as {"task": [0, 5]}', value)
    return {str(task): _doc_ids(name, task, ids) for task, ids in value.items()}


def _doc_ids(name: str, task: object, ids: object) -> list[int]:
    items = list(ids) if isinstance(ids, Iterable) else [None]
    found = [int(item) for item in items if isinstance(item, SupportsIndex) and not isinstance(item, bool)]
    if not items or len(found) < len(items) or any(doc_id < 0 for doc_id in found):
        raise ConfigError(f"{name}: the document ids of {task!r} must be a list of whole numbers.")
    return found


def seeds(name: str, value: object) -> tuple[int | None, ...]:
    """Read one seed for all, or four: python, numpy, torch, few-shot; None leaves one unset, 1,2,3 the last at 1234.

    A mapping holds some of ``SEEDS``, as ``simple_evaluate`` takes them.
    """
    if isinstance(value, Mapping):
        value = list({**SEEDS, **value}.values())
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, Sequence) else [value]
    found = tuple(
        None if part is None or str(part).strip().lower() == "none" else integer(name, part) for part in parts
    )
    if any(part is not None and part >= 2**32 for part in found):
        raise _wrong(name, "whole numbers below 4294967296", value)
    if len(found) == 1:
        return found * 4
    if len(found) == 3:  # the fourth seed is newer than the other three
        return (*found, SEEDS["fewshot_random_seed"])
    if len(found) == 4:
        return found
    raise _wrong(name, "one seed, or four: python,numpy,torch,fewshot", value)


def chat_template(name: str, value: object) -> bool | str:
    """Read on, off or the name of a template."""
    return value if isinstance(value, bool) else text(name, value)


def cache_requests(name: str, value: object) -> str:
    """Read ``true``, ``refresh`` or ``delete``; or a mapping of these to true or false, as in older config files."""
    if isinstance(value, Mapping):
        asked = [str(key) for key, on in value.items() if on]
        words = {"delete_requests_cache": "delete", "rewrite_requests_cache": "refresh", "cache_requests": "true"}
        value = next((word for key, word in words.items() if key in asked), "false")
    word = str(value).strip().lower()
    if word not in {"true", "false", "refresh", "delete"}:
        raise _wrong(name, "true, refresh or delete", value)
    return word
