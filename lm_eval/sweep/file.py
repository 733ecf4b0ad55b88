"""Reads the file of a sweep, and makes a cell of each combination of a model, tasks and settings."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lm_eval.config.redact import remember
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["Cell", "Sweep", "read_sweep"]

_PARTS = ("models", "tasks", "settings", "exclude")
_SHORT = ("format", "temperature")
"""Settings that are none of a run: the format in the names of tasks, and ``gen_kwargs.temperature``."""
_MERGED = ("model_args", "gen_kwargs", "metadata")
"""Options whose values are merged key by key."""
_OF_CELL = ("tasks", "output_path", "dry_run", "save_config", "shard")
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a sweep.

    Attributes:
        model: The name of the model in the file.
        tasks: The tasks, as the file writes them.
        settings: The settings of the cell, as the file writes them.
        options: The options of the run.
        folder: Where its results go.
        endpoint: What it asks; cells with the same endpoint run one after the other.
    """

    model: str
    tasks: str
    settings: Mapping[str, object]
    options: Mapping[str, object]
    folder: Path
    endpoint: str

    @property
    def name(self) -> str:
        """How messages name the cell."""
        return " ".join([self.model, self.tasks, *_words(self.settings)])


@dataclass(frozen=True, slots=True)
class Sweep:
    """The runs of a file.

    Attributes:
        path: The file.
        folder: Where all results go.
        cells: One per combination that is not excluded, in the order of the file.
    """

    path: Path
    folder: Path
    cells: Sequence[Cell]


def read_sweep(path: Path, output_path: str | None = None) -> Sweep:
    """Read the file of a sweep.

    Args:
        path: A YAML or JSON file with ``models``, ``tasks``, ``settings``, ``exclude`` and options of all runs.
        output_path: The folder of the results, instead of the one in the file.

    Returns:
        The sweep.

    Raises:
        ConfigError: The file cannot be read, or a part of it cannot be used.
    """
    given = _read(path)
    remember(given)
    common = {name: value for name, value in given.items() if name not in _PARTS}
    if output_path is not None:
        common["output_path"] = output_path
    folder = common.pop("output_path", None)
    if not isinstance(folder, str) or not folder:
        raise ConfigError(f"{path}: output_path is missing; it names the folder of all results.")
    _check_names(path, "the top of the file", common, _PARTS)
    models = _models(path, given.get("models"))
    tasks = _tasks(path, given.get("tasks"))
    settings = _settings(path, given.get("settings"))
    excluded = _exclusions(path, given.get("exclude"))
    cells = [
        _cell(path, Path(folder).expanduser(), common, model, options, listed, chosen)
        for (model, options), listed, chosen in itertools.product(models.items(), tasks, settings)
    ]
    left = [cell for cell in cells if not any(_matches(rule, cell) for rule in excluded)]
    for rule in excluded:
        if not any(_matches(rule, cell) for cell in cells):
            raise ConfigError(f"{path}: exclude {json.dumps(rule)} matches none of the {len(cells)} runs.")
    if not left:
        raise ConfigError(f"{path}: exclude leaves no run.")
    for one, other in itertools.combinations(left, 2):
        if one.folder == other.folder:
            raise ConfigError(f"{path}: {one.name} is there twice.")
    return Sweep(path, Path(folder).expanduser(), left)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ConfigError(f"{path}: a sweep holds models, tasks, settings and options as 'name: value' lines.")
    return found


def _check_names(path: Path, where: str, given: Mapping[str, object], more: Sequence[str] = ()) -> None:
    known = [*RunSettings.command_line(), *more]
    for name in given:
        if name in _OF_CELL:
            raise ConfigError(f"{path}: {name} in {where} has no place: a sweep sets it for each run.")
        if name not in known:
            raise ConfigError(f"{path}: unknown option {name!r} in {where}.{did_you_mean(str(name), known)}")


def _models(path: Path, given: object) -> dict[str, Mapping[str, object]]:
    if not isinstance(given, Mapping) or not given:
        raise ConfigError(f"{path}: models is missing: names, each with the options of a model (model, model_args).")
    found: dict[str, Mapping[str, object]] = {}
    for name, options in given.items():
        if not isinstance(options, Mapping):
            raise ConfigError(f"{path}: model {name!r} needs options, such as model_args.")
        _check_names(path, f"model {name!r}", options)
        found[str(name)] = options
    return found


