"""Imports the Python code next to task files, and names the package that a failed import needs.

Every root of task files is a separate package with a private name, so that two roots may have folders and modules of
the same name. Inside a root, ``lm_eval.tasks.x.y`` means the root's ``x/y.py`` if that file exists. So code written
for another copy of ``lm_eval/tasks`` finds the modules of that copy. This works by rewriting the import statements of
a task module when it is compiled; imports in other modules are not affected.
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

from lm_eval.task_files.roots import BUILTIN

__all__ = ["add_root", "failures_kept", "import_file", "locate", "missing_package"]

_PREFIX = "_lm_eval_tasks_"
_TASKS = "lm_eval.tasks"
_roots: dict[str, Path] = {}
_failures: dict[str, Exception | SystemExit] | None = None
# Import name to install name, where they differ by more than "_" and "-".
_INSTALL_NAMES = {
    "antlr4": "antlr4-python3-runtime==4.11",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "fugashi": "fugashi unidic-lite",
    "iso639": "iso639-lang",
    "PIL": "pillow",
    "kstar_planner": "'lm-eval-api[tasks-planning]'",
    "lark": "'lm-eval-api[tasks-planning]'",
    "math_verify": "math-verify[antlr4-11-0]",
    "jieba": "'lm-eval-api[tasks-zh]'",
    "jsonschema": "'lm-eval-api[tasks]'",
    "pymorphy3": "'lm-eval-api[tasks-ru]'",
    "unitxt": "'lm-eval-api[tasks-unitxt]'",
    "sklearn": "scikit-learn",
    "statsmodels": "'lm-eval-api[tasks-statistics]'",
    "wonderwords": "'lm-eval-api[tasks]'",
    "yaml": "pyyaml",
    "absl": "absl-py",
    "tinyBenchmarks": "git+https://github.com/felipemaiapolo/tinyBenchmarks",
}


def add_root(root: Path) -> str:
    """Make a folder of task files an importable package.

    Args:
        root: The folder.

    Returns:
        The name of the package.
    """
    root = root.resolve()
    package = _PREFIX + hashlib.sha256(str(root).encode()).hexdigest()[:12]
    if package not in _roots:
        _roots[package] = root
        if _FINDER not in sys.meta_path:
            # First, since Python's own finder would load the same modules without rewriting their imports.
            sys.meta_path.insert(0, _FINDER)
        # For code outside all roots, such as a script that imports a helper module of a task.
        paths = importlib.import_module(_TASKS).__path__
        if str(root) not in paths:
            paths.append(str(root))
    return package


def _package_of(folder: Path) -> str:
    """Return the package of the innermost root around a folder; a folder outside all roots becomes a root."""
    parents = (folder, *folder.parents)
    for parent in parents:
        if parent.name == "tasks" and parent.parent.name == "lm_eval":
            return add_root(parent)
    holding = [package for package, root in _roots.items() if root in parents]
    return max(holding, key=lambda package: len(_roots[package].parts)) if holding else add_root(folder)


def import_file(file: Path) -> ModuleType:
    """Import a module by its path; a module that was imported before is reused.

    Args:
        file: A ``.py`` file.

    Returns:
        The module.
    """
    file = file.resolve()
    package = _package_of(file.parent)
    parts = file.relative_to(_roots[package]).with_suffix("").parts
    if any("." in part for part in parts):
        # The path cannot be a dotted module name, so the folder becomes a root.
        package, parts = add_root(file.parent), (file.stem,)
    name = ".".join((package, *parts))
    if _failures and name in _failures:
        raise _failures[name]
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if _failures is not None:
            _failures[name] = error
        raise


@contextlib.contextmanager
def failures_kept() -> Iterator[None]:
    """Cache failed imports within this block, so that a module that fails slowly is tried only once."""
    global _failures
    _failures = {}
    try:
        yield
    finally:
        _failures = None


def locate(module: str, package: str | None = None) -> str | None:
    """Find the module that a ``lm_eval.tasks.…`` name means for the code of a root.

    Args:
        module: The dotted name.
        package: The package of the root; None for code outside all roots.

    Returns:
        The private name of the module. That root is searched first, then the library, then the other roots. None if
        the name means a module of this package, or does not exist.
    """
    parts = module.split(".")[2:]
    if not module.startswith(f"{_TASKS}.") or (BUILTIN / f"{parts[0]}.py").is_file():
        return None
    first = [package] if package is not None else []
    for name in (*first, add_root(BUILTIN), *_roots):
        target = _roots[name].joinpath(*parts)
        if target.is_dir() or target.with_name(f"{target.name}.py").is_file():
            return ".".join((name, *parts))
    return None


def missing_package(error: BaseException, folder: Path) -> str | None:
    """Describe what a failed import needs.

    Args:
        error: The exception of the import.
        folder: The folder of the importing code.

    Returns:
        The package and the command that installs it; None if no package is missing.
    """
    text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0]
        if package == "lm_eval" or package.startswith(_PREFIX):
            return None
        if (folder / f"{package}.py").is_file():
            return None
        return f"needs the package {package!r}: pip install {_INSTALL_NAMES.get(package, package.replace('_', '-'))}"
    # Task code that guards an import raises an exception of any type, with advice as its text.
    if "install" in text.lower() or isinstance(error, ModuleNotFoundError):
        return f"needs a package: {text}"
    return None


class _Redirect(ast.NodeTransformer):
    """Rewrites imports of ``lm_eval.tasks.…`` to the modules of the roots."""

    def __init__(self, package: str) -> None:
        self.package = package

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            # Without "as", the statement binds the name "lm_eval", which must keep its meaning.
            if alias.asname is not None:
                alias.name = locate(alias.name, self.package) or alias.name
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.AST]:
        if node.level or node.module is None:
            return node
        if node.module == _TASKS:
            statements: list[ast.AST] = []
            rest = []
            for alias in node.names:
                located = locate(f"{_TASKS}.{alias.name}", self.package)
                if located is None:
                    rest.append(alias)
                    continue
                parent, _, name = located.rpartition(".")
                moved = ast.ImportFrom(parent, [ast.alias(name, alias.asname)], 0)
                statements.append(ast.fix_missing_locations(ast.copy_location(moved, node)))
            if rest:
                statements.append(ast.copy_location(ast.ImportFrom(node.module, rest, 0), node))
            return statements
        node.module = locate(node.module, self.package) or node.module
        return node


class _Loader(SourceFileLoader):
    """Compiles a task module with its imports rewritten."""

    def __init__(self, fullname: str, path: str, package: str) -> None:
        super().__init__(fullname, path)
        self._package = package

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source without a ``.pyc`` file: one may exist already, compiled without rewritten imports."""
        tree = ast.parse(self.get_data(self.path), self.path)
        return compile(_Redirect(self._package).visit(tree), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module under a name that contains the hash of its source.

        ``datasets`` caches the result of ``Dataset.map`` by the name of the function. With a fixed name, the cached
        result of an older version of the function would be used.
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
        """Find a module below a root; the ``__init__.py`` of the root itself is not run."""
        package, *parts = fullname.split(".")
        root = _roots.get(package)
        if root is None:
            return None
        folder = root.joinpath(*parts)
        if parts:
            for file, locations in ((folder / "__init__.py", [str(folder)]), (Path(f"{folder}.py"), None)):
                if file.is_file():
                    loader = _Loader(fullname, str(file), package)
                    return importlib.util.spec_from_file_location(
                        fullname, file, loader=loader, submodule_search_locations=locations
                    )
        if not folder.is_dir():
            return None
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec


_FINDER = _Finder()
