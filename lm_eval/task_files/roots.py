"""The folders whose task files are indexed by default."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from pathlib import Path

__all__ = ["BUILTIN", "declared_roots"]

eval_logger = logging.getLogger("lm_eval")

BUILTIN = Path(__file__).resolve().parents[1] / "tasks"
_GROUP = "lm_eval.tasks"


def declared_roots() -> list[Path]:
    """Return the library and the roots of installed packages that declare the entry point ``lm_eval.tasks``.

    The value of such an entry point is a package; the folder of the package is the root. The package is not imported.

    Returns:
        The folders; the library comes first.
    """
    roots = [BUILTIN]
    if not any(_mentions_group(folder) for folder in sys.path):
        return roots
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name):
        module = point.value.partition(":")[0].strip()
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.submodule_search_locations:
            roots.append(Path(spec.submodule_search_locations[0]))
        elif spec is not None and spec.origin:
            roots.append(Path(spec.origin).parent)
        else:
            eval_logger.warning("The entry point %r of %s names %r, which does not exist", point.name, _GROUP, module)
    return roots


def _mentions_group(folder: str) -> bool:
    """Return whether a distribution in a folder of ``sys.path`` may declare tasks.

    Most installations declare nothing, and importing ``importlib.metadata`` takes longer than listing all names.
    """
    try:
        names = [name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:
        return folder.endswith((".zip", ".egg", ".whl")) and os.path.exists(folder)
    except OSError:
        return False
    for name in names:
        try:
            with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
                if f"[{_GROUP}]" in file.read():
                    return True
        except (OSError, UnicodeDecodeError):
            continue
    return False
