"""A task object from its config."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lm_eval.api.task import ConfigurableTask, Task
from lm_eval.config.task import TASK_KEYS
from lm_eval.errors import LMEvalError, MissingPackageError, TaskFileError
from lm_eval.task_files.packages import missing_package

__all__ = ["construct", "task_class"]


def construct(name: str, config: dict[str, Any], overrides: Mapping[str, Any], path: Path | None) -> Task:
    """Build a task; no data is loaded unless a Python task does so in its constructor.

    Args:
        name: Its name.
        config: Its whole config.
        overrides: Those keys of the config that are not the file's own.
        path: Its file.

    Returns:
        The task.

    Raises:
        TaskFileError: The config cannot be used.
        MissingPackageError: The task needs a package that is not installed.
    """
    config["task"] = name
    if config.get("class") is None:
        try:
            return ConfigurableTask(config=config)
        except TaskFileError:
            raise
        except MissingPackageError as error:
            raise MissingPackageError(str(TaskFileError(str(error), path=path))) from error
        except LMEvalError as error:
            raise TaskFileError(str(error), path=path) from error
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            # A value of a wrong shape, such as a text where a list belongs.
            said = f"task {name!r} cannot be built: {type(error).__name__}: {error}"
            raise TaskFileError(" ".join(said.split()), path=path) from error
    return _python_task(name, config, overrides, path)


def task_class(config: Mapping[str, Any], path: Path | None) -> type[Task]:
    """Return the class a Python task names.

    Args:
        config: The task's config.
        path: Its file.

    Returns:
        The class.

    Raises:
        TaskFileError: It is no class of tasks.
    """
    named = config["class"]
    if not (inspect.isclass(named) and issubclass(named, Task)):
        raise TaskFileError(f"{named!r} is no subclass of lm_eval.api.task.Task", path=path, key="class")
    return named


def _python_task(name: str, config: dict[str, Any], overrides: Mapping[str, Any], path: Path | None) -> Task:
    made_by: Callable[..., Task] = task_class(config, path)
    given = {key: value for key, value in config.items() if key not in ("class", "group")}
    try:
        task = made_by(config=given) if _takes_config(made_by) else made_by()
    except LMEvalError:
        raise
    except Exception as error:
        advice = missing_package(error, path.parent if path else Path())
        if advice is not None:
            raise MissingPackageError(str(TaskFileError(f"task {name!r} {advice}", path=path))) from error
        said = f"task {name!r} cannot be built: {type(error).__name__}: {error}"
        raise TaskFileError(" ".join(said.split()), path=path, key="class") from error
    # The class sets its own config; what the file and the caller say about the task still holds.
    task.set_config("task", name)
    for key, value in overrides.items():
        if key in TASK_KEYS and key not in ("task", "class", "metadata"):
            task.set_config(key, value)
    task.set_config("metadata", {**(task.get_config("metadata") or {}), **(config.get("metadata") or {})})
    return task


def _takes_config(made_by: Callable[..., Any]) -> bool:
    """Tell whether a constructor takes ``config=``."""
    parameters = inspect.signature(made_by).parameters.values()
    return any(
        parameter.kind is parameter.VAR_KEYWORD
        or (parameter.name == "config" and parameter.kind is not parameter.VAR_POSITIONAL)
        for parameter in parameters
    )
