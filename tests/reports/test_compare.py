from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable, Iterable
from math import exp, inf
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.compare import Comparison, Row, compare, gate_lines, render, to_markdown, to_text
from lm_eval.results import load
from lm_eval.statistics.multiple import holm
from lm_eval.statistics.paired import Stratum, mcnemar, paired_bootstrap, proportion_interval, stratified_bootstrap
from tests.reports.saved_runs import docs, save

# 100 docs: B wins 3 and loses 12.
RIGHT_A, RIGHT_B = [1] * 60 + [0] * 40, [1] * 48 + [0] * 49 + [1] * 3


@pytest.fixture
def both(tmp_path: Path) -> Callable[..., Comparison]:
    """Save two runs and compare them."""

    def run(a: dict[str, Any], b: dict[str, Any], of_a: Any = None, of_b: Any = None, **options: Any) -> Comparison:
        folders = save(tmp_path / "a", a, **(of_a or {})), save(tmp_path / "b", b, **(of_b or {}))
        return compare(load(folders[0]), load(folders[1]), **options)

    return run


Both = Callable[..., Comparison]


def only(comparison: Comparison) -> Row:
    (row,) = comparison.rows
    return row


def noisy(seed: int, n: int = 100) -> list[float]:
    rng = random.Random(seed)
    return [rng.random() for _ in range(n)]


def said(comparison: Comparison) -> list[str]:
    return [note.line() for note in comparison.notes]


