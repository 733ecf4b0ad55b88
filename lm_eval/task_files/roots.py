"""The folders whose task files are known without being asked for."""

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
    """Return our own folder and those of installed packages that declare the entry point ``lm_eval.tasks``.

    The value of such an entry point is a package; the folder it lies in is the root. The package is not imported.

    Returns:
        The folders, ours first.
    """
    roots = [BUILTIN]
    if not any(_mentions_group(place) for place in sys.path):
        return roots
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name):
        module = point.value.partition(":")[0].strip()
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        places = list(spec.submodule_search_locations or []) if spec is not None else []
        if spec is not None and not places and spec.origin:
            places = [os.path.dirname(spec.origin)]
        if not places:
            eval_logger.warning("The entry point %r of %s names %r, which is not there", point.name, _GROUP, module)
        roots.extend(Path(place) for place in places[:1])
    return roots


def _mentions_group(place: str) -> bool:
    """Tell whether a distribution in a folder of ``sys.path`` may declare tasks.

    ``importlib.metadata`` takes longer to import than the whole of listing names; most installations declare nothing.
    """
    try:
        with os.scandir(place or ".") as entries:
            names = [entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except NotADirectoryError:
        return place.endswith((".zip", ".egg", ".whl")) and os.path.exists(place)
    except OSError:
        return False
    for name in names:
        try:
            with open(os.path.join(place, name, "entry_points.txt"), encoding="utf-8") as file:
                if f"[{_GROUP}]" in file.read():
                    return True
        except (OSError, UnicodeDecodeError):
            continue
    return False
