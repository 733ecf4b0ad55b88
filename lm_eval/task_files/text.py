"""Writes the config of a task or group as the text of a task file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import yaml

from lm_eval.task_files.parse import FunctionRef

__all__ = ["config_text"]


def config_text(config: Mapping[str, object], function: Callable[[FunctionRef], str], *, tag: str = "!function") -> str:
    """Write a config as YAML.

    Args:
        config: The keys, with includes merged and functions not imported.
        function: Returns the text that stands for a function.
        tag: The YAML tag of functions.

    Returns:
        The text, which ends with a line break.
    """

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value.strip("\n") else None)

    def name(dumper: yaml.SafeDumper, ref: FunctionRef) -> yaml.ScalarNode:
        return dumper.represent_scalar(tag, function(ref))

    Dumper.add_representer(str, text)
    Dumper.add_representer(FunctionRef, name)
    dumped = yaml.dump(dict(config), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return str(dumped).rstrip("\n") + "\n"
