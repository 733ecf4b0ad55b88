from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

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


def _is_task_code(file: Path) -> bool:
    return len(file.relative_to(PACKAGE).parts) > 2 and file.relative_to(PACKAGE).parts[0] == "tasks"