class TestRows:
    def test_0_1_scores_use_mcnemar(self, both: Both) -> None:
        row = only(both({"t": docs(RIGHT_A)}, {"t": docs(RIGHT_B)}))
        test = mcnemar(3, 12)
        assert (row.test, row.n, row.wins, row.losses) == ("mcnemar", 100, 3, 12)
        assert (row.p_value, row.p_exact) == (test.mid, test.exact)
        assert (row.a, row.b) == (0.6, 0.51)
        assert row.difference == pytest.approx(-0.09)
        assert row.interval == proportion_interval(3, 12, 100)

    def test_truth_values_are_0_1_scores(self, both: Both) -> None:
        values = [[bool(value) for value in run] for run in (RIGHT_A, RIGHT_B)]
        assert only(both({"t": docs(values[0])}, {"t": docs(values[1])})).p_value == mcnemar(3, 12).mid

    def test_other_scores_use_the_paired_bootstrap(self, both: Both) -> None:
        a, b = noisy(1), noisy(2)
        row = only(both({"t": docs(a)}, {"t": docs(b)}))
        expected = paired_bootstrap([y - x for x, y in zip(a, b, strict=True)])
        assert (row.test, row.p_value, row.interval) == ("paired bootstrap", expected.p_value, expected.interval)
        assert row.minimum_detectable_effect == pytest.approx(2.8016 * (expected.stderr or 0), rel=1e-4)

    def test_complete_clusters_are_resampled(self, both: Both) -> None:
        passages = [str(index // 5) for index in range(100)]
        a, b = ([{**doc, "cluster": p} for doc, p in zip(docs(v), passages, strict=True)] for v in (RIGHT_A, RIGHT_B))
        row = only(both({"t": a}, {"t": b}))
        expected = paired_bootstrap([y - x for x, y in zip(RIGHT_A, RIGHT_B, strict=True)], passages)
        assert (row.test, row.clusters, row.p_value) == ("clustered paired bootstrap", 20, expected.p_value)

    def test_clusters_of_one_doc_are_ignored(self, both: Both) -> None:
        a, b = ([{**doc, "cluster": doc["doc_id"]} for doc in docs(values)] for values in (RIGHT_A, RIGHT_B))
        assert only(both({"t": a}, {"t": b})).test == "mcnemar"

    def test_perplexities_are_compared_by_their_ratio(self, both: Both) -> None:
        a, b = [-2 - value for value in noisy(1)], [-2.5 - value for value in noisy(2)]
        perplexities = [exp(-sum(values) / 100) for values in (a, b)]
        of_a, of_b = ({"scores": {"t": {"ppl,none": p}}, "better": {"ppl": False}} for p in perplexities)
        row = only(both({"t": docs(a, "ppl")}, {"t": docs(b, "ppl")}, of_a, of_b))
        assert (row.scale, row.a, row.b) == ("ratio", *map(pytest.approx, perplexities))
        assert row.difference == pytest.approx(perplexities[1] / perplexities[0])
        assert row.interval is not None and 1 < row.interval[0] < (row.difference or 0) < row.interval[1]
        assert row.losses > row.wins
        assert row.gain is not None and row.gain < 0 and row.least_gain == pytest.approx(1 - row.interval[1])

    @pytest.mark.parametrize(
        ("values", "score", "reason"),
        [
            ([[-3.5, 7]] * 4, 1.6, "documents have no value of their own"),
            ([0.1, 0.2, 0.3, 0.9], 0.25, "the score is not the mean of its documents' values"),
            ([0.0, 1.0], "N/A", "no score in A"),
        ],
    )
    def test_corpus_scores_have_no_paired_test(self, both: Both, values: Any, score: Any, reason: str) -> None:
        given = {"scores": {"t": {"acc,none": score}}}
        row = only(
            both({"t": docs(values), "u": docs([1])}, {"t": docs(values), "u": docs([1])}, given, given, tasks=["t"])
        )
        assert (row.test, row.reason, row.p_value, row.interval, row.n) == (None, reason, None, None, 0)

    def test_scores_without_a_test_stand_side_by_side(self, both: Both) -> None:
        samples = {"t": [{**doc, "bleu": [1, 2], "metrics": ["acc", "bleu"]} for doc in docs(RIGHT_A)]}
        of_a, of_b = ({"scores": {"t": {"bleu,none": value}}} for value in (20.0, 21.5))
        row = both(samples, samples, of_a, of_b).rows[1]
        assert (row.score_a, row.score_b, row.difference, row.test) == (20.0, 21.5, 1.5, None)

    def test_lower_is_better_for_some_metrics(self, both: Both) -> None:
        better = {"better": {"acc": False}}
        row = only(both({"t": docs(RIGHT_A)}, {"t": docs(RIGHT_B)}, better, better))
        assert (row.wins, row.losses) == (12, 3)
        assert row.gain == pytest.approx(0.09)
        assert row.least_gain == pytest.approx(-proportion_interval(3, 12, 100)[1])

    def test_partial_credit_that_nowhere_changed_is_bounded_as_0_1_scores_are(self, both: Both) -> None:
        row = only(both({"t": docs(noisy(1))}, {"t": docs(noisy(1))}))
        assert (row.p_value, row.interval) == (1.0, proportion_interval(0, 0, 100))

    def test_a_single_doc_has_no_test(self, both: Both) -> None:
        row = only(both({"t": docs([0.3])}, {"t": docs([0.4])}))
        assert (row.reason, row.p_value) == ("a single document", None)

    def test_docs_without_a_value_are_reported(self, both: Both) -> None:
        samples = [docs([0.5, None, 0.1, 0.2]), docs([0.6, 0.1, None, 0.3])]
        scores = [{"scores": {"t": {"acc,none": value}}} for value in (0.8 / 3, 1 / 3)]
        comparison = both({"t": samples[0]}, {"t": samples[1]}, *scores)
        assert (comparison.rows[0].n, comparison.rows[0].without_value) == (2, 2)
        assert "2 documents without a value in A or B, so not compared: t acc." in said(comparison)

    def test_all_tests_of_tasks_are_one_family(self, both: Both) -> None:
        a = {"t": docs(RIGHT_A), "u": docs(noisy(1)), "v": docs(RIGHT_A)}
        comparison = both(a, {"t": docs(RIGHT_B), "u": docs(noisy(2)), "v": docs(RIGHT_A)})
        p_values = [row.p_value or 0 for row in comparison.rows]
        assert [row.p_holm for row in comparison.rows] == holm(p_values)
        assert comparison.families == {"tasks": 3, "groups": 0}


class TestFlips:
    def test_every_changed_doc_of_a_0_1_score(self, both: Both) -> None:
        row = only(both({"t": docs(RIGHT_A)}, {"t": docs(RIGHT_B)}))
        assert [flip.doc_id for flip in row.flips if flip.better is False] == list(range(48, 60))
        assert [flip.doc_id for flip in row.flips if flip.better] == [97, 98, 99]
        flip = row.flips[0]
        assert (flip.target, flip.answer_a, flip.a, flip.b) == ("yes", "answer 48", 1, 0)

    def test_the_largest_changes_of_other_scores(self, both: Both) -> None:
        row = only(both({"t": docs(noisy(1, 300))}, {"t": docs(noisy(2, 300))}))
        sizes = [abs(flip.a - flip.b) for flip in row.flips]
        assert (len(sizes), sizes) == (100, sorted(sizes, reverse=True))

    @pytest.mark.parametrize("as_text", [False, True])
    @pytest.mark.parametrize(("metric", "answer"), [("acc", "1 no"), ("acc_norm", "0 yes indeed")])
    def test_the_chosen_choice(self, both: Both, metric: str, answer: str, as_text: bool) -> None:
        # The reference harness writes log-likelihoods as text.
        pairs = [["-4.0", "False"], ["-3.0", "True"]] if as_text else [[-4.0, False], [-3.0, True]]
        arguments = {f"gen_args_{i}": {"arg_0": "q", "arg_1": text} for i, text in enumerate((" yes indeed", " no"))}
        more = {"arguments": arguments, "filtered_resps": pairs, "target": 0}
        row = only(both({"t": docs([1, 0], metric, **more)}, {"t": docs([0, 0], metric, **more)}))
        assert (row.flips[0].answer_a, row.flips[0].target) == (answer, "0 yes indeed")

    @pytest.mark.parametrize(("metric", "answer"), [("acc", "0 yes"), ("acc_mutual_info", "1 no")])
    def test_the_chosen_choice_with_unconditional_requests(self, both: Both, metric: str, answer: str) -> None:
        asked = [("q", " yes", -1.0), ("q", " no", -2.0), ("", " yes", -0.5), ("", " no", -9.0)]
        more = {
            "arguments": {f"gen_args_{i}": {"arg_0": p, "arg_1": t} for i, (p, t, _) in enumerate(asked)},
            "filtered_resps": [[score, False] for *_, score in asked],
            "target": 0,
            **{name: 0 for name in ("acc", "acc_mutual_info") if name != metric},
        }
        row = only(both({"t": docs([1, 0], metric, **more)}, {"t": docs([0, 0], metric, **more)}))
        assert (row.flips[0].answer_a, row.flips[0].target) == (answer, "0 yes")

    @pytest.mark.parametrize(("metric", "answer"), [("acc_maj@3", "7 | 8 | 8"), ("acc", "7")])
    def test_a_score_over_repeats_shows_the_answers_of_all(self, both: Both, metric: str, answer: str) -> None:
        more = {"filtered_resps": ["7"], "repeats": {"filtered": ["7", "8", "8"], "acc": [0, 1, 1]}}
        row = only(both({"t": docs([1, 0], metric, **more)}, {"t": docs([0, 0], metric, **more)}))
        assert row.flips[0].answer_a == answer

    @pytest.mark.parametrize(
        ("responses", "answer"),
        [([["nested"]], "nested"), ([[-2.5, False]], "log-likelihood -2.5"), ([], ""), (["a\n b"], "a b")],
    )
    def test_different_answers(self, both: Both, responses: Any, answer: str) -> None:
        more = {"filtered_resps": responses}
        row = only(both({"t": docs([1, 0], **more)}, {"t": docs([0, 0], **more)}))
        assert row.flips[0].answer_b == (answer or "[]")


class TestPairing:
    def test_other_limits_are_reported(self, both: Both) -> None:
        comparison = both(
            {"t": docs(RIGHT_A)}, {"t": docs(RIGHT_B)}, {"config": {"limit": 5}}, {"config": {"limit": None}}
        )
        assert said(comparison)[0] == "limit: 5 in A, None in B."

    def test_unpaired_docs_are_reported(self, both: Both) -> None:
        a, b = docs(RIGHT_A)[:90], docs(RIGHT_B)[5:]
        b[0] = {**b[0], "doc": {"question": "other"}, "doc_hash": "other"}
        b[1] = {**b[1], "error": {"kind": "timeout"}, "metrics": []}
        del b[1]["acc"]
        comparison = both({"t": a}, {"t": b})
        assert only(comparison).n == 83
        assert said(comparison)[:4] == [
            "5 documents only in A: t.",
            "10 documents only in B: t.",
            "1 document lost to errors in B, so not compared: t.",
            "1 document with the same id but different content, so not compared: t.",
        ]

    def test_different_prompts_are_refused(self, both: Both) -> None:
        other = docs(RIGHT_B)
        other[7] |= {"arguments": {"gen_args_0": {"arg_0": "else", "arg_1": {}}}, "prompt_hash": "else"}
        with pytest.raises(ConfigError, match=r"prompts: t \(1 of 100 documents\).*--allow_different_prompts"):
            both({"t": docs(RIGHT_A), "u": docs(RIGHT_A)}, {"t": other, "u": docs(RIGHT_B)})

    def test_different_prompts_may_be_allowed(self, both: Both) -> None:
        other = docs(RIGHT_B, arguments={}, prompt_hash="else")
        comparison = both({"t": docs(RIGHT_A)}, {"t": other}, allow_different_prompts=True)
        assert only(comparison).n == 100
        assert "100 documents asked with different prompts: t." in said(comparison)

    def test_other_tasks_prompts_do_not_matter(self, both: Both) -> None:
        a = {"t": docs(RIGHT_A), "u": docs(RIGHT_A)}
        b = {"t": docs(RIGHT_B), "u": docs(RIGHT_B, arguments={}, prompt_hash="else")}
        assert only(both(a, b, tasks=["t"])).task == "t"

    def test_without_samples_there_are_no_pairs(self, both: Both) -> None:
        with pytest.raises(ConfigError, match=r"^B \(.*json\) has no samples of t.*run with --log_samples"):
            both({"t": docs(RIGHT_A)}, {"t": docs(RIGHT_B)}, of_b={"log_samples": False})

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"doc_hash": "x", "doc": {}}, "differ in content"),
            ({"error": {"kind": "timeout"}}, "lost to errors"),
            ({"doc_id": 1000}, "no id is in both"),
            ({"filter": "other"}, "same filter"),
        ],
    )
    def test_no_document_in_common_is_refused(self, both: Both, change: dict[str, Any], why: str) -> None:
        with pytest.raises(ConfigError, match=why):
            both({"t": docs([1])}, {"t": docs([1], **change)})

    def test_a_run_is_not_compared_with_itself(self, tmp_path: Path) -> None:
        run = load(save(tmp_path, {"t": docs(RIGHT_A)}))
        with pytest.raises(ConfigError, match="the same"):
            compare(run, run)

    def test_no_task_in_common_is_refused(self, both: Both) -> None:
        with pytest.raises(ConfigError, match="No task in common: A has t, B has u"):
            both({"t": docs([1])}, {"u": docs([1])})

    def test_an_unknown_task_is_answered_with_the_nearest(self, both: Both) -> None:
        with pytest.raises(UnknownNameError, match="Did you mean 'gsm8k'"):
            both({"gsm8k": docs([1])}, {"gsm8k": docs([1])}, tasks=["gsm8"])

    def test_metrics_are_chosen(self, both: Both) -> None:
        samples = {"t": [{**doc, "f1": 0.5, "metrics": ["acc", "f1"]} for doc in docs(RIGHT_A)]}
        assert only(both(samples, samples, metrics=["f1"])).metric == "f1"
        assert only(both(samples, samples, metrics=["acc,none"])).metric == "acc"
        with pytest.raises(UnknownNameError, match="Did you mean 'f1'"):
            both(samples, samples, metrics=["f12"])

    @pytest.mark.parametrize("empty", ["", None])
    def test_no_chat_template_is_none_however_it_is_written(self, both: Both, empty: str | None) -> None:
        of_b = {"chat_template": empty, "chat_template_sha": empty, "system_instruction": empty}
        assert said(both({"t": docs(RIGHT_A)}, {"t": docs(RIGHT_B)}, of_b=of_b)) == []

    def test_different_settings_are_listed_once(self, both: Both) -> None:
        samples = {name: docs(RIGHT_A) for name in "tuvwxy"}
        config = {"generation_kwargs": {"temperature": 0.7}, "filter_list": [1]}
        comparison = both(
            samples,
            samples,
            of_b={
                "configs": dict.fromkeys(samples, config),
                "n-shot": {**dict.fromkeys(samples, 0), "u": 5},
                "versions": {**dict.fromkeys(samples, 1.0), "t": 2.0},
                "chat_template": "x",
                "config": {"fewshot_seed": 3},
            },
        )
        assert said(comparison) == [
            "The chat template differs.",
            "fewshot_seed: None in A, 3 in B.",
            "version: 1.0 in A, 2.0 in B: t.",
            "temperature: not set in A, 0.7 in B: t, u, v, w and 2 more.",
            "filter_list differs: t, u, v, w and 2 more.",
            "num_fewshot: 0 in A, 5 in B: u.",
        ]


