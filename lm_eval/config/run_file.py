"""A run's options in a file: read with all its faults at once, and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from lm_eval.config.run import RunConfig, faults_of
from lm_eval.errors import ConfigError, ConfigFileError

__all__ = ["Check", "config_text", "load_config_file"]

Check = Callable[[Mapping[str, Any]], Iterable[tuple[tuple[str, ...], str]]]
"""Takes a file's options; yields the keys that lead to a fault, and what is wrong."""

_Lines = dict[tuple[str, ...], int]
# YAML 1.1 takes 1e-5 for text; everyone who writes it means the number.
_EXPONENT = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
_NOT_SAVED = {"dry_run", "save_config"}
_KEYS_FROM = {
    "model_args": "OPENAI_API_KEY holds the endpoint's key",
    "wandb_args": "WANDB_API_KEY holds the key of wandb",
    "wandb_config_args": "WANDB_API_KEY holds the key of wandb",
    "trackio_args": "HF_TOKEN holds the Hub's token",
    "mlflow_args": "MLFLOW_TRACKING_TOKEN holds the token of MLflow",
    "hf_hub_log_args": "HF_TOKEN holds the Hub's token",
}


def load_config_file(path: str | Path, check: Check | None = None) -> dict[str, Any]:
    """Read the options in a YAML or JSON file.

    Args:
        path: The file.
        check: Looks at what is inside an option's value.

    Returns:
        Option name to value, as the file gives it.

    Raises:
        ConfigFileError: The file cannot be read, is no mapping, or has keys or values that cannot be used; all of
            them are named, with their lines.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigFileError([f"--config: cannot read {str(path)!r}: {error.strerror}."]) from None
    except UnicodeDecodeError as error:
        raise ConfigFileError([f"{path}: not UTF-8 text: {error.reason} at byte {error.start}."]) from None
    found, lines, twice = _parse(str(path), text)
    if not isinstance(found, dict):
        raise ConfigFileError([f"{path}: must hold options as 'name: value' lines."])
    faults = [*twice, *(((str(name),), said) for name, said in faults_of(found))]
    broken = {keys[0] for keys, _ in faults}
    if check is not None:
        faults += check({name: value for name, value in found.items() if name not in broken})
    if faults:
        placed = sorted((lines.get(keys, 0), said) for keys, said in faults)
        raise ConfigFileError([f"{path}{f':{line}' if line else ''}: {said}" for line, said in placed])
    return found


def _parse(path: str, text: str) -> tuple[Any, _Lines, list[tuple[tuple[str, ...], str]]]:
    """Return a file's value, the lines of its keys, and the keys it has twice."""
    import yaml

    is_json = path.endswith(".json") or text.lstrip().startswith("{")
    found: Any = None
    if is_json:
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            if path.endswith(".json"):
                raise ConfigFileError([f"{path}:{error.lineno}: not valid JSON: {error.msg}."]) from None
            is_json = False
    try:
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            if not is_json:
                found = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        if is_json:  # JSON that is no YAML, such as one indented with tabs
            return found, {}, []
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ConfigFileError([f"{path}{where}: not valid YAML: {said}."]) from None
    lines: _Lines = {}
    twice = []
    for keys, line in _keys(node):
        if keys in lines:
            twice.append((keys, f"{'.'.join(keys)!r} is given twice, also in line {lines[keys]}."))
        lines[keys] = line
    return found, lines, twice


def _keys(node: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    import yaml

    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        keys = (*above, str(key.value))
        yield keys, key.start_mark.line + 1
        if len(keys) < 2:
            yield from _keys(value, keys)


def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))
    return Loader


def config_text(config: RunConfig, redact: Callable[[Any, str], Any]) -> str:
    """Write a run's options as a file for ``--config``.

    Args:
        config: The options.
        redact: Takes a value and its name, and returns it with ``***`` for each secret.

    Returns:
        YAML with the options that differ from their defaults. Secrets are left out, with a comment.
    """
    parts = ["# Repeats a run: lm_eval run --config THIS_FILE\n"]
    for item in fields(config):
        value = getattr(config, item.name)
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        if value == default or item.name in _NOT_SAVED:
            continue
        left_out: list[str] = []
        kept = _without_secrets(_plain(value), redact(_plain(value), item.name), item.name, left_out)
        advice = _KEYS_FROM.get(item.name)
        for name in left_out:
            parts.append(f"# {name} is left out, as it holds a secret{f'; {advice}' if advice else ''}.\n")
        if kept is not None:
            parts.append(_dump({item.name: kept}))
    return "".join(parts)


def _without_secrets(value: Any, masked: Any, name: str, left_out: list[str]) -> Any:
    """Leave out what differs once secrets are masked; None for a value that is one."""
    if value == masked:
        return value
    if isinstance(value, dict) and isinstance(masked, dict):
        pairs = {key: _without_secrets(item, masked[key], f"{name}.{key}", left_out) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not None or value[key] is None}
    left_out.append(name)
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _dump(value: Mapping[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))
    try:
        return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)
    except yaml.YAMLError as error:
        raise ConfigError(f"--save_config: {next(iter(value))} cannot be written as YAML: {error}") from None
