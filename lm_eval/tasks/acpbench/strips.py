"""Planning problems in PDDL: the actions and facts that can ever occur, and states.

The language is STRIPS with types, constants, equality and action costs, which are ignored. Actions are grounded as far
as they can be reached when nothing is ever deleted. Names are in lower case; a fact or an action is its words with a
space between them, such as ``on a b``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Action", "Problem", "replace_section"]

State = frozenset[str]
Expression: TypeAlias = "str | list[Expression]"

_TOKEN = re.compile(r"[()]|[^\s()]+")
_COMMENT = re.compile(r";[^\n]*")


@dataclass(frozen=True, slots=True)
class Action:
    """A ground action.

    Attributes:
        name: Its name and arguments.
        preconditions: The facts that must hold, without those that no action changes.
        adds: The facts that become true.
        deletes: The facts that become false.
    """

    name: str
    preconditions: State
    adds: State
    deletes: State

    def apply(self, state: State) -> State:
        """Return the state after the action.

        Args:
            state: The state before it, in which the preconditions hold.
        """
        return (state - self.deletes) | self.adds


@dataclass(frozen=True, slots=True)
class _Schema:
    """An action with parameters, and its conditions and effects as lists of words."""

    name: str
    parameters: Sequence[tuple[str, str]]
    conditions: Sequence[list[str]]
    unequal: Sequence[tuple[str, str]]
    adds: Sequence[list[str]]
    deletes: Sequence[list[str]]


class Problem:
    """A domain and a problem.

    Attributes:
        actions: Name to each action that can be reached.
        initial: The initial facts that actions change.
        goal: The facts of the goal that can be reached.
        static: The facts that hold in all states.
    """

    def __init__(self, domain: str, problem: str) -> None:
        """Read and ground a problem.

        Args:
            domain: The domain in PDDL.
            problem: The problem in PDDL.

        Raises:
            ValueError: One of them is not PDDL of this kind.
        """
        try:
            self._read(_sections(domain), _sections(problem))
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"no STRIPS problem: {type(error).__name__}: {error}") from error

    def _read(self, domain: Mapping[str, list[Expression]], problem: Mapping[str, list[Expression]]) -> None:
        types = _typed(domain.get(":types", []))
        objects = [*_typed(domain.get(":constants", [])), *_typed(problem.get(":objects", []))]
        members = _members(types, objects)
        schemas = [_schema(_list(body)) for body in domain[":action"]]
        changed = {atom[0] for schema in schemas for atom in (*schema.adds, *schema.deletes)}
        start = [_words(_list(fact)) for fact in problem[":init"] if _list(fact)[0] != "="]
        reached, grounded = _ground(schemas, members, start)
        self.static: State = frozenset(" ".join(fact) for fact in start if fact[0] not in changed)
        self.initial: State = frozenset(" ".join(fact) for fact in start if fact[0] in changed)
        fluents = frozenset(fact for fact in reached if fact.split()[0] in changed)
        goal = _list(problem[":goal"][0])
        facts = [" ".join(_words(_list(part))) for part in goal[1:]] if goal[0] == "and" else [" ".join(_words(goal))]
        self.goal: State = frozenset(facts) if goal[0] != "and" else frozenset(facts) & fluents
        self.actions: dict[str, Action] = {}
        for schema, binding in grounded:
            name = " ".join([schema.name, *(binding[parameter] for parameter, _ in schema.parameters)])
            parts = [frozenset(" ".join(_bound(atom, binding)) for atom in atoms) & fluents for atoms in _atoms(schema)]
            self.actions[name] = Action(name, *parts)

    def is_plan(self, names: Iterable[str]) -> bool:
        """Return whether actions can be applied one after the other, and reach the goal.

        Args:
            names: The names of the actions.
        """
        state = self.initial
        for name in names:
            action = self.actions.get(name)
            if action is None or not action.preconditions <= state:
                return False
            state = action.apply(state)
        return self.goal <= state


def replace_section(problem: str, name: str, content: str) -> str:
    """Replace a section of a problem; every section of the name but the first is removed.

    Args:
        problem: The problem in PDDL.
        name: The section, such as ``:goal``.
        content: What stands there instead, with its parentheses; empty to remove the section.
    """
    while (start := problem.find(f"({name}")) >= 0:
        depth = 0
        for end in range(start, len(problem)):
            depth += {"(": 1, ")": -1}.get(problem[end], 0)
            if depth == 0:
                break
        problem = problem[:start] + "\0" + problem[end + 1 :]
    return problem.replace("\0", content, 1).replace("\0", "")


def _atoms(schema: _Schema) -> tuple[Sequence[list[str]], ...]:
    return schema.conditions, schema.adds, schema.deletes


def _sections(text: str) -> dict[str, list[Expression]]:
    """Return the sections of a definition; the bodies of all actions are in one list."""
    definition = _parse(text)
    sections: dict[str, list[Expression]] = {}
    for part in map(_list, definition[1:]):
        name = str(part[0])
        if name == ":action":
            sections.setdefault(name, []).append(part)
        else:
            sections[name] = part[1:]
    return sections


def _parse(text: str) -> list[Expression]:
    stack: list[list[Expression]] = [[]]
    for token in _TOKEN.findall(_COMMENT.sub("", text.lower())):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            if not stack:
                raise ValueError("more parentheses are closed than opened")
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or not stack[0]:
        raise ValueError("a parenthesis is not closed, or the text is empty")
    return _list(stack[0][0])


def _list(expression: Expression) -> list[Expression]:
    if isinstance(expression, str):
        raise TypeError(f"{expression!r} is no list")
    return expression


def _words(expression: list[Expression]) -> list[str]:
    return [word for word in expression if isinstance(word, str)]


def _typed(words: Sequence[Expression]) -> list[tuple[str, str]]:
    """Return names with their types, from ``a b - t c``; a name without a type is an ``object``."""
    found: list[tuple[str, str]] = []
    waiting: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "-":
            kind = next(rest)
            kinds = [kind] if isinstance(kind, str) else _words(kind)[1:]
            found += [(name, each) for name in waiting for each in kinds]
            waiting = []
        else:
            waiting.append(str(word))
    return found + [(name, "object") for name in waiting]


def _members(types: Sequence[tuple[str, str]], objects: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return type to its objects, those of its subtypes too."""
    parents = defaultdict(set)
    for kind, parent in types:
        parents[kind].add(parent)
    members: dict[str, dict[str, None]] = defaultdict(dict)
    for name, kind in objects:
        open_kinds, seen = [kind, "object"], set[str]()
        while open_kinds:
            each = open_kinds.pop()
            if each not in seen:
                seen.add(each)
                members[each][name] = None
                open_kinds += parents[each]
    return defaultdict(list, {kind: list(names) for kind, names in members.items()})


