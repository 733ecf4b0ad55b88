"""Readers of ``!function`` for a YAML loader of one's own."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import yaml

__all__ = ["ignore_constructor", "import_function"]


def ignore_constructor(loader: yaml.Loader, node: yaml.Node) -> yaml.Node:
    """Return a node as it is, for a loader that runs no code.

    Args:
        loader: Ignored.
        node: The node.
    """
    return node


def import_function(loader: yaml.Loader, node: yaml.ScalarNode, yaml_path: Path) -> Any:
    """Import the function that a ``!function module.name`` names.

    Args:
        loader: Reads the node.
        node: The node.
        yaml_path: The YAML file; the module is a file next to it.

    Raises:
        ImportError: The file is no module.
        AttributeError: The module has no such name.
        FileNotFoundError: There is no such file.
    """
    module_name, _, name = str(loader.construct_scalar(node)).rpartition(".")
    file = yaml_path.parent / f"{module_name}.py"
    spec = spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python module.")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)
