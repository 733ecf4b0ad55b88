"""Whether tool calls are the right ones: by name, by the types of arguments, and by the values that are accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["GoldCall", "calls_match", "fits"]

_KINDS: dict[str, type] = {
    **{"string": str, "any": str, "integer": int, "int": int, "number": float, "float": float},
    **{"boolean": bool, "bool": bool, "array": list, "tuple": list, "object": dict, "dict": dict},
}
_IGNORED = re.compile(r"[ ,./\-_*^]")
_LEFT_OUT = ""
"""What a list of accepted values holds when the argument may be left out."""


@dataclass(frozen=True, slots=True)
class GoldCall:
    """A call that is asked for.

    Attributes:
        name: The name of the function.
        accepted: The accepted values of each argument; an empty text among them lets the argument be left out.
    """

    name: str
    accepted: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, written: object) -> GoldCall:
        """Read a call of a data set.

        Args:
            written: ``{"name", "arguments"}``, with more values in ``accepted`` and arguments that may be left out in
                ``optional``; or, as the Berkeley leaderboard has it, ``{name: {argument: [accepted values]}}``.

        Raises:
            ValueError: It has neither form.
        """
        if isinstance(written, Mapping) and isinstance(written.get("name"), str):
            arguments = written.get("arguments") or {}
            more, optional = written.get("accepted") or {}, written.get("optional") or ()
            names = dict.fromkeys([*arguments, *more])
            accepted = {
                name: [
                    *([_exactly(arguments[name])] if name in arguments else ()),
                    *(_exactly(value) for value in more.get(name, ())),
                    *([_LEFT_OUT] if name in optional else ()),
                ]
                for name in names
            }
            return cls(written["name"], accepted)
        if isinstance(written, Mapping) and len(written) == 1:
            ((name, given),) = written.items()
            if isinstance(given, Mapping) and all(isinstance(values, list) for values in given.values()):
                return cls(str(name), given)
        raise ValueError(f"{written!r} is not a call with a name and arguments.")


def _exactly(value: Any) -> Any:
    """Write a value as an accepted one: each value of a mapping becomes a list of one accepted value."""
    if isinstance(value, Mapping):
        return {name: [inner] for name, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return [_exactly(item) for item in value]
    return value


def calls_match(
    calls: Sequence[tuple[str, object]],
    gold: Sequence[GoldCall],
    schemas: Mapping[str, Mapping[str, Any]],
    *,
    ordered: bool = False,
) -> bool:
    """Say whether calls are exactly those that are asked for.

    Args:
        calls: The name and the arguments of each call.
        gold: The calls that are asked for.
        schemas: The JSON schema of each function's parameters, by its name.
        ordered: Whether the order counts.

    Returns:
        Whether there is one call for each that is asked for, and no other. Without order, each call that is asked for
        takes the first one left that fits.
    """
    if len(calls) != len(gold):
        return False
    if ordered:
        return all(_call_fits(call, wanted, schemas) for call, wanted in zip(calls, gold, strict=True))
    left = list(calls)
    for wanted in gold:
        found = next((index for index, call in enumerate(left) if _call_fits(call, wanted, schemas)), None)
        if found is None:
            return False
        del left[found]
    return True


def _call_fits(call: tuple[str, object], wanted: GoldCall, schemas: Mapping[str, Mapping[str, Any]]) -> bool:
    name, arguments = call
    if name != wanted.name or not isinstance(arguments, Mapping):
        return False
    schema = schemas.get(name)
    required = (schema or {}).get("required") or ()
    if any(argument not in arguments for argument in required):
        return False
    if any(_LEFT_OUT not in values for argument, values in wanted.accepted.items() if argument not in arguments):
        return False
    described = (schema or {}).get("properties") or {}
    return all(
        argument in wanted.accepted
        and (schema is None or argument in described)
        and fits(value, wanted.accepted[argument], described.get(argument) or {})
        for argument, value in arguments.items()
    )


def fits(value: Any, accepted: Sequence[Any], schema: Mapping[str, Any]) -> bool:
    """Say whether a value of an argument is an accepted one.

    A whole number is taken for a number. Texts are compared without case, spaces and ``,./-_*^``. A value that has not
    the described type, but that of the accepted values, must be equal to one of them.

    Args:
        value: The value.
        accepted: The accepted values; an empty text stands for an argument that may be left out.
        schema: The JSON schema of the argument; without a type, that of the accepted values is taken.

    Returns:
        Whether it is accepted.
    """
    usual = next((type(option) for option in accepted if option != _LEFT_OUT), None)
    kind = _kind(schema) or usual
    if kind is float and type(value) is int:
        value = float(value)
    items = _kind(schema.get("items")) if kind is list else None
    if type(value) is kind:
        if items is not None and not any(_items_have_type(value, option, items) for option in accepted):
            return False
    elif usual is None or type(value) is not usual:
        return False
    if usual not in (None, kind) or type(value) is not kind:
        return value in accepted
    if kind is dict:
        return any(_mapping_fits(value, option) for option in accepted)
    if kind is list and (items is dict or any(_holds_mappings(option) for option in accepted)):
        return any(_mappings_fit(value, option) for option in accepted)
    if kind is list:
        return _plain_items(value) in [_plain_items(option) for option in accepted]
    return _plain(value) in [_plain(option) for option in accepted if type(value) is not str or type(option) is str]


def _kind(schema: object) -> type | None:
    """Return the type that a schema describes; None when it names none, or several."""
    named = schema.get("type") if isinstance(schema, Mapping) else None
    return _KINDS.get(named.lower()) if isinstance(named, str) else None


def _items_have_type(values: Any, option: object, kind: type) -> bool:
    """Say whether each item has the described type, or the type of the items of an accepted list."""
    if not isinstance(option, list):
        return True
    usual = next((type(item) for item in option if item != _LEFT_OUT), None)
    return all(type(value) is kind or type(value) is usual for value in values)


def _holds_mappings(option: object) -> bool:
    return isinstance(option, list) and bool(option) and all(isinstance(item, Mapping) for item in option)


def _plain(value: object) -> object:
    """Return a text without case, spaces and the marks that do not count; anything else unchanged."""
    return _IGNORED.sub("", value).lower().replace("'", '"') if isinstance(value, str) else value


def _plain_items(option: object) -> list[object]:
    """Return the items of an accepted list; an argument that may be left out may be an empty list, too."""
    return [_plain(item) for item in option] if isinstance(option, list | str) else [option]


def _mapping_fits(value: object, option: object) -> bool:
    if not isinstance(value, Mapping) or not isinstance(option, Mapping):
        return False
    if any(name not in value and _LEFT_OUT not in accepted for name, accepted in option.items()):
        return False
    return all(
        name in option and _plain(inner) in [_plain(accepted) for accepted in option[name]]
        for name, inner in value.items()
    )


def _mappings_fit(values: Any, option: Sequence[object]) -> bool:
    return len(values) == len(option) and all(
        _mapping_fits(value, wanted) for value, wanted in zip(values, option, strict=True)
    )