def grouped(weighted: bool, *tasks: str, **values: Iterable[float]) -> dict[str, Any]:
    """Results of a group whose score is weighted by docs, or not weighted."""
    lists = {name: list(found) for name, found in values.items()}
    means = [sum(found) / len(found) for found in lists.values()]
    total = sum(map(len, lists.values()))
    score = sum(map(sum, lists.values())) / total if weighted else sum(means) / len(means)
    return {"scores": {"g": {"acc,none": score}}, "group_subtasks": {"g": list(tasks or lists)}}


class TestGroups:
    T = (RIGHT_A, RIGHT_B)
    U = ([1, 0] * 10, [1, 1] * 9 + [0, 0])

    @pytest.mark.parametrize("weighted", [True, False])
    def test_a_group_weighs_its_tasks_as_its_score_does(self, both: Both, weighted: bool) -> None:
        a, b = ({"t": docs(self.T[side]), "u": docs(self.U[side])} for side in (0, 1))
        given = [grouped(weighted, t=self.T[side], u=self.U[side]) for side in (0, 1)]
        row = both(a, b, *given).rows[-1]
        shares = (100 / 120, 20 / 120) if weighted else (0.5, 0.5)
        strata = [
            Stratum([y - x for x, y in zip(*values, strict=True)], None, share)
            for values, share in zip((self.T, self.U), shares, strict=True)
        ]
        expected = stratified_bootstrap(strata)
        assert (row.is_group, row.test, row.n) == (True, "stratified paired bootstrap", 120)
        assert (row.p_value, row.interval) == (expected.p_value, expected.interval)
        assert row.difference == pytest.approx((row.score_b or 0) - (row.score_a or 0))
        assert (row.members, row.p_holm) == (("t", "u"), row.p_value)

    def test_the_order_of_a_groups_tasks_does_not_matter(self, both: Both) -> None:
        samples = {"t": docs(self.T[0]), "u": docs(self.U[0])}
        given = grouped(True, t=self.T[0], u=self.U[0])
        row = both(samples, samples, given, {**given, "group_subtasks": {"g": ["u", "t"]}}).rows[-1]
        assert (row.test, row.reason) == ("stratified paired bootstrap", None)

    @pytest.mark.parametrize(("wins", "losses"), [(1, 0), (0, 2), (1, 1)])
    def test_a_group_in_which_hardly_anything_changed_is_bounded(self, both: Both, wins: int, losses: int) -> None:
        t, u = runs(wins, losses, 500), runs(0, 0, 1500)
        a, b = ({"t": docs(t[side]), "u": docs(u[side])} for side in (0, 1))
        comparison = both(a, b, *(grouped(True, t=t[side], u=u[side]) for side in (0, 1)), fail_if_worse=0.01)
        row = comparison.rows[-1]
        assert (row.test, row.p_value, row.n) == ("mcnemar", mcnemar(wins, losses).mid, 2000)
        assert row.interval == proportion_interval(wins, losses, 2000)
        assert comparison.gate is not None and comparison.gate.passed

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"scores": {"g": {"acc,none": 0.123}}}, "its score is not the mean of its tasks' scores"),
            ({"group_subtasks": {"g": ["t"]}}, "its tasks are not the same in both runs"),
            ({"scores": {"g": {"acc,none": "N/A"}}}, "no score in B"),
        ],
    )
    def test_other_groups_stand_side_by_side(self, both: Both, change: dict[str, Any], reason: str) -> None:
        samples = {"t": docs(self.T[0]), "u": docs(self.U[0])}
        given = grouped(True, t=self.T[0], u=self.U[0])
        row = both(samples, samples, given, {**given, **change}).rows[-1]
        assert (row.is_group, row.test, row.reason) == (True, None, reason)

    def test_a_task_that_cannot_be_paired_leaves_its_group_without_a_test(self, both: Both) -> None:
        a, b = ({"t": docs(self.T[0]), "u": docs(self.U[0], doc_hash=side, doc={"of": side})} for side in "ab")
        given = grouped(True, t=self.T[0], u=self.U[0])
        assert both(a, b, given, given).rows[-1].reason == "no paired test of u"

    def test_a_group_in_which_nothing_changed_is_bounded(self, both: Both) -> None:
        samples = {"t": docs(self.T[0]), "u": docs(self.U[0])}
        given = grouped(True, t=self.T[0], u=self.U[0])
        assert both(samples, samples, given, given).rows[-1].interval == proportion_interval(0, 0, 120)

    def test_a_group_is_chosen_with_its_tasks(self, both: Both) -> None:
        samples = {"t": docs(self.T[0]), "u": docs(self.U[0]), "v": docs([1])}
        given = grouped(True, t=self.T[0], u=self.U[0])
        rows = both(samples, samples, given, given, tasks=["g"]).rows
        assert [row.task for row in rows] == ["t", "u", "g"]


