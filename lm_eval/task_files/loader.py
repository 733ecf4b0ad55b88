"""Reads task files: YAML with ``include`` and ``!function``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType

from lm_eval.errors import LMEvalError, MissingPackageError, TaskFileError, did_you_mean
from lm_eval.task_files.modules import import_file, locate, missing_package
from lm_eval.task_files.parse import FunctionRef, Keys, parse_file

__all__ = ["import_all", "included_files", "load_file", "load_yaml"]


_MAX_INCLUDES = 100
"""Maximum number of files that include each other in a chain."""


def load_file(
    path: str | Path,
    *,
    recursive: bool = True,
    open_files: tuple[str, ...] = (),
    known: dict[str, Keys] | None = None,
) -> Keys:
    """Read a task file and merge the files it includes, without importing anything.

    Included keys come first, in the order of the list; the file's own keys replace them as a whole. ``task_list`` is
    not inherited.

    Args:
        path: The file.
        recursive: Follow ``include``; False keeps the key as it is.
        open_files: The files that include this one, the outermost first.
        known: Files that were merged before; a file that several others include is merged once.

    Returns:
        The merged keys and their origins.

    Raises:
        TaskFileError: A file cannot be read, or includes itself.
    """
    path = os.path.abspath(path)
    own = parse_file(path)
    merged = Keys({}, {})
    known = {} if known is None else known
    if recursive and own.data.get("include") is not None:
        for file in included_files(path, own.data["include"], own.origins["include"].line, open_files):
            if file not in known:
                known[file] = load_file(file, open_files=(*open_files, path), known=known)
                known[file].data.pop("task_list", None)
            merged.data.update(known[file].data)
            merged.origins.update(known[file].origins)
    merged.data.update(own.data)
    merged.origins.update(own.origins)
    if recursive:
        merged.data.pop("include", None)
        merged.origins.pop("include", None)
    return merged


def included_files(path: str, wanted: object, line: int | None, open_files: tuple[str, ...] = ()) -> list[str]:
    """Return the files that an ``include`` names.

    Args:
        path: The including file.
        wanted: The value of the key: a name or a list of names, relative to the file.
        line: The line of the key.
        open_files: The files that include this one, the outermost first.

    Returns:
        Absolute paths.

    Raises:
        TaskFileError: The value is not a name, a file does not exist or includes itself, or a chain is too long.
    """
    if len(open_files) >= _MAX_INCLUDES:
        raise TaskFileError(f"more than {_MAX_INCLUDES} files include each other", path=path, key="include", line=line)
    names = wanted if isinstance(wanted, list) else [wanted]
    folder = os.path.dirname(os.path.abspath(path))
    files = []
    for name in names:
        if not isinstance(name, str):
            raise TaskFileError("include is a file name or a list of them", path=path, key="include", line=line)
        file = os.path.normpath(os.path.join(folder, name))
        if file == path or file in open_files:
            raise TaskFileError(f"{file} includes itself", path=path, key="include", line=line)
        if not os.path.isfile(file):
            fault = "is no regular file" if os.path.exists(file) else "does not exist"
            raise TaskFileError(f"includes {file}, which {fault}", path=path, key="include", line=line)
        files.append(file)
    return files


def load_yaml(
    path: str | Path, *, resolve_func: bool = True, recursive: bool = True, _seen: set[Path] | None = None
) -> dict[str, object]:
    """Read a task file.

    Args:
        path: The file.
        resolve_func: Import the functions that ``!function`` names; False puts the text ``FOLDER/module.name`` in
            their place and runs no code.
        recursive: Follow ``include``; False keeps the key as it is.
        _seen: Ignored; kept for compatibility with the reference harness.

    Returns:
        The merged keys; the caller may change them.

    Raises:
        TaskFileError: The file, or one it includes, has an error.
        MissingPackageError: The module of a function needs a package that is not installed.
    """
    data = load_file(path, recursive=recursive).data
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
        near = did_you_mean(name, [known for known in vars(module) if not known.startswith("__")])
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
