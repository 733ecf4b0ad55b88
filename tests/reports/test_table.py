from __future__ import annotations

from typing import Any

import pytest

from lm_eval.reports.table import header_line, make_table, tables, tables_for_stdout


def run(**more: Any) -> dict[str, Any]:
    results: dict[str, Any] = {
        "results": {
            "t_b": {"alias": "t_b", "acc,none": 0.25, "acc_stderr,none": 0.125},
            "t_a": {
                "alias": "A",
                "acc,none": 0.5,
                "acc_stderr,none": "N/A",
                "brier,strict": 1.0,
                "brier_stderr,strict": 0.0,
            },
            "g": {"alias": "G", "acc,none": 0.375, "acc_stderr,none": 0.1, "sample_count": {"acc,none": 4}},
            "z": {"alias": "z", "ppl,none": 1.5e30, "ppl_stderr,none": "N/A"},
        },
        "groups": {"g": {"alias": "G", "acc,none": 0.375, "acc_stderr,none": 0.1}},
        "group_subtasks": {"g": ["t_b", "t_a"]},
        "versions": {"t_a": 1.0, "t_b": 2, "g": "N/A", "z": "Yaml"},
        "n-shot": {"t_a": 0, "t_b": 5, "z": 0},
        "higher_is_better": {"t_a": {"acc": True, "brier": False}, "t_b": {"acc": True}, "g": {"acc": None}},
    }
    return {**results, **more}


TABLE = """\
|Tasks |Version|Filter|n-shot|Metric|   |  Value   |   |Stderr|
|------|-------|------|-----:|------|---|---------:|---|------|
|G     |N/A    |none  |      |acc   |   |    0.3750|±  |0.1000|
| - A  |      1|none  |     0|acc   |↑  |    0.5000|±  |   N/A|
|      |       |strict|     0|brier |↓  |    1.0000|±  |0.0000|
| - t_b|      2|none  |     5|acc   |↑  |    0.2500|±  |0.1250|
|z     |Yaml   |none  |     0|ppl   |   |1.5000e+30|±  |   N/A|
"""

GROUPS = """\
|Groups|Version|Filter|n-shot|Metric|   |Value |   |Stderr|
|------|-------|------|------|------|---|-----:|---|-----:|
|G     |N/A    |none  |      |acc   |   |0.3750|±  |0.1000|
"""


def test_members_follow_their_group() -> None:
    assert make_table(run()) == TABLE


def test_groups_have_a_separate_table() -> None:
    assert make_table(run(), "groups") == GROUPS


def test_rows_can_be_sorted_by_name() -> None:
    rows = make_table(run(), sort_results=True).splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["G", "- A", "", "- t_b", "z"]


def test_a_group_without_scores_has_no_row_but_indents_its_members() -> None:
    results = run()
    results["results"]["g"] = {"alias": "G", "name": "g"}
    assert make_table(results).splitlines()[2].startswith("| - A")


def test_lost_docs_are_shown_in_a_column_and_below() -> None:
    results = run()
    results["results"]["t_b"] |= {"sample_len": 4, "n_errors": 3, "errors": {"timeout": 2, "rejected": 1}}
    lines = make_table(results).splitlines()
    assert lines[0].endswith("|Errors|")
    assert lines[5].endswith("|     3|")
    assert lines[-1] == "! t_b: 3 documents lost (1 rejected, 2 timeout); scores are over the 4 answered."


def lossy() -> dict[str, Any]:
    """Two tasks that lost documents to the same message, with another number in it, and one more message."""
    results = run()
    said = [{"kind": "rejected", "message": "HTTP 400: no `top_p` (request 17)", "count": 4}]
    other = {"kind": "timeout", "message": "No answer in 60 s", "count": 1}
    results["results"]["t_b"] |= {"n_errors": 4, "errors": {"rejected": 4}, "error_messages": said}
    again = [{"kind": "rejected", "message": "HTTP 400: no `top_p` (request 9)", "count": 2}, other]
    results["results"]["z"] |= {"n_errors": 3, "errors": {"rejected": 2, "timeout": 1}, "error_messages": again}
    return results


def test_what_the_server_said_about_lost_documents_is_shown_once_with_its_count() -> None:
    assert make_table(lossy()).splitlines()[-2:] == [
        "! 6 documents: HTTP 400: no `top_p` (request 17)",
        "! 1 document: No answer in 60 s",
    ]


def test_messages_are_not_repeated_under_the_groups() -> None:
    assert "top_p" not in make_table(lossy(), "groups")


