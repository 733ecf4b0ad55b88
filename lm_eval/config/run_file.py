"""Read and write a run's options as a file; reading names all faults of the file at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lm_eval.config.options import Mark
from lm_eval.config.redact import redact, remember
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError, ConfigFileError

if TYPE_CHECKING:
    import yaml

_Resolver = TypeVar("_Resolver", "yaml.SafeLoader", "yaml.SafeDumper")

__all__ = ["Check", "config_text", "load_config_file", "save_config_file"]

Keys = tuple[str, ...]
"""The keys that lead to a place in a file, from the outermost one."""
Check = Callable[[Mapping[str, object]], Iterable[tuple[Keys, str]]]
"""Takes a file's options; yields the keys that lead to a fault, and what is wrong."""

# YAML 1.1 reads 1e-5 as text; everyone who writes it means the number.
_EXPONENT = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")


def load_config_file(path: str | Path, check: Check | None = None) -> dict[str, object]:
    """Read the options in a YAML or JSON file.

    Args:
        path: The file.
        check: Finds faults inside the value of an option.

    Returns:
        Option name to value, as the file gives it.

    Raises:
        ConfigFileError: The file cannot be read, is no mapping, or has unknown keys or values of a wrong type. The
            error names all of them, with their lines.
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
    remember(found)
    faults = [*twice, *(((str(name),), said) for name, said in RunSettings.faults(found))]
    broken = {keys[0] for keys, _ in faults}
    if check is not None:
        faults += check({name: value for name, value in found.items() if name not in broken})
    if faults:
        placed = sorted((lines.get(keys, 0), said) for keys, said in faults)
        raise ConfigFileError([f"{path}{f':{line}' if line else ''}: {said}" for line, said in placed])
    return found


def _parse(path: str, text: str) -> tuple[object, dict[Keys, int], list[tuple[Keys, str]]]:
    """Return a file's value, the lines of its keys, and the faults of keys it has twice."""
    import yaml

    is_json = path.endswith(".json") or text.lstrip().startswith("{")
    found: object = None
    if is_json:
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            if path.endswith(".json"):
                raise ConfigFileError([f"{path}:{error.lineno}: not valid JSON: {error.msg}."]) from None
            is_json = False
    try:
        loader = _reads_exponents(yaml.SafeLoader)(text)
        try:
            node = loader.get_single_node()
            if not is_json:
                found = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        if is_json:  # valid JSON, but no YAML: for example indented with tabs
            return found, {}, []
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ConfigFileError([f"{path}{where}: not valid YAML: {said}."]) from None
    lines: dict[Keys, int] = {}
    twice = []
    for keys, line in _keys(node):
        if keys in lines:
            twice.append((keys, f"{'.'.join(keys)!r} is given twice, also in line {lines[keys]}."))
        lines[keys] = line
    return found, lines, twice


def _keys(node: yaml.Node | None, above: Keys = ()) -> Iterator[tuple[Keys, int]]:
    """Go through the keys of a file and of the mappings in it, with their lines."""
    import yaml

    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        keys = (*above, str(key.value))
        yield keys, key.start_mark.line + 1
        if len(keys) < 2:
            yield from _keys(value, keys)


def _reads_exponents(kind: type[_Resolver]) -> type[_Resolver]:
    """Return a YAML loader or dumper for which 1e-5 is a number."""
    changed: type[_Resolver] = type(kind.__name__, (kind,), {})
    changed.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))
    return changed


def save_config_file(settings: RunSettings, path: str | Path) -> None:
    """Write settings as a file for ``--config``: those that differ from their defaults, without secrets.

    Args:
        settings: The settings.
        path: The file. A comment in it names each secret that is left out, and where to give it instead.

    Raises:
        ConfigError: The file cannot be written, or a value cannot be written as YAML.
    """
    text, _ = config_text(settings)
    try:
        Path(path).expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--save_config: cannot write {str(path)!r}: {error.strerror}.") from None


def config_text(settings: RunSettings) -> tuple[str, list[str]]:
    """Return settings as the text of a file for ``--config``; see ``save_config_file``.

    Args:
        settings: The settings.

    Returns:
        The text, and the name of each secret that is left out, such as ``model_args.auth_token``.

    Raises:
        ConfigError: A value cannot be written as YAML.
    """
    default = type(settings)()
    parts, secrets = ["# Repeats a run: lm_eval run --config THIS_FILE\n"], []
    for name, option in settings.options().items():
        value = getattr(settings, name)
        if value == getattr(default, name) or Mark.ONCE in option.marks:
            continue
        left_out: list[str] = []
        kept = _without_secrets(value, redact(value, name), name, left_out)
        for key in left_out:
            advice = "a header may be env:NAME, the name of a variable" if ".header" in key else option.secrets_from
            parts.append(f"# {key} is left out, as it holds a secret{f'; {advice}' if advice else ''}.\n")
        secrets += left_out
        if kept is not None:
            parts.append(_dump({name: kept}))
    return "".join(parts), secrets


def _without_secrets(value: object, masked: object, name: str, left_out: list[str]) -> object:
    """Return a value without the parts that ``redact`` masks; None for a value that is a secret itself."""
    if value == masked:
        return value
    if isinstance(value, dict) and isinstance(masked, dict):
        pairs = {key: _without_secrets(item, masked[key], f"{name}.{key}", left_out) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not None or value[key] is None}
    if isinstance(value, list) and isinstance(masked, list) and all(isinstance(item, dict) for item in value):
        return [
            _without_secrets(item, masked[number], f"{name}.{number}", left_out) for number, item in enumerate(value)
        ]
    left_out.append(name)
    return None


def _dump(value: Mapping[str, object]) -> str:
    import yaml

    dumper = _reads_exponents(yaml.SafeDumper)
    dumper.add_representer(tuple, yaml.SafeDumper.represent_list)
    try:
        return yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000)
    except yaml.YAMLError as error:
        raise ConfigError(f"--save_config: {next(iter(value))} cannot be written as YAML: {error}") from None
