"""What a model wrote neither stops the scoring of a run nor runs outside the sandbox unasked."""

from __future__ import annotations

import sys
import threading
import urllib.error
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lm_eval.api.not_computed import NotComputed
from lm_eval.tasks.lingoly import script as lingoly
from lm_eval.tasks.shared.number_size import refuse_huge
from lm_eval.tasks.shared.services import ask
from lm_eval.tasks.slr_bench import lm_eval_slr_bench as slr_bench

sympy: Any = pytest.importorskip("sympy")


def power(base: object, exponent: object) -> Any:
    return sympy.Pow(base, exponent, evaluate=False)


def test_huge_numbers_are_refused() -> None:
    too_large = [
        power(9, power(9, 9)),
        power(9, 99_999_999),
        power(power(9, 99_999), 99_999),
        sympy.factorial(10**8, evaluate=False),
        sympy.Add(1, power(2, -(10**9)), evaluate=False),
    ]
    for formula in too_large:
        with pytest.raises(ValueError, match="too large"):
            refuse_huge(formula)


def test_other_formulas_are_accepted() -> None:
    x = sympy.Symbol("x")
    small = [power(2, 2007), power(2, power(2, 10)), power(x, 10**9), sympy.factorial(20, evaluate=False), sympy.pi]
    for formula in [*small, sympy.Rational(1, 3), sympy.oo, sympy.Tuple(1, 2), (1, 2), None]:
        refuse_huge(formula)


@pytest.mark.parametrize(
    ("function", "formula"),
    [
        ("lm_eval.tasks.minerva_math.utils.differ_by_zero", "9^{9^{9}}"),
        ("lm_eval.tasks.leaderboard.utils.is_equal", "9^{9^{9}}"),
        ("lm_eval.tasks.score.equality.math_equal", "9**9**9"),
    ],
)
def test_a_tower_of_powers_is_no_right_answer(function: str, formula: str) -> None:
    pytest.importorskip("antlr4")
    pytest.importorskip("math_verify")
    module, _, name = function.rpartition(".")
    equal = getattr(__import__(module, fromlist=[name]), name)
    assert not equal(formula, "5")
    assert equal("2^{10}", "1024")


@pytest.mark.parametrize("response", ["{'a', 'b'}", "{1}"])
def test_lingoly_takes_a_set_for_no_answer(response: str) -> None:
    assert lingoly.exact_match([str({"a": "yes"})], [response]) == [0.0]


class Judge:
    """Stands for the authors' judge, which evaluate downloads."""

    __module__ = "evaluate_modules.judge"

    def compute(self, **_: object) -> dict[str, float]:
        return {"accuracy": 1.0}


def test_slr_bench_runs_prolog_only_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = ModuleType("evaluate")
    evaluate.load = lambda name: Judge()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "evaluate", evaluate)
    monkeypatch.setattr(slr_bench, "shutil", SimpleNamespace(which=lambda name: "/usr/bin/swipl"))
    monkeypatch.delenv("LM_EVAL_RUN_PROLOG", raising=False)

    def reward() -> object:
        slr_bench._judge.cache_clear()
        return slr_bench.process_results({}, ["eastbound(T) :- shell(ls)."])["verifiable_reward"]

    refused = reward()
    assert isinstance(refused, NotComputed)
    assert "LM_EVAL_RUN_PROLOG=1" in str(refused)
    monkeypatch.setenv("LM_EVAL_RUN_PROLOG", "1")
    assert reward() == 1.0
    slr_bench._judge.cache_clear()


def test_a_key_follows_no_redirect() -> None:
    asked: list[str] = []

    class Redirects(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Redirects) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(urllib.error.HTTPError, match="302"):
            ask(f"http://127.0.0.1:{server.server_port}/judge", {}, {"Authorization": "Bearer made"})
        server.shutdown()
    assert asked == ["/judge"]
