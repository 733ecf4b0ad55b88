"""A subclass of ``LM`` may give its own methods and attributes any name that the reference harness leaves free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, TemplateLM
from lm_eval.planning import plan
from tests.fakes import write_tasks


class Crowded(LM):
    """Has methods of its own whose names describe what an evaluation does with a model, with other arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.keeps_answers = True
        self.estimator = self.args = self.chat = "of the subclass"
        self.prepared: list[str] = []

    def prepare(self, prompt: str, template: str) -> str:
        self.prepared.append(prompt)
        return template.format(prompt)

    def respond(self, prompt: str, *, style: str) -> str:
        return f"{style}{len(self.prepare(prompt, '{}'))}"

    def refuses(self, prompt: str, reason: str) -> bool:
        return prompt == reason

    def describe(self, prompt: str, length: int) -> str:
        return prompt[:length]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        return [(-float(request.idx), request.idx == 0) for request in requests]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        return [-1.0 for _ in requests]

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return [self.respond(request.args[0], style="") for request in requests]


def test_methods_of_a_subclass_with_such_names_are_left_alone(tmp_path: Path) -> None:
    lm = Crowded()
    results: dict[str, Any] = simple_evaluate(
        lm, tasks=["choice", "generate"], include_path=write_tasks(tmp_path), use_cache=str(tmp_path / "cache.db")
    )
    assert results["results"]["choice"]["acc,none"] == 0.0
    assert results["results"]["generate"]["exact_match,none"] == 0.0
    assert len(lm.prepared) == 10


def test_a_plan_leaves_them_alone_too(tmp_path: Path) -> None:
    found = plan(Crowded(), tasks=["generate"], include_path=write_tasks(tmp_path))
    assert [task.docs for task in found.tasks] == [10]


class ByWords(TemplateLM):
    """Scores the lengths of words; what it got is in ``seen``."""

    eot_token_id = 0
    seen: list[Any]

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        return [len(word) for word in string.split()]

    def _loglikelihood_tokens(
        self, requests: list[Any], disable_tqdm: bool = False, **kwargs: Any
    ) -> list[tuple[float, bool]]:
        self.seen = [*requests, disable_tqdm]
        return [(-1.0, True) for _ in requests]

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        return []

    def generate_until(self, requests: list[Instance]) -> list[str]:
        return []


def test_a_model_of_token_ids_gets_pairs_of_them() -> None:
    lm = ByWords()
    pairs = [("a bb ", "ccc"), ("", "dddd ee")]
    requests = [Instance("loglikelihood", {}, pair, 0) for pair in pairs]
    assert lm.loglikelihood(requests, disable_tqdm=True) == [(-1.0, True)] * 2
    assert lm.seen == [(pairs[0], [1, 2], [3]), (pairs[1], [0], [4, 2]), True]
    lm.backend = "seq2seq"
    lm.loglikelihood(requests[:1])
    assert lm.seen == [(pairs[0], [1, 2], [3]), False]
