"""ACPBench Hard: the actions and facts of a response, and whether they are right."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from kstar_planner import planners
from lark import Lark, Token, Tree
from lark.exceptions import LarkError, UnexpectedInput, UnexpectedToken

from lm_eval.api.filter import ResponseFilter
from lm_eval.api.registry import register_filter
from lm_eval.tasks.acpbench.strips import Problem, replace_section

__all__ = ["ACPGrammarFilter", "process_acp_results"]

Doc = Mapping[str, Any]

_GRAMMAR = r"""
NAME: /[a-zA-Z][a-zA-Z0-9-_]*/
LPAR: "("
RPAR: ")"
LSPAR: "["
RSPAR: "]"
COMMA: ","
WS: /[ \n]/
action_none: "None"
action_name: LPAR NAME (WS NAME)* RPAR
action_list: (action_name WS?)*
prog_list: action_name* (COMMA action_name)*
progression_list: LSPAR prog_list RSPAR LSPAR prog_list RSPAR
act: action_name | action_none
index: /[0-9]+[0-9]*/
"""
_PLAN_START, _PLAN_END = 19, -147
"""The question about a plan quotes it between these places."""


@register_filter("ACP_grammar_filter")
class ACPGrammarFilter(ResponseFilter):
    """Read the action, the actions, the facts or the number of a response; None if there is none."""

    def __init__(self, grammar_task: str, clean: str | None = None, **kwargs: object) -> None:
        """Choose what is read.

        Args:
            grammar_task: ``act``, ``action_name``, ``action_list``, ``progression_list`` or ``index``.
            clean: ``pos_neg`` reads facts under two headings too; ``simplified plan`` reads what is after that heading.
            **kwargs: Not needed.
        """
        self.task, self.clean = grammar_task, clean

    def transform(self, response: str) -> object:
        """Return what the response says."""
        return _read(self.task, _cleaned(response, self.clean))


def _cleaned(response: str, clean: str | None) -> str:
    lower = response.lower()
    if clean == "pos_neg" and "positive effects" in lower and "negative effects" in lower and "[" not in response:
        plain = lower.replace("*", "")
        return plain.replace("positive effects", "[").replace("negative effects", "] [") + "]"
    if clean == "simplified plan" and "simplified plan:" in lower:
        return lower.replace("*", "").split("simplified plan:")[1]
    return response


@cache
def _parser(task: str) -> Lark:
    return Lark(_GRAMMAR, start=task, parser="lalr")


def _read(task: str, text: str) -> object:
    """Read a text by the grammar; what does not fit is skipped, and what is missing at the end is added."""
    parser = _parser(task)

    def skip(error: UnexpectedInput) -> bool:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            for name in error.expected - {"WS"}:
                error.interactive_parser.feed_token(Token(name, parser.get_terminal(name).pattern.value))
        return True

    # The parser raises anything for a text that cannot be repaired.
    with suppress(LarkError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        return _value(task, parser.parse(text.replace("\n", "").strip(), on_error=skip))
    return None


def _value(task: str, tree: Tree[Token]) -> object:
    if task == "index":
        number = "".join(map(str, tree.children))
        return number if number.isnumeric() else None
    if task == "progression_list":
        first, *others = [_names(part) for part in tree.children if isinstance(part, Tree)]
        # Equal lists are one.
        return [first, *(other for other in others if other != first)]
    names = _names(tree)
    if task == "action_list":
        return names
    return names[-1] if names else "None" if any(tree.find_data("action_none")) else None


def _names(tree: Tree[Token]) -> list[str]:
    subtrees = tree.iter_subtrees_topdown()
    return ["(" + "".join(map(str, part.children[1:-1])) + ")" for part in subtrees if part.data == "action_name"]


def process_acp_results(doc: Doc, results: Sequence[Any]) -> dict[str, float]:
    """Score the answers to a question.

    Args:
        doc: A row with ``group``, ``question``, ``answer``, ``PDDL_domain`` and ``PDDL_problem``.
        results: What the filter read in each response.

    Returns:
        ``score``: the share of right answers.
    """
    judge = _JUDGES[doc["group"]]
    scores = [judge(answer, doc) if answer is not None else False for answer in results]
    return {"score": sum(scores) / len(scores)}


def _applicable(answer: Sequence[str], doc: Doc) -> bool:
    """All actions that can be applied."""
    return {_spaced(action) for action in answer} == {action.lower() for action in doc["answer"]}


def _spaced(action: str) -> str:
    return "(" + " ".join(action[1:-1].split()).lower() + ")"


def _progression(answer: Sequence[Sequence[str]], doc: Doc) -> bool:
    """The facts that become true, and those that become false; a missing second list is empty."""
    if not 1 <= len(answer) <= 2:
        return False
    given = [{fact.lower() for fact in facts} for facts in [*answer, []][:2]]
    return given == [{fact.lower() for fact in doc["answer"][sign]} for sign in ("pos", "neg")]


def _validation(answer: str, doc: Doc) -> bool:
    """The index of the first action that cannot be applied."""
    return answer.strip().lower() == str(doc["answer"]).lower()


def _landmark(answer: str, doc: Doc) -> bool:
    """A fact that holds on the way to the goal in every plan; "none" where none is known."""
    known = [fact.lower() for fact in doc["answer"]["yes"]]
    given = answer.strip().lower()
    return given in known or (given == "none" and not known)


def _reachable(answer: str, doc: Doc) -> bool:
    """A fact that no plan reaches; "none" where every fact can be reached."""
    given = answer.strip().lower()
    known = [f"({fact.strip().lower()})" for fact in doc["answer"]]
    return given in known or _unreachable(doc, given) if known else given == "none"


def _action_reachable(answer: str, doc: Doc) -> bool:
    """An action that is never applicable; "none" where every action can be."""
    given = answer.strip().lower()
    if not doc["answer"]:
        return given == "none"
    if given in doc["answer"]:
        return True
    problem = _problem(doc)
    action = problem.actions.get(given[1:-1]) if problem else None
    if action is None:
        return False
    return _unreachable(doc, "(and " + " ".join(f"({fact})" for fact in sorted(action.preconditions)) + ")")


def _justification(answer: Sequence[str], doc: Doc) -> bool:
    """A plan that leaves out actions of the plan in the question."""
    # "inputs" is the column's name in an older version of the dataset.
    question = doc["inputs"] if "inputs" in doc else doc["question"]
    plan = question[_PLAN_START:_PLAN_END].replace(") (", ")\0(").split("\0")
    shorter = ["(" + " ".join(filter(None, action[1:-1].split(" "))) + ")" for action in answer]
    if not 0 < len(shorter) < len(plan):
        return False
    rest = iter(plan)
    if not all(any(action == other for other in rest) for action in shorter):
        return False
    problem = _problem(doc)
    return problem is not None and problem.is_plan(action[1:-1].lower() for action in shorter)


def _closer(answer: str, doc: Doc) -> bool:
    """An action after which an optimal plan has one action less."""
    given = answer.strip().lower()
    known = {kind: [action.lower() for action in doc["answer"][kind]] for kind in ("yes", "no", "maybe")}
    if given in known["yes"] or given in known["no"] or given not in known["maybe"]:
        return given in known["yes"]
    problem = _problem(doc)
    action = problem.actions.get(given[1:-1]) if problem else None
    if problem is None or action is None or not action.preconditions <= problem.initial:
        return False
    shortest = doc["answer"].get("opt")
    before = _plan_length(doc, problem, problem.initial) if shortest is None else int(shortest)
    after = _plan_length(doc, problem, action.apply(problem.initial))
    return before is not None and after is not None and after + 1 == before


_JUDGES: dict[str, Callable[[Any, Doc], bool]] = {
    "applicable_actions_gen": _applicable,
    "progression_gen": _progression,
    "validation_gen": _validation,
    "reachable_atom_gen": _reachable,
    "goal_closer_gen": _closer,
    "action_justification_gen": _justification,
    "landmarks_gen": _landmark,
    "reachable_action_gen": _action_reachable,
}


def _problem(doc: Doc) -> Problem | None:
    return _grounded(doc["PDDL_domain"], doc["PDDL_problem"])


@lru_cache(maxsize=16)
def _grounded(domain: str, problem: str) -> Problem | None:
    with suppress(ValueError):
        return Problem(domain, problem)
    return None


def _unreachable(doc: Doc, goal: str) -> bool:
    """Return whether the planner proves within 3 s that a goal cannot be reached; False where it fails."""
    problem = replace_section(doc["PDDL_problem"].lower(), ":goal", f"(:goal {goal} )")
    found = _plans(doc["PDDL_domain"].lower(), problem, seconds=3)
    return not found["planner_error"] and not found["plans"] and bool(found["unsolvable"])


def _plan_length(doc: Doc, problem: Problem, state: frozenset[str]) -> int | None:
    """Return the number of actions of a shortest plan from a state; None if none is found within 5 s."""
    facts = " ".join(f"({fact})" for fact in sorted(state | problem.static))
    text = replace_section(doc["PDDL_problem"].lower(), ":init", f"(:init {facts})")
    # Without its metric every action costs the same.
    found = _plans(doc["PDDL_domain"].lower(), replace_section(text, ":metric", ""), seconds=5)
    return len(found["plans"][0]["actions"]) if found and found["plans"] else None


def _plans(domain: str, problem: str, seconds: int) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        files = {"domain_file": domain, "problem_file": problem}
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        return planners.plan_unordered_topq(
            **{name: Path(folder, name) for name in files},
            quality_bound=1.0,
            number_of_plans_bound=1,
            timeout=seconds,
        )