def runs(wins: int, losses: int, n: int) -> tuple[list[int], list[int]]:
    rest = n - wins - losses
    return [1] * losses + [0] * wins + [1] * rest, [0] * losses + [1] * wins + [1] * rest


class TestGate:
    @pytest.mark.parametrize(
        ("wins", "losses", "n", "margin", "outcome"),
        [
            (3, 40, 1000, 0.01, "worse"),
            (3, 40, 1000, 0.06, "not worse"),  # worse, but by less than is accepted
            (20, 20, 5000, 0.01, "not worse"),
            (2, 2, 50, 0.01, "undecided"),
            (0, 0, 50, 0.01, "undecided"),
            (0, 0, 400, 0.01, "not worse"),
            (40, 3, 1000, 0.0, "not worse"),
            (5, 12, 300, 0.01, "undecided"),  # lower, but not significantly
        ],
    )
    def test_outcomes(self, both: Both, wins: int, losses: int, n: int, margin: float, outcome: str) -> None:
        a, b = runs(wins, losses, n)
        gate = both({"t": docs(a)}, {"t": docs(b)}, fail_if_worse=margin).gate
        assert gate is not None
        assert ([verdict.outcome for verdict in gate.verdicts], gate.passed) == ([outcome], outcome == "not worse")

    def test_too_few_docs_are_reported_with_the_number_needed(self, both: Both) -> None:
        a, b = runs(2, 2, 50)
        gate = both({"t": docs(a)}, {"t": docs(b)}, fail_if_worse=0.01).gate
        assert gate is not None
        text = gate_lines(gate)[1]
        assert text.startswith("undecided: t acc: no difference; at 95 %, up to 0.")
        assert "50 documents detect a drop of 0.13" in text and "would detect 0.01" in text

    def test_undecided_scores_pass_if_requested(self, both: Both) -> None:
        a, b = runs(2, 2, 50)
        gate = both({"t": docs(a)}, {"t": docs(b)}, fail_if_worse=0.01, undecided="pass").gate
        assert gate is not None and gate.passed
        assert gate_lines(gate)[-1] == "Undecided scores pass because of --undecided pass."

    def test_worse_scores_never_pass(self, both: Both) -> None:
        a, b = runs(3, 40, 1000)
        gate = both({"t": docs(a)}, {"t": docs(b)}, fail_if_worse=0.01, undecided="pass").gate
        assert gate is not None and not gate.passed

    @pytest.mark.parametrize(("better", "passed"), [(False, True), (True, False)])
    def test_the_direction_of_the_metric_decides(self, both: Both, better: bool, passed: bool) -> None:
        a, b = runs(3, 40, 1000)
        given = {"better": {"acc": better}}
        gate = both({"t": docs(a)}, {"t": docs(b)}, given, given, fail_if_worse=0.01).gate
        assert gate is not None and gate.passed is passed

    def test_an_unknown_direction_is_not_gated(self, both: Both) -> None:
        samples = {"t": [{**doc, "odd": 0.5, "metrics": ["acc", "odd"]} for doc in docs([1] * 400)]}
        gate = both(samples, samples, fail_if_worse=0.01).gate
        assert gate is not None and gate.passed
        assert gate.not_gated == ("t odd: it is not known whether higher or lower is better",)

    def test_a_gate_without_scores_is_a_mistake(self, both: Both) -> None:
        given = {"better": {"acc": None}}
        with pytest.raises(ConfigError, match=r"nothing to gate.*it is not known whether higher or lower is better"):
            both({"t": docs([1])}, {"t": docs([1])}, given, given, fail_if_worse=0.01)

    @pytest.mark.parametrize("margin", [-0.01, float("nan")])
    def test_a_margin_below_0_is_a_mistake(self, both: Both, margin: float) -> None:
        with pytest.raises(ConfigError, match="--fail_if_worse takes"):
            both({"t": docs([1])}, {"t": docs([1])}, fail_if_worse=margin)

    def test_a_task_missing_from_b_is_undecided(self, both: Both) -> None:
        gate = both({"t": docs([1] * 400), "u": docs([1])}, {"t": docs([1] * 400)}, fail_if_worse=0.01).gate
        assert gate is not None and not gate.passed
        assert [(verdict.task, verdict.outcome) for verdict in gate.verdicts] == [
            ("u", "undecided"),
            ("t", "not worse"),
        ]

    @pytest.mark.parametrize(("score", "passed"), [(0.9, False), (1.0, True)])
    def test_a_lower_score_without_a_test_is_undecided(self, both: Both, score: float, passed: bool) -> None:
        samples = {"t": [{**doc, "bleu": [1], "metrics": ["acc", "bleu"]} for doc in docs([1] * 400)]}
        given = [{"scores": {"t": {"bleu,none": value}}, "better": {"bleu": True}} for value in (1.0, score)]
        gate = both(samples, samples, *given, fail_if_worse=0.01).gate
        assert gate is not None and gate.passed is passed

    def test_a_group_stands_for_its_tasks(self, both: Both) -> None:
        values = [1] * 250
        samples = {"t": docs(values), "u": docs(values)}
        given = grouped(True, t=values, u=values)
        gate = both(samples, samples, given, given, fail_if_worse=0.01).gate
        assert gate is not None and gate.passed
        assert [verdict.task for verdict in gate.verdicts] == ["g"]

    def test_a_group_stands_for_the_groups_within_it(self, both: Both) -> None:
        values = [1] * 250
        samples = {"t": docs(values), "u": docs(values)}
        scores = {"scores": {"g": {"acc,none": 1.0}, "h": {"acc,none": 1.0}}}
        given = {**scores, "group_subtasks": {"g": ["h", "u"], "h": ["t"]}}
        gate = both(samples, samples, given, given, fail_if_worse=0.01).gate
        assert gate is not None and gate.passed
        assert [verdict.task for verdict in gate.verdicts] == ["g"]

    def test_a_fallen_task_fails_within_a_group_that_did_not(self, both: Both) -> None:
        t, u = runs(0, 40, 400), runs(60, 0, 2000)
        a, b = ({"t": docs(t[side]), "u": docs(u[side])} for side in (0, 1))
        given = [grouped(True, t=t[side], u=u[side]) for side in (0, 1)]
        gate = both(a, b, *given, fail_if_worse=0.01, undecided="pass").gate
        assert gate is not None and not gate.passed
        assert {(verdict.task, verdict.outcome) for verdict in gate.verdicts} == {("t", "worse"), ("g", "not worse")}


