"""Tools of a chat request: read, described to the model, and called in the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.problems import invalid, refusal
from lm_eval.mock_server.profiles import Profile

__all__ = ["Tools", "read_tools"]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
"""How a model writes a call; a server takes it out of the text."""
_NEEDS_PARSER = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
_VALUES: dict[str, object] = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}


@dataclass(frozen=True)
class Tools:
    """The tools of one request.

    Attributes:
        functions: The functions; none when the request offers none, or the imitated server ignores them.
        forced: The function that the request demands a call of.
    """

    functions: Sequence[JsonObject] = ()
    forced: JsonObject | None = None

    def described(self, contents: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Tell the model about the functions, as chat templates do.

        Args:
            contents: Pairs of role and text.

        Returns:
            The same, after a system message with the functions.
        """
        if not self.functions:
            return contents
        lines = "\n".join(json.dumps(function, ensure_ascii=False) for function in self.functions)
        return [("system", f"You may call these functions:\n{lines}"), *contents]

    def forced_text(self) -> str | None:
        """Write the call that the request demands, with arguments made up from their types; None without one."""
        if self.forced is None:
            return None
        parameters = self.forced.get("parameters")
        properties = parameters.get("properties") if isinstance(parameters, dict) else None
        arguments = {
            name: _made_up(schema) for name, schema in (properties if isinstance(properties, dict) else {}).items()
        }
        return f"<tool_call>{json.dumps({'name': self.forced['name'], 'arguments': arguments})}</tool_call>"

    def applied(self, message: JsonObject, mark: str) -> tuple[JsonObject, bool]:
        """Take the calls out of the text of an answer.

        Args:
            message: The message as the model wrote it.
            mark: What makes the ids of its calls differ from those of others.

        Returns:
            The message, with ``tool_calls`` if there are any, and whether there are.
        """
        content = message.get("content")
        if not self.functions or not isinstance(content, str):
            return message, False
        written = _CALL.findall(content)
        if not written:
            return message, False
        calls = [
            {"id": f"call_{mark}{index}", "type": "function", "function": _function(text)}
            for index, text in enumerate(written)
        ]
        rest = _CALL.sub("", content).strip()
        return {**message, "content": rest or None, "tool_calls": calls}, True


def read_tools(profile: Profile, fields: JsonObject) -> Tools:
    """Read ``tools`` and ``tool_choice``.

    Args:
        profile: The profile of the server.
        fields: The JSON body.

    Returns:
        The tools.

    Raises:
        Refused: The imitated server takes no tools, a tool has no usable name, or a choice is not among them.
    """
    given, choice = fields.get("tools"), fields.get("tool_choice")
    if profile.tools == "ignored":
        return Tools()
    if not given:
        if choice not in (None, "none"):
            raise invalid(profile, "tool_choice is only allowed when tools are specified.", "tool_choice")
        return Tools()
    if profile.tools == "refused":
        raise refusal(profile, 400, _NEEDS_PARSER, param="tool_choice")
    if not isinstance(given, list):
        raise invalid(profile, "tools must be a list of objects.", "tools")
    functions = [_checked(profile, tool) for tool in given]
    return Tools(() if choice == "none" else functions, _demanded(profile, choice, functions))


def _checked(profile: Profile, tool: object) -> JsonObject:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    if not isinstance(function, dict):
        raise invalid(profile, "A tool must have type function, and a function.", "tools")
    name, parameters = function.get("name"), function.get("parameters", {"type": "object"})
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise invalid(profile, f"The name of a function must match {_NAME.pattern}, got {name!r}.", "tools")
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise invalid(profile, f"The parameters of function {name!r} must be a schema of type object.", "tools")
    return function


def _demanded(profile: Profile, choice: object, functions: Sequence[JsonObject]) -> JsonObject | None:
    """Find the function that a call is demanded of: the named one, or the first one if any will do."""
    if choice in (None, "auto", "none"):
        return None
    if choice == "required":
        return functions[0]
    named = choice.get("function") if isinstance(choice, dict) else None
    wanted = named.get("name") if isinstance(named, dict) else None
    found = next((function for function in functions if function["name"] == wanted), None)
    if found is None:
        raise invalid(profile, f"tool_choice {choice!r} is not one of the tools.", "tool_choice")
    return found


def _made_up(schema: object) -> object:
    if not isinstance(schema, dict):
        return "text"
    options = schema.get("enum")
    return options[0] if isinstance(options, list) and options else _VALUES.get(str(schema.get("type")), "text")


def _function(text: str) -> JsonObject:
    """Read a call that the model wrote; what is no JSON becomes the arguments, as it is."""
    try:
        call = json.loads(text)
    except ValueError:
        call = None
    if not isinstance(call, dict):
        return {"name": "", "arguments": text}
    arguments = call.get("arguments", {})
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"name": str(call.get("name", "")), "arguments": written}
