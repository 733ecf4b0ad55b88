"""Copies the Python code of task files, with the modules it imports and the data it reads, into an exported folder."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import lm_eval
from lm_eval.task_files.parse import FunctionRef

__all__ = ["CODE", "Code"]

CODE = "lm_eval_code"
"""The folder, and package, of the copied code."""
_PACKAGE = Path(lm_eval.__file__).resolve().parent
_HARNESS = "harness"
_TASKS = "lm_eval.tasks."
# Modules that the reference harness has too; its own are used.
_IN_REFERENCE = re.compile(
    r"lm_eval(\.utils|\.tasks|\.api(\.(filter|group|instance|metrics|model|registry|samplers|task|utils))?"
    r"|\.filters(\.\w+)?)?"
)
_DATA = frozenset({".csv", ".json", ".jsonl", ".tsv", ".txt", ".yml"})
_PATH_LINES = """\
import sys as _sys
from pathlib import Path as _Path

_sys.path.insert(0, str(_Path(__file__).resolve().parents[{depth}]))  # the folder of {code}
"""
_MODULE_LINES = """\
if __name__ not in _sys.modules:
    # The reference harness runs a module that is not yet in sys.modules, where dataclasses look for its names.
    _here = type("_Here", (), {})()
    _here.__dict__ = globals()
    _sys.modules[__name__] = _here
