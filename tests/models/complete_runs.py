"""Instances of every type, and their path through the complete engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.models.openai_completions import LocalCompletionsAPI

ALL = frozenset({"generate_until", "loglikelihood", "loglikelihood_rolling"})


def work(docs: int = 12) -> list[Instance]:
    """Build Instances of every type, with two repeats of each generation."""
    instances = []
    for doc in range(docs):
        settings = {"max_gen_toks": 4 + doc % 3, "until": ["\n"]}
        prompt = f"Question {doc}: the capital of France is"
        instances.append(Instance("generate_until", {}, (prompt, settings), 0, ("generate", doc, 2)))
        instances += [
            Instance("loglikelihood", {}, (f"Doc {doc}. The capital is", choice), idx, ("choice", doc, 1))
            for idx, choice in enumerate((" Paris", " London"))
        ]
    return instances


def model(url: str, **arguments: Any) -> LocalCompletionsAPI:
    lm = LocalCompletionsAPI(model="mock", base_url=url, **arguments)
    lm.harness_pool.session._policy.first_wait = lm.harness_pool.session._probe_policy.first_wait = 0.01
    return lm


def answers(instances: Sequence[Instance]) -> list[Any]:
    return [(instance.resps, instance.error and instance.error.kind) for instance in instances]


def run(url: str, context: RunContext | None = None, **arguments: Any) -> tuple[list[Any], LocalCompletionsAPI]:
    lm, instances = model(url, **arguments), work()
    lm.harness_prepare(context or RunContext(request_types=ALL))
    lm.harness_respond(instances)
    return answers(instances), lm
