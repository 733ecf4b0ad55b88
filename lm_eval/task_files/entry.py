"""The entries of the index: what a name stands for, and the file it comes from.

An entry is identified by its file and its name: a file may define more than one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path

from lm_eval.errors import TaskFileError, UserError

__all__ = ["Entry", "Kind", "entries_of", "names_under"]


class Kind(Enum):
    """What a name stands for."""

    TASK = 1
    PY_TASK = 2
    GROUP = 3
    TAG = 4
    UNKNOWN = 5


class Entry:
    """What the index knows about one name.

    Attributes:
        name: The name.
        kind: What the name stands for.
        file: The file that defines the name; None for a tag, and for a config that comes from no file.
        tags: The tags of a task or group; for a tag, the names of its tasks.
        output_type: The output type of a task, if its file states one; else empty.
        dataset: The dataset of a task, if its file states one: path and name, joined by a space.
        line: The line where the name is written; 0 if its file defines nothing else.
    """

    __slots__ = ("_cfg", "dataset", "file", "kind", "line", "name", "output_type", "tags")

    def __init__(
        self,
        name: str,
        kind: Kind,
        yaml_path: str | Path | None = None,
        cfg: dict[str, object] | None = None,
        tags: Iterable[str] = (),
        *,
        output_type: str = "",
        dataset: str = "",
        line: int = 0,
    ) -> None:
        """Create an entry.

        Args:
            name: The name.
            kind: What the name stands for.
            yaml_path: The file that defines the name, if there is one.
            cfg: The config, if there is no file to read it from.
            tags: The tags; for a tag, its tasks.
            output_type: The output type of a task.
            dataset: The dataset of a task.
            line: The line where the name is written; 0 if its file defines nothing else.
        """
        self.name, self.kind, self.tags = name, kind, set(tags)
        self.file = None if yaml_path is None else str(yaml_path)
        self.output_type, self.dataset, self.line = output_type, dataset, line
        self._cfg = cfg

    @property
    def yaml_path(self) -> Path | None:
        """The file as a path."""
        return None if self.file is None else Path(self.file)

    @property
    def row(self) -> str | None:
        """The name to look for in the file; None if the file defines nothing else."""
        return self.name if self.line else None

    @property
    def source(self) -> str | None:
        """Where the keys come from: the file, or ``file#name`` if the file defines more names."""
        return f"{self.file}#{self.name}" if self.line else self.file

    @property
    def cfg(self) -> dict[str, object] | None:
        """The config with includes merged and functions as text; the file is read on first use."""
        if self._cfg is None and self.file is not None:
            from lm_eval.task_files.loader import load_yaml

            self._cfg = load_yaml(self.file, resolve_func=False, name=self.row)
        return self._cfg

    def member_names(self) -> Iterator[str]:
        """Yield the names in a group's ``task`` list, of written-out members too; none if the file has an error."""
        try:
            pending: list[object] = [None if self.cfg is None else self.cfg.get("task")]
        except UserError:
            return
        while pending:
            item = pending.pop()
            if isinstance(item, list):
                pending.extend(reversed(item))
            elif isinstance(item, dict):
                pending.append(item.get("task") or item.get("group"))
            elif item is not None:
                yield str(item)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return (self.name, self.kind, self.file, self.tags) == (other.name, other.kind, other.file, other.tags)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Entry(name={self.name!r}, kind={self.kind.name}, yaml_path={str(self.file)!r})"


def names_under(index: Mapping[str, Entry], names: Iterable[str]) -> set[str]:
    """Return names with the members of the groups and tags among them, at any depth.

    Args:
        index: The known names.
        names: Where to start.

    Returns:
        The names that are in the index.
    """
    seen: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        entry = index.get(name)
        if entry is None or name in seen:
            continue
        seen.add(name)
        if entry.kind is Kind.TAG:
            pending += entry.tags
        elif entry.kind is Kind.GROUP:
            pending += entry.member_names()
    return seen


def entries_of(config: dict[str, object], yaml_path: str | Path | None = None, line: int = 0) -> list[Entry]:
    """Return the entry that a merged config defines.

    Args:
        config: The keys, with includes merged.
        yaml_path: The file; None for a config that comes from no file, which the entry then keeps.
        line: The line where the name is written; 0 if its file defines nothing else.

    Returns:
        The entry; an empty list for a fragment.

    Raises:
        TaskFileError: The name is not a string.
    """
    kinds = {"class": Kind.PY_TASK, "group": Kind.GROUP, "task": Kind.TASK}
    kind = next((kind for key, kind in kinds.items() if config.get(key) is not None), None)
    if kind is None:
        return []
    key = "group" if kind is Kind.GROUP else "task"
    name = config.get(key)
    if not isinstance(name, (str, int)) or isinstance(name, bool) or name == "":
        raise TaskFileError(
            f"the name of a {key} must be a string, got {name!r}", path=yaml_path, key=key, line=line or None
        )
    tag = config.get("tag")
    tags = tag if isinstance(tag, list) else [tag] if tag else []
    dataset = " ".join(str(config[part]) for part in ("dataset_path", "dataset_name") if config.get(part))
    output_type = str(config.get("output_type") or "")
    kept = config if yaml_path is None else None
    return [
        Entry(str(name), kind, yaml_path, kept, map(str, tags), output_type=output_type, dataset=dataset, line=line)
    ]