"""


class Code:
    """The modules and data that exported task files need."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """Start without modules.

        Args:
            roots: The folders of task files.
        """
        self._roots = [root.resolve() for root in roots]
        self._files: dict[Path, Path] = {}

    def name_of(self, ref: FunctionRef) -> str:
        """Return the name of a function in an exported task file.

        Args:
            ref: The function; one of an installed package keeps its name.
        """
        module, _, name = ref.name.rpartition(".")
        file = self._module_file(ref)
        return ref.name if file is None else f"{self._dotted(file)}.{name}" if module else name

    def add(self, ref: FunctionRef) -> None:
        """Add the module of a function, with all that it needs.

        Args:
            ref: The function.
        """
        file = self._module_file(ref)
        if file is not None:
            self._add(file)

    def write(self, folder: Path) -> None:
        """Write the modules and the data.

        Args:
            folder: The folder ``CODE`` in the exported folder.
        """
        for source, place in self._files.items():
            target = folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".py":
                target.write_text(self._rewritten(source, len(place.parts)), encoding="utf-8")
            else:
                shutil.copyfile(source, target)

    def _module_file(self, ref: FunctionRef) -> Path | None:
        module = ref.name.rpartition(".")[0]
        beside = Path(ref.path).resolve().parent / f"{module.replace('.', '/')}.py"
        return beside if beside.is_file() else self._of_name(module)

    def _of_name(self, module: str, *, ours: bool = False) -> Path | None:
        """Return the file of a module of a root or of this package; None for one that the reference harness has.

        Args:
            module: Its dotted name.
            ours: Whether a module of this package imports it, which needs this package's own.
        """
        if module.startswith(_TASKS):
            inside = module[len(_TASKS) :].replace(".", "/")
            for root in self._roots:
                for file in (root / f"{inside}.py", root / inside / "__init__.py"):
                    if file.is_file():
                        return file
            return None
        if not module.startswith("lm_eval.") or (not ours and _IN_REFERENCE.fullmatch(module)):
            return None
        inside = module.partition(".")[2].replace(".", "/")
        return next((f for f in (_PACKAGE / f"{inside}.py", _PACKAGE / inside / "__init__.py") if f.is_file()), None)

    def _place(self, file: Path) -> Path:
        """Return the path of a file within the folder of the code."""
        around = [root for root in self._roots if file.is_relative_to(root)]
        if around:
            return file.relative_to(max(around, key=lambda root: len(root.parts)))
        if file.is_relative_to(_PACKAGE):
            return Path(_HARNESS, file.relative_to(_PACKAGE))
        return Path(file.parent.name, file.name)

    def _dotted(self, file: Path) -> str:
        parts = self._place(file).with_suffix("").parts
        return ".".join((CODE, *(parts[:-1] if parts[-1] == "__init__" else parts)))

    def _add(self, file: Path) -> None:
        if file in self._files:
            return
        self._files[file] = self._place(file)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        ours = not self._is_task_code(file)
        for _, module in _imports(tree):
            needed = self._of_name(module, ours=ours)
            if needed is not None:
                self._add(needed)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = self._of_name(f"{node.module}.{alias.name}", ours=ours)
                    if inner is not None:
                        self._add(inner)
        words = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        parts = {part for word in words if len(word) < 200 for part in word.split("/")}
        for script in sorted(parts):
            if script.endswith(".py") and (file.parent / script).is_file():  # it is run by its path
                self._add(file.parent / script)
        for data in self._data_of(file, parts):
            self._files[data] = self._place(data)

    def _data_of(self, file: Path, parts: Iterable[str]) -> Iterator[Path]:
        """Yield the data files that a module may read: those next to it, and those it names in another folder."""
        for path in file.parent.iterdir():
            # A YAML file may be a task file of the folder, unless the module names it.
            if path.is_file() and (path.suffix in _DATA or (path.suffix == ".yaml" and path.name in parts)):
                yield path
        tables = [part for part in parts if Path(part).suffix in _DATA and "*" not in part]
        for root in self._roots if tables else ():
            for table in tables:
                yield from (path for path in root.glob(f"*/{table}") if path.parent.name in parts)

    def _rewritten(self, file: Path, depth: int) -> str:
        """Return the source of a module with the imports of copied modules changed."""
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text)
        lines = text.splitlines(keepends=True)
        changed = False
        ours = not self._is_task_code(file)
        for number, module in _imports(tree):
            target = self._of_name(module, ours=ours)
            if target is not None:
                new = self._dotted(target)
            elif self._has_parts(module, ours):
                new = ".".join((CODE, *((_HARNESS,) if not module.startswith(_TASKS[:-1]) else ()), *_inside(module)))
            else:
                continue
            lines[number] = re.sub(rf"(?<![\w.]){re.escape(module)}(?![\w.])", new, lines[number], count=1)
            changed = True
        added = _PATH_LINES.format(depth=depth, code=CODE) if changed else ""
        if "dataclass" in text:
            added += ("" if changed else "import sys as _sys\n\n") + _MODULE_LINES
        if added:
            lines.insert(_end_of_head(tree), f"\n{added}")
        return "".join(lines)

    def _is_task_code(self, file: Path) -> bool:
        return any(file.is_relative_to(root) for root in self._roots) or not file.is_relative_to(_PACKAGE)

    def _has_parts(self, module: str, ours: bool) -> bool:
        """Whether a package, which has no file of its own here, has copied modules."""
        if not module.startswith("lm_eval.") or (not ours and _IN_REFERENCE.fullmatch(module)):
            return False
        inside = _inside(module)
        head = inside if module.startswith(_TASKS) else (_HARNESS, *inside)
        return any(place.parts[: len(head)] == tuple(head) for place in self._files.values())


def _inside(module: str) -> tuple[str, ...]:
    parts = module.split(".")
    return tuple(parts[2:] if parts[1] == "tasks" else parts[1:])


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line, counted from 0, and the module of each import that runs; not those for type checkers."""
    pending: list[Iterable[ast.AST]] = [tree.body]
    while pending:
        for node in pending.pop():
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                pending.append(node.orelse)
            elif isinstance(node, ast.ImportFrom):
                if node.module and not node.level:
                    yield node.lineno - 1, node.module
            elif isinstance(node, ast.Import):
                yield from ((node.lineno - 1, alias.name) for alias in node.names)
            else:
                pending.append(ast.iter_child_nodes(node))


def _end_of_head(tree: ast.Module) -> int:
    """Return the line after the docstring and the imports from ``__future__``."""
    end = 0
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        end = node.end_lineno or end
    return end