def test_samples_are_in_memory_for_one_task_at_a_time(tmp_path: Path) -> None:
    def peak(tasks: int, name: str) -> int:
        samples = {f"t{task}": docs([1, 0] * 20, doc={"text": "long " * 4000}) for task in range(tasks)}
        loaded = [load(save(tmp_path / f"{name}{side}", samples)) for side in "ab"]
        del samples
        tracemalloc.start()
        try:
            compare(*loaded)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1, "what is imported then")
    assert peak(8, "eight") < 3 * peak(1, "one")


class TestForms:
    @pytest.fixture
    def comparison(self, both: Both) -> Comparison:
        long = "a_task_with_a_name_that_is_rather_longer_than_a_terminal_has_room_for_when_numbers_stand_beside_it"
        answer: dict[str, Any] = {
            "filtered_resps": ["| [x](http://x) <b>\x1b[2J \ud800\n" + "long " * 60],
            "target": "a|b",
        }
        samples = [
            {long: docs(RIGHT_A, **answer), "u": docs(noisy(1)), "v": docs(RIGHT_A), "w": docs([-1e9, 2e9, 3e12])}
        ] * 2
        samples[1] = {**samples[0], long: docs(RIGHT_B, **answer), "u": docs(noisy(2))}
        extra = {"scores": {"v": {"bleu,none": 30.0}}}
        return both(samples[0], samples[1], extra, extra, fail_if_worse=0.01)

    @pytest.mark.parametrize("flips", [None, 0, 2, 200])
    def test_the_text_fits_100_columns(self, comparison: Comparison, flips: int | None) -> None:
        assert max(map(len, to_text(comparison, flips).splitlines())) <= 100

    @pytest.mark.parametrize("form", [to_text, to_markdown])
    def test_control_characters_are_removed(self, comparison: Comparison, form: Callable[..., str]) -> None:
        text = form(comparison, 2)
        assert "\x1b" not in text
        text.encode()

    def test_the_text_shows_the_differences(self, both: Both) -> None:
        a, b = runs(3, 40, 1000)
        text = to_text(both({"t": docs(a)}, {"t": docs(b)}))
        numbers = ["1000", "0.9970", "0.9600", "-0.0370", "-0.051", "to", "-0.026", "<0.001", "<0.001", "3/40", "0.018"]
        assert ["t", "acc", *numbers] in [line.split() for line in text.splitlines()]
        assert "corrected for 1 test of tasks: worse: t acc." in text
        assert "t acc: 40 lost: 0, 1, 2, 3, 4 …; 3 won: 40, 41, 42" in text

    def test_changed_docs_are_shown_with_their_answers(self, both: Both) -> None:
        text = to_text(both({"t": docs([1, 0, 1])}, {"t": docs([1, 1, 0])}), flips=1)
        lines = [line.strip() for line in text.splitlines()]
        assert lines[-4:] == ["doc 2: 1 in A, 0 in B", "target  yes", "A       answer 2", "B       answer 2"]

    def test_markdown_cells_stay_cells(self, comparison: Comparison) -> None:
        lines = to_markdown(comparison, 3).splitlines()
        tables = [line.replace("\\|", "") for line in lines if line.startswith("|")]
        assert {line.count("|") for line in tables} == {16, 7}
        assert r"\[x\](http://x) \<b\>" in to_markdown(comparison, 3)

    def test_json_has_everything(self, comparison: Comparison) -> None:
        content = json.loads(render(comparison, "json"), parse_constant=lambda word: pytest.fail(word))
        row = content["rows"][0]
        assert (row["wins"], row["losses"], len(row["flips"]), row["p_exact"]) == (3, 12, 15, mcnemar(3, 12).exact)
        assert content["gate"]["passed"] is False
        assert content["families"] == {"tasks": 4, "groups": 0}

    def test_json_has_null_for_scores_that_are_not_numbers(self, both: Both) -> None:
        given = [{"scores": {"t": {"ppl,none": value}}} for value in (float("nan"), inf)]
        comparison = both({"t": docs([1, 0])}, {"t": docs([1, 1])}, *given)
        content = json.loads(render(comparison, "json"), parse_constant=lambda word: pytest.fail(word))
        assert [(row["metric"], row["score_a"]) for row in content["rows"]] == [("acc", 0.5), ("ppl", None)]

    def test_every_format_has_the_gate(self, comparison: Comparison) -> None:
        assert "Gate FAILED" in to_text(comparison)
        assert "**Gate FAILED" in to_markdown(comparison)


