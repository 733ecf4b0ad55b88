"""What a name stands for: a task, a group or a tag, and the file it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from lm_eval.errors import TaskFileError

__all__ = ["Entry", "Kind", "describe", "kind_of"]


class Kind(Enum):
    """What a name stands for."""

    TASK = 1
    PY_TASK = 2
    GROUP = 3
    TAG = 4
    UNKNOWN = 5


class Entry:
    """What the index knows under one name.

    Attributes:
        name: The name.
        kind: What it stands for.
        tags: A task's or group's tags; of a tag, the names of its tasks.
        output_type: A task's output type, where its file says it.
        dataset: A task's dataset, where its file says it: path and name joined by a space.
    """

    __slots__ = ("_cfg", "_path", "dataset", "kind", "name", "output_type", "tags")

    def __init__(
        self,
        name: str,
        kind: Kind,
        yaml_path: str | Path | None = None,
        cfg: dict[str, Any] | None = None,
        tags: Iterable[str] = (),
        *,
        output_type: str = "",
        dataset: str = "",
    ) -> None:
        """Make an entry.

        Args:
            name: The name.
            kind: What it stands for.
            yaml_path: Its file, if it has one.
            cfg: Its config, when there is no file to read it from.
            tags: Its tags; of a tag, its tasks.
            output_type: A task's output type.
            dataset: A task's dataset.
        """
        self.name, self.kind, self.tags = name, kind, set(tags)
        self.output_type, self.dataset = output_type, dataset
        self._path, self._cfg = yaml_path, cfg

    @property
    def yaml_path(self) -> Path | None:
        """The file, or None for a tag and for a config without a file."""
        return None if self._path is None else Path(self._path)

    @property
    def cfg(self) -> dict[str, Any] | None:
        """The config with its includes and without running its functions, read when first asked for."""
        if self._cfg is None and self._path is not None:
            from lm_eval.task_files.loader import load_yaml

            self._cfg = load_yaml(self._path, resolve_func=False)
        return self._cfg

    @cfg.setter
    def cfg(self, value: dict[str, Any] | None) -> None:
        self._cfg = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return (self.name, self.kind, self.yaml_path, self.tags) == (
            other.name,
            other.kind,
            other.yaml_path,
            other.tags,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Entry(name={self.name!r}, kind={self.kind.name}, yaml_path={str(self._path)!r})"


def kind_of(config: Mapping[str, Any]) -> Kind:
    """Tell the kind of a config by its keys.

    Args:
        config: A file's keys.

    Returns:
        The kind; UNKNOWN for a fragment.
    """
    if config.get("class") is not None:
        return Kind.PY_TASK
    if config.get("group") is not None:
        return Kind.GROUP
    return Kind.TASK if config.get("task") is not None else Kind.UNKNOWN


def describe(config: Mapping[str, Any], yaml_path: str | Path | None = None) -> Entry | None:
    """Make the entry of a merged config, by its keys.

    Args:
        config: The keys of a file and of what it includes.
        yaml_path: The file.

    Returns:
        The entry, or None for a fragment.

    Raises:
        TaskFileError: A name or a tag is no text.
    """
    kind = kind_of(config)
    if kind is Kind.UNKNOWN:
        return None
    key = "group" if kind is Kind.GROUP else "task"
    name = config.get(key)
    if not isinstance(name, (str, int)) or isinstance(name, bool) or name == "":
        raise TaskFileError(f"the name of a {key} is text, got {name!r}", path=yaml_path, key=key)
    tags = config.get("tag") or []
    tags = tags if isinstance(tags, list) else [tags]
    dataset = " ".join(str(config[part]) for part in ("dataset_path", "dataset_name") if config.get(part))
    output_type = str(config.get("output_type") or "")
    return Entry(str(name), kind, yaml_path, tags=map(str, tags), output_type=output_type, dataset=dataset)