def _tasks(path: Path, given: object) -> list[list[str]]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed:
        raise ConfigError(f"{path}: tasks is missing: a list of tasks; a list within it is one run.")
    found = [[item] if isinstance(item, str) else item for item in listed]
    if not all(isinstance(item, list) and item and all(isinstance(name, str) for name in item) for item in found):
        raise ConfigError(f"{path}: tasks holds names of tasks, or lists of names.")
    return [[name for item in group for name in item.split(",") if name] for group in found]


def _settings(path: Path, given: object) -> list[Mapping[str, object]]:
    """Return the settings of each column: those of a list, or the product of a mapping."""
    if given is None:
        return [{}]
    if isinstance(given, Mapping):
        _check_names(path, "settings", given, _SHORT)
        values = [value if isinstance(value, list) else [value] for value in given.values()]
        if not all(values):
            raise ConfigError(f"{path}: a setting without values leaves no run.")
        return [dict(zip(given, chosen, strict=True)) for chosen in itertools.product(*values)]
    if not isinstance(given, list) or not given or not all(isinstance(item, Mapping) for item in given):
        raise ConfigError(f"{path}: settings is a mapping from options to lists of values, or a list of mappings.")
    for item in given:
        _check_names(path, "settings", item, _SHORT)
    return list(given)


def _exclusions(path: Path, given: object) -> list[Mapping[str, object]]:
    listed = [] if given is None else [given] if isinstance(given, Mapping) else given
    if not isinstance(listed, list) or not all(isinstance(rule, Mapping) and rule for rule in listed):
        raise ConfigError(f"{path}: exclude is a list of mappings, such as {{model: tiny, tasks: 'mmlu*'}}.")
    for rule in listed:
        _check_names(path, "exclude", {key: rule[key] for key in rule if key not in ("model", "tasks")}, _SHORT)
    return listed


def _matches(rule: Mapping[str, object], cell: Cell) -> bool:
    return all(
        any(
            fnmatchcase(getattr(cell, key), str(pattern))
            if key in ("model", "tasks")
            else key in cell.settings and cell.settings[key] == pattern
            for pattern in (wanted if isinstance(wanted, list) else [wanted])
        )
        for key, wanted in rule.items()
    )


def _cell(
    path: Path,
    folder: Path,
    common: Mapping[str, object],
    model: str,
    of_model: Mapping[str, object],
    tasks: Sequence[str],
    settings: Mapping[str, object],
) -> Cell:
    chosen = {key: value for key, value in settings.items() if key not in _SHORT}
    if "temperature" in settings:
        chosen["gen_kwargs"] = _mapping("gen_kwargs", chosen.get("gen_kwargs")) | {
            "temperature": settings["temperature"]
        }
    wanted = settings.get("format")
    names = [name if wanted is None or "@" in name else f"{name}@{wanted}" for name in tasks]
    options: dict[str, Any] = {}
    for layer in (common, of_model, chosen):
        for key, value in layer.items():
            merged = {**options[key], **_mapping(key, value)} if key in _MERGED and key in options else None
            options[key] = (_mapping(key, value) if key in _MERGED else value) if merged is None else merged
    shown, words = "+".join(names), "__".join(_words(settings))
    place = folder / _safe(model) / _safe("__".join([shown, words] if words else [shown]))
    options |= {"tasks": names, "output_path": str(place)}
    for _, fault in RunSettings.faults(options):
        raise ConfigError(f"{path}: {model}, {shown}: {fault}")
    read = RunSettings.from_mapping(options)
    read.check_command()
    endpoint = json.dumps(read.model_args.get("base_url") or [read.model, model], default=str)
    return Cell(model, shown, settings, options, place, endpoint)


def _mapping(name: str, value: object) -> dict[str, Any]:
    """Return the keys of an option that may be written as text, such as ``model=m,base_url=…``."""
    converted = RunSettings.options()[name].convert(name, value) if value is not None else {}
    assert isinstance(converted, dict)
    return converted


def _words(settings: Mapping[str, object]) -> Iterator[str]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from (f"{key}.{inner}" for inner in _words(value))
        else:
            yield f"{key}={value if isinstance(value, str) else json.dumps(value, default=str)}"


def _safe(text: str) -> str:
    """Return a text as the name of a folder; one that changes gets a part of its hash, so that no two are the same."""
    plain = re.sub(r"[^\w.@=+,-]", "_", text)[:_LONGEST]
    return (
        plain
        if plain == text and plain not in (".", "..")
        else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    )
