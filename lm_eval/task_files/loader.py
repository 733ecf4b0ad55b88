"""Task files: YAML with ``include`` and ``!function``."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from lm_eval.errors import LMEvalError, MissingPackageError, TaskFileError, did_you_mean
from lm_eval.task_files.modules import import_file, locate
from lm_eval.task_files.packages import missing_package
from lm_eval.task_files.parse import FunctionRef, parse_file

__all__ = ["LoadedFile", "Origin", "included_files", "load_file", "load_yaml", "merge_file", "resolve"]


class Origin(NamedTuple):
    """Where a key was written."""

    path: str
    line: int | None


class LoadedFile(NamedTuple):
    """A task file with its includes merged.

    Attributes:
        data: The keys; functions as ``FunctionRef``. Values are shared and must not be changed.
        origins: Where each key comes from.
    """

    data: dict[str, Any]
    origins: dict[str, Origin]


def load_file(path: str | Path, *, recursive: bool = True) -> LoadedFile:
    """Read a task file and merge what it includes, without importing anything.

    Included keys come first, in the order of the list, and the file's own keys replace them whole. ``task_list`` is
    not inherited.

    Args:
        path: The file.
        recursive: Follow ``include``; else the key stays.

    Returns:
        The merged keys and their origins.

    Raises:
        TaskFileError: A file cannot be read, or includes itself.
    """
    loaded = LoadedFile({}, {})
    merge_file(os.path.abspath(path), loaded, recursive)
    return loaded


def merge_file(path: str, into: LoadedFile, recursive: bool = True, open_files: tuple[str, ...] = ()) -> None:
    """Add a file's keys, after those it includes, to what is loaded so far.

    Args:
        path: The file, absolute.
        into: What is loaded so far.
        recursive: Follow ``include``.
        open_files: The files that led here.

    Raises:
        TaskFileError: A file cannot be read, or includes itself.
    """
    parsed = parse_file(path)
    wanted = parsed.data.get("include")
    if recursive and wanted is not None:
        for included in included_files(path, wanted, parsed.lines.get("include"), open_files):
            inherited = LoadedFile({}, {})
            merge_file(included, inherited, recursive, (*open_files, path))
            inherited.data.pop("task_list", None)
            into.data.update(inherited.data)
            into.origins.update(inherited.origins)
    for key, value in parsed.data.items():
        if key != "include" or not recursive:
            into.data[key] = value
            into.origins[key] = Origin(path, parsed.lines.get(key))


def included_files(path: str, wanted: object, line: int | None, open_files: tuple[str, ...] = ()) -> list[str]:
    """Return the files an ``include`` names.

    Args:
        path: The including file.
        wanted: The key's value: a name or a list of names, relative to the file.
        line: The key's line.
        open_files: The files that led to this one.

    Returns:
        Absolute paths.

    Raises:
        TaskFileError: The value is no name, a file does not exist, or a file includes itself.
    """
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
            raise TaskFileError(f"includes {file}, which does not exist", path=path, key="include", line=line)
        files.append(file)
    return files


def load_yaml(
    path: str | Path, *, resolve_func: bool = True, recursive: bool = True, _seen: set[Path] | None = None
) -> dict[str, Any]:
    """Read a task file.

    Args:
        path: The file.
        resolve_func: Import what ``!function`` names; else the text ``FOLDER/module.name`` stands for it, and no
            code is run.
        recursive: Follow ``include``; else the key stays.
        _seen: Accepted for callers that pass it; cycles are found without it.

    Returns:
        The merged keys, the caller's to change.

    Raises:
        TaskFileError: The file, or one it includes, has a fault.
        MissingPackageError: A function's module needs a package that is not installed.
    """
    loaded = load_file(path, recursive=recursive)
    return {key: resolve(value, key, run=resolve_func) for key, value in loaded.data.items()}


def resolve(value: Any, key: str | None = None, *, run: bool = True) -> Any:
    """Copy a value with its functions imported.

    Args:
        value: A value of a parsed file.
        key: The top-level key it belongs to, for messages.
        run: Import; else functions become text.

    Returns:
        The copy.

    Raises:
        TaskFileError: A function cannot be imported or does not exist.
        MissingPackageError: Its module needs a package that is not installed.
    """
    if isinstance(value, dict):
        return {name: resolve(item, key, run=run) for name, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, key, run=run) for item in value]
    if isinstance(value, FunctionRef):
        return _import(value, key) if run else str(value)
    return value


def _import(ref: FunctionRef, key: str | None) -> Any:
    module_name, _, name = ref.name.rpartition(".")
    file = Path(ref.path).parent.joinpath(*module_name.split(".")).with_suffix(".py")
    if "." in module_name:
        # with_suffix would take the last dotted part for a suffix.
        file = file.with_name(f"{module_name.rpartition('.')[2]}.py")
    try:
        module = import_file(file) if file.is_file() else _importable(module_name, file)
    except LMEvalError as error:
        raise TaskFileError(str(error), path=ref.path, key=key, line=ref.line) from error
    except (Exception, SystemExit) as error:
        # Some task code ends the process when a program it needs is missing.
        advice = missing_package(error, file.parent)
        if advice is not None:
            where = TaskFileError(f"!function {ref.name} {advice}", path=ref.path, key=key, line=ref.line)
            raise MissingPackageError(str(where)) from error
        said = f"!function {ref.name}: importing {module_name} failed: {type(error).__name__}: {error}"
        raise TaskFileError(" ".join(said.split()), path=ref.path, key=key, line=ref.line) from error
    try:
        return getattr(module, name)
    except AttributeError:
        near = did_you_mean(name, [known for known in vars(module) if not known.startswith("__")])
        said = f"!function {ref.name}: {getattr(module, '__file__', module_name)} has no {name!r}.{near}"
        raise TaskFileError(said, path=ref.path, key=key, line=ref.line) from None


def _importable(module_name: str, file: Path) -> ModuleType:
    """Import a module that is no file beside the YAML."""
    try:
        return importlib.import_module(locate(module_name) or module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.split(".")[0] == error.name.split(".")[0]:
            raise LMEvalError(
                f"!function module {module_name!r}: there is no {file} and no such module to import"
            ) from error
        raise
