from __future__ import annotations

from lm_eval.loggers._scores import flat_scores, run_config, saved_form, score_table
from lm_eval.results import Results
from tests.loggers.fakes import RESULTS

STATISTICS = {"t": {"acc,none": {"interval": [0.2, 0.8]}}, "u": {"em,flex": {"interval": [0.4, 1.0]}}}


def test_every_number_has_a_name() -> None:
    assert flat_scores(Results(RESULTS)) == {
        "t/sample_len": 8,
        "t/acc": 0.5,
        "t/n_errors": 2,
        "u/sample_len": 4,
        "u/em,flex": 1.0,
        "u/em_stderr,flex": 0.25,
        "g/sample_len": 12,
        "g/acc": 0.5,
        "g/acc_stderr": 0.1,
        "run/requests": 9,
        "run/prompt_tokens": 100,
        "run/docs_lost": 2,
        "run/seconds": 1.5,
    }


def test_intervals_have_separate_names() -> None:
    flat = flat_scores(Results({**RESULTS, "statistics": STATISTICS}))
    assert (flat["t/acc_ci_low"], flat["t/acc_ci_high"]) == (0.2, 0.8)
    assert flat["u/em_ci_high,flex"] == 1.0


def test_a_missing_interval_is_left_out() -> None:
    flat = flat_scores(Results({**RESULTS, "statistics": {"t": {"acc,none": {"interval": None}}}}))
    assert "t/acc_ci_low" not in flat


def test_a_table_has_one_row_per_score() -> None:
    head, rows = score_table(Results(RESULTS))
    assert head == ["Tasks", "Version", "Filter", "num_fewshot", "Metric", "Value", "Stderr", "Errors"]
    assert rows == [["t", "1.0", "none", 0, "acc", 0.5, None, 2], ["u", "2", "flex", 5, "em", 1.0, 0.25, 0]]


def test_groups_have_a_separate_table() -> None:
    head, rows = score_table(Results(RESULTS), "groups")
    assert (head[0], rows) == ("Groups", [["g", "N/A", "none", None, "acc", 0.5, 0.1]])


def test_intervals_are_columns() -> None:
    head, rows = score_table(Results({**RESULTS, "statistics": STATISTICS}))
    assert head[7:] == ["Low", "High", "Errors"]
    assert rows[0][7:] == [0.2, 0.8, 2]


def test_no_secret_is_sent() -> None:
    assert "s3cret" not in str(run_config(Results(RESULTS))) + str(saved_form(Results(RESULTS)))


def test_samples_are_not_among_the_results() -> None:
    assert "samples" not in saved_form(Results({**RESULTS, "samples": {"t": []}}))
