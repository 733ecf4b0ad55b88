"""Loads the keys of a task file, and imports the functions that they name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

from lm_eval.errors import LMEvalError, MissingPackageError, TaskFileError, did_you_mean
from lm_eval.task_files.modules import import_file, locate, missing_package
from lm_eval.task_files.parse import FunctionRef, Keys, Origin, parse_file
from lm_eval.task_files.reader import Reader
from lm_eval.task_files.tables import fill_key

__all__ = ["import_all", "load_file", "load_yaml"]


def load_file(path: str | Path, name: str | None = None, *, recursive: bool = True) -> Keys:
    """Read a task file and merge the files it includes, without importing anything.

    Included keys come first, in the order of the list; the file's own keys replace them as a whole. ``task_list`` is
    not inherited.

    Args:
        path: The file.
        name: A task or group of the file; None means the keys at the top of its first document.
        recursive: Follow ``include``; False keeps the key as it is.

    Returns:
        The merged keys and their origins.

    Raises:
        TaskFileError: A file cannot be read, or includes itself, or does not define the name.
    """
    file = os.path.abspath(path)
    if not recursive:
        own = parse_file(file)[0]
        return Keys(dict(own.data), dict(own.origins))
    reader = Reader()
    keys = reader.shared(file) if name is None else reader.find(file, name).keys
    data = dict(keys.data)
    members = data.get("task")
    if isinstance(members, list):
        origin = keys.origins.get("task", Origin(file, 1))
        data["task"] = fill_key("task", members, None, *origin)
    return keys._replace(data=data)


def load_yaml(
    path: str | Path,
    *,
    resolve_func: bool = True,
    recursive: bool = True,
    name: str | None = None,
    _seen: set[Path] | None = None,
) -> dict[str, object]:
    """Read a task file.

    Args:
        path: The file.
        resolve_func: Import the functions that ``!function`` names; False puts the text ``FOLDER/module.name`` in
            their place and runs no code.
        recursive: Follow ``include``; False keeps the key as it is.
        name: A task or group of the file; None means the keys at the top of its first document.
        _seen: Ignored; kept for compatibility with the reference harness.

    Returns:
        The merged keys; the caller may change them.

    Raises:
        TaskFileError: The file, or one it includes, has an error.
        MissingPackageError: The module of a function needs a package that is not installed.
    """
    data = load_file(path, name, recursive=recursive).data
    return import_all(data) if resolve_func else {key: _copy(value, str) for key, value in data.items()}


def import_all(config: Mapping[str, object]) -> dict[str, object]:
    """Copy a config with its functions imported.

    Args:
        config: The keys of a task or group.

    Returns:
        The copy.

    Raises:
        TaskFileError: A function cannot be imported or does not exist.
        MissingPackageError: The module of a function needs a package that is not installed.
    """
    return {key: _copy(value, partial(_import, key=key)) for key, value in config.items()}


def _copy(value: object, convert: Callable[[FunctionRef], object]) -> object:
    if isinstance(value, dict):
        return {name: _copy(item, convert) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item, convert) for item in value]
    return convert(value) if isinstance(value, FunctionRef) else value


def _import(ref: FunctionRef, key: str) -> object:
    module_name, _, name = ref.name.rpartition(".")
    file = Path(ref.path).parent / f"{module_name.replace('.', '/')}.py"
    fault = partial(TaskFileError, path=ref.path, key=key, line=ref.line)
    try:
        module = import_file(file) if file.is_file() else _importable(module_name, file)
    except LMEvalError as error:
        raise fault(str(error)) from error
    except (Exception, SystemExit) as error:
        # Some task code calls sys.exit when a program it needs is missing.
        advice = missing_package(error, file.parent)
        if advice is not None:
            raise MissingPackageError(str(fault(f"!function {ref.name} {advice}"))) from error
        message = f"!function {ref.name}: importing {module_name} failed: {type(error).__name__}: {error}"
        raise fault(" ".join(message.split())) from error
    try:
        return getattr(module, name)
    except AttributeError:
        near = did_you_mean(name, [known for known in dir(module) if not known.startswith("__")])
        place = getattr(module, "__file__", module_name)
        raise fault(f"!function {ref.name}: {place} has no {name!r}.{near}") from None


def _importable(module_name: str, file: Path) -> ModuleType:
    """Import a module that is not a file next to the YAML file."""
    try:
        return importlib.import_module(locate(module_name) or module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.split(".")[0] == error.name.split(".")[0]:
            raise LMEvalError(f"!function: there is no {file}, and no module {module_name!r} to import") from error
        raise
