"""Submodules as attributes of their package, imported when they are first used.

Code for the reference harness writes ``import lm_eval`` and then ``lm_eval.tasks.TaskManager()``, which works there
because ``lm_eval`` imports nearly everything. Here the import waits for the attribute.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from lm_eval.compatibility.elsewhere import elsewhere

__all__ = ["submodule"]


def submodule(package: str, name: str) -> object:
    """Import a submodule, for the ``__getattr__`` of its package.

    Args:
        package: The package.
        name: The attribute that was looked up.

    Returns:
        The submodule, or what `elsewhere` finds. Python makes a submodule an attribute of the package, so the next
        look-up is direct.

    Raises:
        AttributeError: The package has no such submodule or name.
    """
    path = f"{package}.{name}"
    if name.startswith("__") or not name.isidentifier() or find_spec(path) is None:
        return elsewhere(package, name)
    return import_module(path)
