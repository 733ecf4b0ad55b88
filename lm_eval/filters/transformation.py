"""Filters that rewrite each response."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lm_eval.api.filter import ResponseFilter
from lm_eval.api.registry import register_filter
from lm_eval.errors import ConfigError

__all__ = ["LowercaseFilter", "MapFilter", "SPANFilter", "UppercaseFilter"]


@register_filter("lowercase")
class LowercaseFilter(ResponseFilter):
    """Put each response in lower case."""

    def __init__(self) -> None:
        """Take no options."""

    def transform(self, response: str) -> str:
        """Return the response in lower case."""
        return response.lower()


@register_filter("uppercase")
class UppercaseFilter(ResponseFilter):
    """Put each response in upper case."""

    def __init__(self) -> None:
        """Take no options."""

    def transform(self, response: str) -> str:
        """Return the response in upper case."""
        return response.upper()


@register_filter("map")
class MapFilter(ResponseFilter):
    """Look up each response in a table."""

    def __init__(self, mapping_dict: Mapping[object, object] | None = None, default_value: object = None) -> None:
        """Set the table.

        Args:
            mapping_dict: Each response and its replacement.
            default_value: Replacement for a response that is not in the table.

        Raises:
            ConfigError: The table is not a mapping.
        """
        if mapping_dict is not None and not isinstance(mapping_dict, Mapping):
            raise ConfigError(f"Filter 'map' needs 'mapping_dict' to be a mapping, not {mapping_dict!r}.")
        self.mapping_dict = mapping_dict or {}
        self.default_value = default_value

    def transform(self, response: object) -> object:
        """Return the replacement of the response."""
        return self.mapping_dict.get(response, self.default_value)


@register_filter("format_span")
class SPANFilter(ResponseFilter):
    """Rewrite a list of named entities in the form ``per: ada $ loc: london``.

    The labels are PER, LOC, ORG and DATE, or their long names. Entities end at ``$`` or at the end of the line;
    entities of the same label may be separated by commas.
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

    def transform(self, response: str) -> str:
        """Return the formatted entities of the response."""
        text = self._TRAILING.sub("", response.lower())
        for label, name in self._LONG_NAMES:
            text = name.sub(f"{label}:", text)
        spans = [
            f"{label.lower()}: {entity.strip()}"
            for label, entities in self._ENTITIES.findall(text)
            for entity in entities.split(",")
        ]
        return " $ ".join(spans)
