"""What a run would ask, in requests, tokens and money, before it asks anything."""

from __future__ import annotations

from lm_eval.planning.build import plan, plan_run
from lm_eval.planning.plans import Example, Plan, TaskPlan

__all__ = ["Example", "Plan", "TaskPlan", "plan", "plan_run"]