def _schema(body: list[Expression]) -> _Schema:
    keys = {str(body[place]): body[place + 1] for place in range(2, len(body) - 1, 2)}
    conditions, unequal = [], []
    for part in _conjuncts(keys.get(":precondition", [])):
        if part[0] != "not":
            conditions.append(_words(part))
        elif _list(part[1])[0] == "=":
            first, second = _words(_list(part[1]))[1:]
            unequal.append((first, second))
    effects = _conjuncts(keys[":effect"])
    return _Schema(
        name=str(body[1]),
        parameters=_typed(_list(keys.get(":parameters", []))),
        conditions=conditions,
        unequal=unequal,
        adds=[_words(part) for part in effects if part[0] not in ("not", "increase")],
        deletes=[_words(_list(part[1])) for part in effects if part[0] == "not"],
    )


def _conjuncts(expression: Expression) -> list[list[Expression]]:
    whole = _list(expression)
    if not whole:
        return []
    return [part for each in whole[1:] for part in _conjuncts(each)] if whole[0] == "and" else [whole]


Binding = dict[str, str]


def _bound(atom: Sequence[str], binding: Mapping[str, str]) -> list[str]:
    return [binding.get(word, word) for word in atom]


def _ground(
    schemas: Sequence[_Schema], members: Mapping[str, list[str]], start: Iterable[Sequence[str]]
) -> tuple[set[str], list[tuple[_Schema, Binding]]]:
    """Find the facts and actions that are reached when nothing is deleted."""
    facts: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
    for name, *arguments in start:
        facts[name][tuple(arguments)] = None
    found: dict[tuple[int, tuple[str, ...]], tuple[_Schema, Binding]] = {}
    grew = True
    while grew:
        grew = False
        for number, schema in enumerate(schemas):
            for binding in list(_bindings(schema, members, facts)):
                key = (number, tuple(binding[parameter] for parameter, _ in schema.parameters))
                if key in found:
                    continue
                found[key] = (schema, binding)
                grew = True
                for atom in schema.adds:
                    name, *arguments = _bound(atom, binding)
                    facts[name][tuple(arguments)] = None
    reached = {" ".join([name, *arguments]) for name, rows in facts.items() for arguments in rows}
    return reached, list(found.values())


def _bindings(
    schema: _Schema, members: Mapping[str, list[str]], facts: Mapping[str, Mapping[tuple[str, ...], None]]
) -> Iterator[Binding]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for parameter, kind in schema.parameters:
        kinds[parameter] |= set(members[kind])
    # The conditions with the fewest facts first.
    conditions = sorted(schema.conditions, key=lambda atom: len(facts.get(atom[0], ())))

    def extend(place: int, binding: Binding) -> Iterator[Binding]:
        if place < len(conditions):
            name, *words = conditions[place]
            for arguments in list(facts.get(name, ())):
                more = _unify(words, arguments, binding, kinds)
                if more is not None:
                    yield from extend(place + 1, more)
            return
        free = [parameter for parameter in kinds if parameter not in binding]
        if free:
            for value in sorted(kinds[free[0]]):
                yield from extend(place, {**binding, free[0]: value})
        elif all(binding.get(a, a) != binding.get(b, b) for a, b in schema.unequal):
            yield binding

    return extend(0, {})


def _unify(
    words: Sequence[str], arguments: Sequence[str], binding: Binding, kinds: Mapping[str, set[str]]
) -> Binding | None:
    """Return the binding under which the words of a condition are the arguments of a fact; None if there is none."""
    if len(words) != len(arguments):
        return None
    more = dict(binding)
    for word, argument in zip(words, arguments, strict=True):
        if not word.startswith("?"):
            if word != argument:
                return None
        elif more.setdefault(word, argument) != argument or argument not in kinds[word]:
            return None
    return more
