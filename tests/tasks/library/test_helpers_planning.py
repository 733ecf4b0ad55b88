"""The planning problems of ACPBench, checked against the answers that its authors give for their examples."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lm_eval.tasks.acpbench import shots
from lm_eval.tasks.acpbench.strips import Problem, replace_section

DOMAIN = """
(define (domain d) (:requirements :strips :typing :equality) (:types box cat - thing room) (:constants hall - room)
 (:predicates (in ?t - thing ?r - room) (door ?a ?b - room) (asleep ?c - cat)) ; a comment (
 (:action carry :parameters (?t - thing ?a ?b - room) :precondition (and (in ?t ?a) (door ?a ?b) (not (= ?a ?b)))
  :effect (and (in ?t ?b) (not (in ?t ?a)) (increase (total-cost) 1)))
 (:action wake :parameters (?c - cat) :precondition (asleep ?c) :effect (not (asleep ?c))))
"""
PROBLEM = """
(define (problem p) (:domain d) (:objects b - box Tom - cat attic cellar - room)
 (:init (in b hall) (in tom attic) (asleep tom) (door hall attic) (door attic attic) (= (total-cost) 0))
 (:goal (and (in b attic) (in b cellar))) (:metric minimize (total-cost)))
"""


def _shots(ability: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = getattr(shots, f"acp_{ability}_gen_with_pddl")()
    return found


def _actions(text: str) -> list[str]:
    return re.findall(r"\(([^()]+)\)", text)


def test_grounding_reaches_what_it_can() -> None:
    problem = Problem(DOMAIN, PROBLEM)
    assert sorted(problem.actions) == ["carry b hall attic", "wake tom"]
    assert problem.initial == {"in b hall", "in tom attic", "asleep tom"}
    assert problem.static == {"door hall attic", "door attic attic"}
    assert problem.goal == {"in b attic"}, "a fact that cannot be reached is left out"
    assert problem.actions["wake tom"].deletes == {"asleep tom"}


def test_a_plan_reaches_the_goal_by_actions_that_can_be_applied() -> None:
    problem = Problem(DOMAIN, PROBLEM)
    assert problem.is_plan(["wake tom", "carry b hall attic"])
    assert not problem.is_plan(["wake tom"])
    assert not problem.is_plan(["wake tom", "wake tom", "carry b hall attic"])
    assert not problem.is_plan(["carry b attic hall"])


@pytest.mark.parametrize("text", ["", "(define", "(define (domain d)))", "(define (domain d) (:action))"])
def test_text_that_is_no_domain_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Problem(text, PROBLEM)


def test_sections_are_replaced_with_their_parentheses() -> None:
    assert replace_section("(a (:goal (x (y))) (b))", ":goal", "(:goal z)") == "(a (:goal z) (b))"
    assert replace_section("(a (:metric m) (b))", ":metric", "") == "(a  (b))"


def test_applicable_actions_are_those_of_the_authors() -> None:
    for shot in _shots("app"):
        problem = Problem(shot["PDDL_domain"], shot["PDDL_problem"])
        applicable = {action.name for action in problem.actions.values() if action.preconditions <= problem.initial}
        assert applicable == set(_actions(str(shot["answer"])))


def test_simplified_plans_of_the_authors_are_plans() -> None:
    for shot in _shots("just"):
        assert Problem(shot["PDDL_domain"], shot["PDDL_problem"]).is_plan(_actions(str(shot["answer"])))


def _first_inapplicable(problem: Problem, names: list[str]) -> int:
    state = problem.initial
    for index, name in enumerate(names):
        action = problem.actions.get(name)
        if action is None or not action.preconditions <= state:
            return index
        state = action.apply(state)
    return len(names)


def test_first_inapplicable_action_is_the_one_of_the_authors() -> None:
    for shot in _shots("val"):
        problem = Problem(shot["PDDL_domain"], shot["PDDL_problem"])
        assert _first_inapplicable(problem, _actions(shot["question"])) == int(shot["answer"])


def test_an_unknown_task_has_no_examples() -> None:
    with pytest.raises(AttributeError, match="did you mean 'acp_app_gen'"):
        _ = shots.acp_ap_gen