def test_a_score_that_failed_is_explained_below() -> None:
    results = run()
    results["results"]["z"] |= {"ppl,none": "N/A", "failed": {"ppl,none": "no package"}}
    assert make_table(results).splitlines()[-1] == "! z: ppl,none could not be computed: no package"


def test_names_cannot_break_the_table() -> None:
    results = run()
    results["results"]["z"]["alias"] = "a|b\nc"
    assert "|a\\|b c|" in make_table(results)


def test_common_names_fit_a_terminal() -> None:
    results = run()
    results["results"]["z"] = {"alias": "mmlu_high_school_government", "exact_match,strict-match": 0.5}
    assert max(map(len, make_table(results).splitlines())) <= 100


LONG = "mmlu_flan_n_shot_generative_high_school_government_and_politics"


def long_names() -> dict[str, Any]:
    results = run()
    results["results"]["z"] = {"alias": LONG, "exact_match,strict-match": 0.5, "exact_match,flexible-extract": 0.25}
    return results


def test_a_long_name_is_on_the_row_of_its_scores_and_the_other_rows_keep_to_the_width() -> None:
    lines = make_table(long_names()).splitlines()
    (row,) = [line for line in lines if LONG in line]
    assert [cell.strip() for cell in row.split("|")[1:5]] == [LONG, "Yaml", "flexible-extract", "0"]
    assert max(len(line) for line in lines if line != row) <= 100


def test_one_wide_value_does_not_move_names_from_their_numbers() -> None:
    results = run()
    results["results"]["t_b"] |= {"alias": "arc_challenge"}
    results["results"]["z"] = {"alias": "z", "word_perplexity,none": 123456789012.5, "word_perplexity_stderr,none": 2e7}
    lines = make_table(results).splitlines()
    (row,) = [line for line in lines if "arc_challenge" in line]
    assert "0.2500" in row
    assert "|word_perplexity|   |1.2346e+11|±  |2.0000e+07|" in lines[-1]


def test_negative_and_small_values_keep_their_form() -> None:
    results = run()
    results["results"]["z"] = {"alias": "z", "a,none": -1234567.0, "b,none": 999999.0, "c,none": float("inf")}
    cells = [line.split("|")[7].strip() for line in make_table(results).splitlines()[-3:]]
    assert cells == ["-1.2346e+06", "999999.0000", "inf"]


def test_every_row_has_all_cells() -> None:
    assert {line.count("|") for line in make_table(long_names()).splitlines()} == {10}


def test_a_long_name_is_next_to_its_scores_if_there_is_room() -> None:
    assert f"|{LONG}|Yaml" in make_table(long_names(), width=None)


def test_the_interval_of_a_score_is_an_optional_column() -> None:
    results = run(statistics={"t_b": {"acc,none": {"interval": [0.01, 0.75], "level": 0.95}}})
    lines = make_table(results, intervals=True).splitlines()
    assert lines[0].endswith("|Stderr|  95% interval  |")
    assert lines[5].endswith("|0.1250|[0.0100, 0.7500]|")
    assert lines[2].endswith("|0.1000|                |")


def terminal(monkeypatch: pytest.MonkeyPatch, columns: int | None) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: columns is not None, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns or 200))


@pytest.mark.parametrize(
    ("columns", "wanted", "shown"),
    [
        (200, None, True),
        (100, None, True),
        (70, None, False),
        (None, None, False),
        (None, True, True),
        (70, True, True),
        (200, False, False),
    ],
)
def test_a_terminal_with_room_shows_intervals(
    monkeypatch: pytest.MonkeyPatch, columns: int | None, wanted: bool | None, shown: bool
) -> None:
    results = run(statistics={"t_b": {"acc,none": {"interval": [0.01, 0.75], "level": 0.95}}}, config={})
    terminal(monkeypatch, columns)
    assert ("[0.0100, 0.7500]" in tables_for_stdout(results, intervals=wanted)) is shown


def test_a_run_without_intervals_has_no_column_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, 200)
    assert "interval" not in tables_for_stdout(run(config={}))


def test_a_name_cannot_control_the_terminal() -> None:
    results = run()
    results["results"]["z"]["alias"] = "a\x1b[2Jb\u202ec"
    assert "|a\\x1b[2Jb\\u202ec|" in make_table(results)


def test_another_level_is_named() -> None:
    results = run(statistics={"t_b": {"acc,none": {"interval": [0.01, 0.75], "level": 0.9}}})
    assert "|  90% interval  |" in make_table(results, intervals=True)