def test_an_unbounded_perplexity_is_not_a_number(both: Both) -> None:
    a, b = [-1.0] * 4, [-inf] * 4
    given = [{"scores": {"t": {"ppl,none": value}}} for value in (exp(1), inf)]
    row = only(both({"t": docs(a, "ppl")}, {"t": docs(b, "ppl")}, *given))
    assert (row.test, row.interval) == (None, None)


def in_format(name: str, **fields: object) -> dict[str, Any]:
    return {"configs": {name: {"task": name, "formats": {"type": "generate", **fields}}}}


def test_one_task_in_two_formats_is_refused_unless_told(both: Both) -> None:
    a, b = docs(RIGHT_A), docs(RIGHT_B, prompt_hash="other")
    with pytest.raises(ConfigError, match=r"No task in common.*--across_formats compares"):
        both({"t": a}, {"t@generate": b}, of_b=in_format("t@generate"))
    row = only(both({"t": a}, {"t@generate": b}, of_b=in_format("t@generate"), across_formats=True))
    assert (row.task, row.a, row.b, row.n) == ("t", 0.6, 0.51, 100)


def test_one_name_with_other_fields_of_its_format_is_refused_unless_told(both: Both) -> None:
    a, b = {"t": docs(RIGHT_A)}, {"t": docs(RIGHT_B)}
    same = in_format("t", instruction="x")
    assert only(both(a, b, of_a=same, of_b=same)).n == 100
    with pytest.raises(ConfigError, match="asked t in different formats"):
        both(a, b, of_a=same, of_b=in_format("t", instruction="y"))
    with pytest.raises(ConfigError, match="asked t in different formats"):
        both(a, b, of_b=in_format("t"))
    assert only(both(a, b, of_b=in_format("t"), across_formats=True)).n == 100


