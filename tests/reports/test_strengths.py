"""Several runs at once, and judged scores of two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval.cli.main import main
from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.compare import Strengths, compare, render_strengths, strengths, to_text
from lm_eval.results import load
from lm_eval.statistics.bradley_terry import Comparison, bradley_terry
from lm_eval.statistics.pairwise import win_rate
from tests.reports.saved_runs import docs, save

# 20 docs.
SCORES = {"x": [1.0] * 14 + [0.0] * 6, "y": [0.0] * 4 + [1.0] * 8 + [0.0] * 8, "z": [0.0] * 12 + [1.0] * 5 + [0.0] * 3}


def runs(folder: Path, scores: dict[str, list[float]], metric: str = "acc", **more: Any) -> list[Path]:
    return [
        save(folder / name, {"t": docs(values, metric, **more)}, model_name=f"org/{name}", better={metric: True})
        for name, values in scores.items()
    ]


def found(folder: Path, scores: dict[str, list[float]], **more: Any) -> Strengths:
    (only,) = strengths([load(path) for path in runs(folder, scores, **more)])
    return only


def judged(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "judge": {"status": "judged", "pairs": 1, "score": line["win_rate"], "verdicts": []}}


def test_models_play_on_the_documents_that_they_share(tmp_path: Path) -> None:
    entry = found(tmp_path, SCORES)
    games = [
        Comparison(one, other, 0.5 if a == b else float(a > b), doc)
        for one, other in (("x", "y"), ("x", "z"), ("y", "z"))
        for doc, (a, b) in enumerate(zip(SCORES[one], SCORES[other], strict=True))
    ]
    expected = bradley_terry(games)
    assert [each.model for each in entry.standings] == ["org/x", "org/y", "org/z"]
    assert [each.strength for each in entry.standings] == list(expected.values())
    assert (entry.documents, entry.against_baseline, entry.reason) == (20, False, None)


def test_a_win_rate_is_over_documents_not_over_games(tmp_path: Path) -> None:
    rate = found(tmp_path, SCORES).standings[0].win_rate
    by_document = [
        sum(0.5 if x == other else float(x > other) for other in others) / 2
        for x, *others in zip(SCORES["x"], SCORES["y"], SCORES["z"], strict=True)
    ]
    expected = win_rate(by_document)
    assert rate and expected and (rate.rate, rate.interval) == (expected.rate, expected.interval)
    assert rate.wins + rate.ties + rate.losses == 40


def test_a_pairwise_judge_compares_with_the_baseline(tmp_path: Path) -> None:
    folders = [
        save(tmp_path / name, {"t": [judged(line) for line in docs(values, "win_rate")]}, model_name=f"org/{name}")
        for name, values in SCORES.items()
    ]
    (entry,) = strengths([load(path) for path in folders])
    assert entry.against_baseline
    assert {each.model for each in entry.standings} == {"org/x", "org/y", "org/z", "(baseline)"}
    best = entry.standings[0]
    assert best.win_rate and (best.win_rate.rate, best.win_rate.wins) == (0.7, 14)
    baseline = next(each for each in entry.standings if each.model == "(baseline)")
    assert best.strength and baseline.strength
    odds = best.strength.log_odds - baseline.strength.log_odds
    assert 1 / (1 + 2.718281828459045**-odds) == pytest.approx(0.7)


def test_a_model_that_loses_no_point_has_no_strength(tmp_path: Path) -> None:
    entry = found(tmp_path, {"x": [1.0] * 5, "y": [0.0] * 5})
    assert entry.reason == "no finite strength fits: org/x lost no point to the other models"
    assert "! No strengths: no finite strength fits" in render_strengths([entry])


def test_lower_values_win_where_lower_is_better(tmp_path: Path) -> None:
    folders = [
        save(tmp_path / name, {"t": docs(values)}, model_name=name, better={"acc": False})
        for name, values in SCORES.items()
    ]
    (entry,) = strengths([load(path) for path in folders])
    assert [each.model for each in entry.standings] == ["z", "y", "x"]


def test_only_documents_of_all_runs_count(tmp_path: Path) -> None:
    assert found(tmp_path, {**SCORES, "z": SCORES["z"][:13]}).documents == 13


def test_equal_names_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folders = [save(tmp_path / name / "m", {"t": docs(values)}) for name, values in SCORES.items()]
    (entry,) = strengths([load(path) for path in folders])
    assert {each.model for each in entry.standings} == {"org/m (x)", "org/m (y)", "org/m (z)"}


def test_a_run_against_itself_is_a_mistake(tmp_path: Path) -> None:
    run = load(runs(tmp_path, SCORES)[0])
    with pytest.raises(ConfigError, match="given twice"):
        strengths([run, run])


def test_unknown_names_are_mistakes(tmp_path: Path) -> None:
    loaded = [load(path) for path in runs(tmp_path, SCORES)]
    for options in ({"tasks": ["s"]}, {"metrics": ["ac"]}):
        with pytest.raises(UnknownNameError):
            strengths(loaded, **options)


def test_runs_without_a_document_in_common_are_a_mistake(tmp_path: Path) -> None:
    folders = [save(tmp_path / name, {name: docs(values)}) for name, values in SCORES.items()]
    with pytest.raises(ConfigError, match="no values of documents in common"):
        strengths([load(path) for path in folders])


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_the_command_line_takes_more_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    folders = [str(path) for path in runs(tmp_path, SCORES)]
    assert main(["compare", *folders, "--format", form]) == 0
    printed = capsys.readouterr().out
    if form == "json":
        assert [each["model"] for each in json.loads(printed)[0]["standings"]] == ["org/x", "org/y", "org/z"]
    else:
        assert "t acc,none" in printed and printed.index("org/x") < printed.index("org/z")


def test_a_gate_takes_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(path) for path in runs(tmp_path, SCORES)]
    assert main(["compare", *folders, "--fail_if_worse", "0.1"]) == 2
    assert "compares two runs" in capsys.readouterr().err


def test_two_runs_of_a_judged_score_have_a_win_rate(tmp_path: Path) -> None:
    judge = {"status": "judged", "verdicts": []}
    a, b = (load(path) for path in runs(tmp_path, {"y": SCORES["y"], "x": SCORES["x"]}, judge=judge))
    comparison = compare(a, b)
    (row,) = comparison.rows
    expected = win_rate([0.5 if x == y else float(x > y) for x, y in zip(SCORES["x"], SCORES["y"], strict=True)])
    assert expected and expected.interval
    assert (row.win_rate, row.win_rate_interval) == (expected.rate, (expected.interval.low, expected.interval.high))
    assert "t acc: B wins on 65.0% [" in to_text(comparison)


def test_other_scores_have_no_win_rate(tmp_path: Path) -> None:
    a, b = (load(path) for path in runs(tmp_path, {"y": SCORES["y"], "x": SCORES["x"]}))
    assert compare(a, b).rows[0].win_rate is None


def test_other_judges_and_templates_are_told(tmp_path: Path) -> None:
    a, b = (
        save(
            tmp_path / name,
            {"t": docs(SCORES[name])},
            judging={"t": {"judges": judges, "template_sha": sha}},
        )
        for name, judges, sha in (("x", ["big"], "1"), ("y", ["big", "small"], "2"))
    )
    notes = [note.line() for note in compare(load(a), load(b)).notes]
    assert notes == ["judges: big in A, big, small in B: t.", "template of the judge: 1 in A, 2 in B: t."]
