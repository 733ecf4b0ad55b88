"""Filters that rewrite each response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter
from lm_eval.errors import ConfigError

__all__ = ["LowercaseFilter", "MapFilter", "SPANFilter", "UppercaseFilter"]


@register_filter("lowercase")
class LowercaseFilter(Filter):
    """Put each response in lower case."""

    def __init__(self) -> None:
        """Take no options."""

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
        """Lower each response.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            The lowered responses of each Instance.
        """
        return [[response.lower() for response in entry] for entry in resps]


@register_filter("uppercase")
class UppercaseFilter(Filter):
    """Put each response in upper case."""

    def __init__(self) -> None:
        """Take no options."""

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
        """Raise each response.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            The raised responses of each Instance.
        """
        return [[response.upper() for response in entry] for entry in resps]


@register_filter("map")
class MapFilter(Filter):
    """Look each response up in a table."""

    def __init__(self, mapping_dict: Mapping[Any, Any] | None = None, default_value: Any = None) -> None:
        """Give the table.

        Args:
            mapping_dict: Response to what replaces it.
            default_value: What replaces a response that is not in the table.

        Raises:
            ConfigError: The table is no mapping.
        """
        if mapping_dict is not None and not isinstance(mapping_dict, Mapping):
            raise ConfigError(f"Filter 'map' needs 'mapping_dict' to be a mapping, not {mapping_dict!r}.")
        self.mapping_dict = mapping_dict or {}
        self.default_value = default_value

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """Map each response.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            The mapped responses of each Instance.
        """
        return [[self.mapping_dict.get(response, self.default_value) for response in entry] for entry in resps]


@register_filter("format_span")
class SPANFilter(Filter):
    """Bring a list of named entities into the form ``per: ada $ loc: london``.

    Knows the labels PER, LOC, ORG and DATE and their long names; entities end at ``$`` or the end of the line,
    and several of one label may be separated by commas.
    """

    _LONG_NAMES = (
        ("PER", re.compile(r"\b(?:persons?|per)\s*:")),
        ("LOC", re.compile(r"\b(?:location|loc)\s*:")),
        ("ORG", re.compile(r"\b(?:organization|org)\s*:")),
        ("DATE", re.compile(r"\bdate\s*:")),
    )
    _ENTITIES = re.compile(r"\b(PER|LOC|ORG|DATE):([^$\n]+)")
    _TRAILING = re.compile(r"(?:\$|[^\S\n])+\Z")

    def __init__(self) -> None:
        """Take no options."""

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
        """Format the entities of each response.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            The formatted entities of each Instance.
        """
        return [[self._format(response) for response in entry] for entry in resps]

    def _format(self, response: str) -> str:
        text = self._TRAILING.sub("", response.lower())
        for label, name in self._LONG_NAMES:
            text = name.sub(f"{label}:", text)
        spans = [
            f"{label.lower()}: {entity.strip()}"
            for label, entities in self._ENTITIES.findall(text)
            for entity in entities.split(",")
        ]
        return " $ ".join(spans)
