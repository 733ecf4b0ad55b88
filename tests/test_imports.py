from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lm_eval"
BANNED = {"accelerate", "tiktoken", "torch", "transformers"}

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1].split(","):
    importlib.import_module(name)
print(*sorted({banned!r} & set(sys.modules)))
"""


def _imported(file: Path) -> set[str]:
    """Return the top-level packages that a file imports, at any level of the code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
            "__import__",
            "find_spec",
            "import_module",
        }:
            names |= {str(arg.value).split(".")[0] for arg in node.args if isinstance(arg, ast.Constant)}
    return names


def test_no_module_names_a_model_library() -> None:
    found = {str(file.relative_to(ROOT)): _imported(file) & BANNED for file in PACKAGE.rglob("*.py")}
    assert {file: names for file, names in found.items() if names} == {}


def test_importing_every_module_loads_no_model_library() -> None:
    # Code next to task files runs only with its task, and may need additional packages.
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in PACKAGE.rglob("*.py")
        if file.name not in {"__main__.py", "pytest_plugin.py"} and not _is_task_code(file)
    ]
    script = IMPORT_ALL.format(banned=BANNED)
    ran = subprocess.run(
        [sys.executable, "-c", script, ",".join(names)], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert (ran.stdout.strip(), ran.stderr) == ("", "")


def test_a_full_validate_imports_no_model_library(tmp_path: Path) -> None:
    # Stand-ins, so that an import would succeed and show.
    for name in (*BANNED, "tensorflow"):
        (tmp_path / f"{name}.py").write_text("")
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lm_eval", "validate", "--tasks", "*"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "LM_HARNESS_CACHE_PATH": str(tmp_path / "cache")},
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines() if "|" in line}
    assert "lm_eval" in imported
    assert imported & {*BANNED, "tensorflow"} == set()


def _is_task_code(file: Path) -> bool:
    return len(file.relative_to(PACKAGE).parts) > 2 and file.relative_to(PACKAGE).parts[0] == "tasks"


@cache
def _graph() -> grimp.ImportGraph:
    """Every import of the engine, wherever it stands: also for types alone, and inside functions."""
    return grimp.build_graph("lm_eval", exclude_type_checking_imports=False, cache_dir=None)


def _below(graph: grimp.ImportGraph, module: str) -> set[str]:
    """Return the modules that a module imports, directly or through others."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for imported in graph.find_modules_directly_imported_by(waiting.pop()) - seen:
            seen.add(imported)
            waiting.append(imported)
    return seen


def test_no_two_modules_import_each_other() -> None:
    graph = _graph()
    below = {module: _below(graph, module) for module in graph.modules}
    circles = {
        frozenset(other for other in below[module] if module in below.get(other, ()))
        for module in below
        if module in below[module]
    }
    assert [sorted(circle) for circle in circles] == []


def _private_uses() -> Iterator[tuple[str, str]]:
    """Yield each import, in the engine, of a private module or name of another package."""
    for file in PACKAGE.rglob("*.py"):
        if _is_task_code(file):
            continue
        own = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.level or not (node.module or "").startswith("lm_eval"):
                continue
            parts = str(node.module).split(".")[1:]
            private = any(name.startswith("_") and not name.startswith("__") for name in parts)
            for alias in node.names:
                hidden = private or (alias.name.startswith("_") and not alias.name.startswith("__"))
                if hidden and (parts or [alias.name])[0] != own:
                    yield str(file.relative_to(ROOT)), f"{node.module}.{alias.name}"


def test_no_package_uses_private_names_of_another() -> None:
    assert list(_private_uses()) == []
