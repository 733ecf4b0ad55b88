"""The attributes of an API model that carry arguments, under the names that other people's subclasses use.

A subclass, or a script, may read and set them. Set after the constructor, they count from the next run on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from lm_eval.models.arguments import ModelArguments

__all__ = ["ATTRIBUTES", "AttributeReader", "overridable"]

T = TypeVar("T")

ATTRIBUTES = {
    "model": "model",
    "base_url": "base_url",
    "_max_gen_toks": "max_gen_toks",
    "_batch_size": "batch_size",
    "_concurrent": "num_concurrent",
    "_seed": "seed",
    "_header": "header",
    "_truncate": "truncate",
    "_eos_string": "eos_string",
    "timeout": "timeout",
    "max_retries": "max_retries",
    "max_images": "max_images",
    "verify_certificate": "verify_certificate",
    "ca_cert_path": "ca_cert_path",
    "auth_token": "auth_token",
    "add_bos_token": "add_bos_token",
    "custom_prefix_token_id": "custom_prefix_token_id",
    "think_end_token": "think_end_token",
}
"""Attribute to the argument that it carries."""

_AUTO_CONCURRENCY = 8
"""What ``_concurrent`` says while the number of requests in flight adapts itself: the number it starts with."""

if TYPE_CHECKING:
    overridable = property
else:

    class overridable(Generic[T]):
        """A property that a subclass may override, and that an assignment to the attribute replaces."""

        def __init__(self, function: Callable[[Any], T]) -> None:
            """Store the function that computes the value.

            Args:
                function: Takes the object.
            """
            self.function = function
            self.__doc__ = function.__doc__

        @overload
        def __get__(self, instance: None, owner: type) -> overridable[T]: ...

        @overload
        def __get__(self, instance: object, owner: type) -> T: ...

        def __get__(self, instance: object | None, owner: type) -> T | overridable[T]:
            """Compute the value; without ``__set__`` an attribute of the instance comes first."""
            return self if instance is None else self.function(instance)


def shown(args: ModelArguments, name: str) -> object:
    """Return an argument in the form that its attribute has.

    Args:
        args: The arguments.
        name: The name of the attribute.

    Returns:
        The value: numbers where the argument says ``auto``, None where it is empty.
    """
    value = getattr(args, ATTRIBUTES[name])
    if name == "_concurrent":
        return _AUTO_CONCURRENCY if value == "auto" else value
    if name in ("_truncate", "add_bos_token"):
        return bool(value)
    if name == "timeout" and float(value).is_integer():
        return int(value)
    return value if value or name not in ("_header", "base_url") else None


class AttributeReader:
    """Sets the attributes of a model, and finds out later which of them its class or a script has changed."""

    def __init__(self, owner: object, args: ModelArguments) -> None:
        """Set the attributes.

        Args:
            owner: The model.
            args: Its arguments.
        """
        self._owner = owner
        self._seen: dict[str, object] = {}
        for name in ATTRIBUTES:
            self._seen[name] = value = shown(args, name)
            if not _is_read_only(type(owner), name):
                setattr(owner, name, value)

    def changed(self) -> dict[str, object]:
        """Return the arguments whose attributes have another value than at the last call.

        Returns:
            Argument to value.
        """
        found: dict[str, object] = {}
        for name, before in self._seen.items():
            value = getattr(self._owner, name, before)
            if value is not before and value != before:
                self._seen[name] = value
                found[ATTRIBUTES[name]] = {} if value is None and name == "_header" else value
        return found


def _is_read_only(kind: type, name: str) -> bool:
    found = getattr(kind, name, None)
    return isinstance(found, property) and found.fset is None