def test_intervals_are_not_shown_by_default() -> None:
    statistics = {"t_b": {"acc,none": {"interval": [0.01, 0.75]}}}
    assert make_table(run(statistics=statistics)) == TABLE


def test_runs_without_intervals_have_an_empty_column() -> None:
    assert make_table(run(), intervals=True).splitlines()[0].endswith("|95% interval|")


def test_notes_are_at_most_as_wide_as_the_table_may_be() -> None:
    results = run(refused={f"a_task_of_some_length_{n}": "The endpoint has no log-probabilities." for n in range(9)})
    lines = make_table(results).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("  ")


def test_a_table_without_scores_is_only_a_header() -> None:
    assert len(make_table({"results": {}, "versions": {}}).splitlines()) == 2


def test_header_line() -> None:
    config = {"model": "local-completions", "model_args": {"model": "m", "num_concurrent": 4}, "limit": 5}
    assert header_line({"config": {**config, "batch_size": 1}}) == (
        "local-completions (model=m,num_concurrent=4), gen_kwargs: (None), limit: 5, num_fewshot: None, batch_size: 1"
    )


def test_the_header_is_one_line() -> None:
    line = header_line({"config": {"model": "m", "model_args": {"model": "\x1b[2J"}, "gen_kwargs": {"until": "\n\n"}}})
    assert line.startswith("m (model=\\x1b[2J), gen_kwargs: (until=\\n\\n), limit")


def test_unusual_answers_are_listed_below_the_table() -> None:
    results = run()
    results["results"]["t_b"]["outcomes"] = {"length": 3, "refusal": 1}
    assert "\n! t_b: of its answers, 3 cut at the token limit, 1 refused by the model." in make_table(results)


def test_tasks_that_were_not_run_are_named_once_per_reason() -> None:
    results = run(refused={**{f"x{n}": "no echo" for n in range(8)}, "y": "no chat"})
    assert make_table(results).splitlines()[-2:] == [
        "! Not run: x0, x1, x2, x3, x4, x5 and 2 more. no echo",
        "! Not run: y. no chat",
    ]


def test_the_groups_table_does_not_repeat_tasks_that_were_not_run() -> None:
    assert "Not run" not in make_table(run(refused={"y": "no chat"}), "groups")


def test_a_run_prints_its_header_its_scores_and_those_of_its_groups() -> None:
    row = {"alias": "g", "acc,none": 0.5, "acc_stderr,none": 0.1}
    results: dict[str, Any] = {"config": {}, "results": {"g": row}, "versions": {"g": 1}}
    header, table = header_line(results), make_table(results)
    assert tables(results) == f"{header}\n{table}"
    results["groups"] = {"g": row}
    assert tables(results) == f"{header}\n{table}\n{make_table(results, 'groups')}"


def test_answers_without_scores_are_not_scored() -> None:
    table = make_table({"results": {"t": {"alias": "t", "bypass,none": 999, "bypass_stderr,none": "N/A"}}})
    assert "not scored" in table
    assert "999" not in table


def _usage(count: int) -> dict[str, Any]:
    tasks = {f"t_{number}": {"completion_tokens": 2000, "reasoning_tokens": 1500} for number in range(count)}
    tasks["plain"] = {"completion_tokens": 10, "reasoning_tokens": 0}
    return run(config={"model_info": {"run": {"tasks": tasks}}})


def test_tokens_of_thought_are_told_per_task() -> None:
    lines = make_table(_usage(2)).splitlines()[-2:]
    assert lines == [f"t_{number}: 1,500 of 2,000 generated tokens (75%) are thought." for number in range(2)]
    assert "thought" not in make_table(_usage(2), "groups")


def test_tokens_of_thought_of_many_tasks_are_one_line() -> None:
    lines = [line for line in make_table(_usage(9)).splitlines() if "thought" in line]
    assert lines == ["9 tasks: 13,500 of 18,000 generated tokens (75%) are thought."]


def test_the_speed_of_a_streamed_run_stands_below_the_table() -> None:
    spread = {"requests": 3, "mean": 1.0, "p5": 0.5, "p50": 1.0, "p95": 2.0}
    counters: dict[str, object] = {"latency": spread}
    results = {"results": {"t": {"alias": "t", "acc,none": 0.5}}, "config": {"model_info": {"run": counters}}}
    assert "Speed" not in make_table(results)
    counters["first_token"] = spread
    assert "Speed: latency p50 1 s, p95 2 s, first token p50 1 s, p95 2 s." in make_table(results)
