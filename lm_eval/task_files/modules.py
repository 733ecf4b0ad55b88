"""The Python code beside task files, imported from where it lies.

Every root of task files is a package of its own, with a private name, so that two roots may have folders and
modules of the same name. Inside a root, ``lm_eval.tasks.x.y`` means the root's own ``x/y.py`` when it has one; so
code written for another copy of ``lm_eval/tasks`` finds its own neighbours, not ours. That is settled when a module
is compiled: its import statements are rewritten, and no import outside is touched.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

__all__ = ["add_root", "failures_kept", "import_file", "locate"]

_PREFIX = "_lm_eval_tasks_"
_TASKS = "lm_eval.tasks"
_BUILTIN = Path(__file__).resolve().parents[1] / "tasks"
_roots: dict[str, Path] = {}
_failures: dict[str, Exception | SystemExit] | None = None


def add_root(root: Path) -> str:
    """Make a folder of task files a package.

    Args:
        root: The folder.

    Returns:
        The package's name.
    """
    root = root.resolve()
    package = _PREFIX + hashlib.sha256(str(root).encode()).hexdigest()[:12]
    if package not in _roots:
        _roots[package] = root
        if _FINDER not in sys.meta_path:
            # Before the finder of plain files, which would find the same modules without redirecting anything.
            sys.meta_path.insert(0, _FINDER)
        # For code outside of any root, such as a script that imports a helper of a task it brings.
        paths = importlib.import_module(_TASKS).__path__
        if str(root) not in paths:
            paths.append(str(root))
    return package


def _package_of(folder: Path) -> str:
    """Return the package of the root a folder lies in; of a folder in no root, a package of its own."""
    parents = (folder, *folder.parents)
    for parent in parents:
        if parent.name == "tasks" and parent.parent.name == "lm_eval":
            return add_root(parent)
    holding = [package for package, root in _roots.items() if root in parents]
    return max(holding, key=lambda package: len(_roots[package].parts)) if holding else add_root(folder)


def import_file(file: Path) -> ModuleType:
    """Import a module by its path, once.

    Args:
        file: A ``.py`` file.

    Returns:
        The module.
    """
    file = file.resolve()
    package = _package_of(file.parent)
    parts = file.relative_to(_roots[package]).with_suffix("").parts
    if any("." in part for part in parts):
        # A folder that is no package name: it is a root of its own.
        package, parts = add_root(file.parent), (file.stem,)
    name = ".".join((package, *parts))
    if _failures is None:
        return importlib.import_module(name)
    if name in _failures:
        raise _failures[name]
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        _failures[name] = error
        raise


@contextlib.contextmanager
def failures_kept() -> Iterator[None]:
    """Within this, a module that failed to import fails again at once, however slowly it failed before."""
    global _failures
    _failures = {}
    try:
        yield
    finally:
        _failures = None


def locate(module: str, package: str | None = None) -> str | None:
    """Find the module a ``lm_eval.tasks.…`` name means for code of a root.

    Args:
        module: The dotted name.
        package: The root's package; None for code of no root.

    Returns:
        The private name of the module in the first of that root, the built-in one and the others that has it; None
        when the name means a module of the harness itself, or nothing.
    """
    parts = module.split(".")[2:]
    if not module.startswith(f"{_TASKS}.") or (_BUILTIN / f"{parts[0]}.py").is_file():
        return None
    own = [package] if package is not None else []
    for name in (*own, add_root(_BUILTIN), *_roots):
        target = _roots[name].joinpath(*parts)
        if target.is_dir() or target.with_name(f"{target.name}.py").is_file():
            return ".".join((name, *parts))
    return None


class _Redirect(ast.NodeTransformer):
    """Points imports of ``lm_eval.tasks.…`` at the roots."""

    def __init__(self, package: str) -> None:
        self.package = package

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            # Without "as", the statement binds the name "lm_eval", which must stay what it is.
            if alias.asname is not None:
                alias.name = locate(alias.name, self.package) or alias.name
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.AST]:
        if node.level or node.module is None:
            return node
        if node.module == _TASKS:
            ours = [alias for alias in node.names if locate(f"{_TASKS}.{alias.name}", self.package)]
            rest = [alias for alias in node.names if alias not in ours]
            made: list[ast.AST] = []
            for alias in ours:
                parent, _, name = (locate(f"{_TASKS}.{alias.name}", self.package) or "").rpartition(".")
                moved = ast.ImportFrom(parent, [ast.alias(name, alias.asname)], 0)
                made.append(ast.fix_missing_locations(ast.copy_location(moved, node)))
            if rest:
                made.append(ast.copy_location(ast.ImportFrom(node.module, rest, 0), node))
            return made
        node.module = locate(node.module, self.package) or node.module
        return node


class _Loader(SourceFileLoader):
    """Compiles a task module with its imports redirected."""

    def __init__(self, fullname: str, path: str, package: str) -> None:
        super().__init__(fullname, path)
        self._package = package

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source; nothing is kept beside it, where plain byte code of the same file may lie."""
        tree = ast.parse(self.get_data(self.path), self.path)
        return compile(_Redirect(self._package).visit(tree), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module under a name that changes with its text.

        ``datasets`` keeps what ``Dataset.map`` made under the name of the function it applied. A name that stayed
        the same would bring back what an older text of the function made.
        """
        digest = hashlib.sha256(self.get_data(self.path)).hexdigest()[:12]
        alias = f"{module.__name__}@{digest}"
        code = self.get_code(module.__name__)
        module.__name__ = alias
        sys.modules[alias] = module
        try:
            exec(code, module.__dict__)
        except BaseException:
            sys.modules.pop(alias, None)
            raise


class _Finder(MetaPathFinder):
    """Finds the modules of the roots."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module below a root; a root's own ``__init__.py`` is not run."""
        package, *parts = fullname.split(".")
        root = _roots.get(package)
        if root is None:
            return None
        folder = root.joinpath(*parts)
        if parts:
            for file, places in ((folder / "__init__.py", [str(folder)]), (Path(f"{folder}.py"), None)):
                if file.is_file():
                    loader = _Loader(fullname, str(file), package)
                    return importlib.util.spec_from_file_location(
                        fullname, file, loader=loader, submodule_search_locations=places
                    )
        if not folder.is_dir():
            return None
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec


_FINDER = _Finder()