def test_a_score_that_another_format_does_not_have_fails_no_gate(both: Both) -> None:
    a, b = docs(RIGHT_A), docs(RIGHT_A)
    given = {"scores": {"t": {"acc,none": 0.6, "acc_norm,none": 0.6}}}
    across = both({"t": a}, {"t@mcqa": b}, given, in_format("t@mcqa"), across_formats=True, fail_if_worse=0.2)
    assert across.gate is not None and across.gate.passed
    assert any("Only in A" in note.line() and "acc_norm" in note.line() for note in across.notes)
    same = both({"t": a}, {"t": b}, given, across_formats=True, fail_if_worse=0.2)
    assert same.gate is not None and not same.gate.passed


def test_a_run_with_a_task_in_several_formats_cannot_be_compared_across_formats(both: Both) -> None:
    several = {"t@cot": docs(RIGHT_A), "t@generate": docs(RIGHT_B)}
    with pytest.raises(ConfigError, match="t in several formats"):
        both({"t": docs(RIGHT_A)}, several, across_formats=True)


def test_tasks_of_no_relation_get_no_hint(both: Both) -> None:
    with pytest.raises(ConfigError) as caught:
        both({"t": docs(RIGHT_A)}, {"u@generate": docs(RIGHT_B)})
    assert "across_formats" not in str(caught.value)


def test_speed_stands_next_to_the_scores(tmp_path: Path) -> None:
    spread = {"requests": 3, "mean": 1.0, "p5": 0.5, "p50": 1.0, "p95": 2.0}
    of_task = {"latency": spread, "first_token": spread}
    for name, tasks in (("a", {"t": of_task, "u": {}}), ("b", {"t": {"latency": spread}, "u": of_task})):
        values = {"t": docs([0, 1]), "u": docs([0, 1])}
        save(tmp_path / name, values, config={"model_info": {"run": {"latency": spread, "tasks": tasks}}})
    comparison = compare(load(tmp_path / "a"), load(tmp_path / "b"))
    assert [row.task for row in comparison.speed] == ["", "t"]
    for text in (to_text(comparison), to_markdown(comparison)):
        assert "All requests: latency p50 1 s, p95 2 s in A; p50 1 s, p95 2 s in B." in " ".join(text.split())
        assert "first token" not in text


def test_runs_without_times_have_no_speed(both: Both) -> None:
    assert both({"t": docs([0, 1])}, {"t": docs([1, 1])}).speed == ()
