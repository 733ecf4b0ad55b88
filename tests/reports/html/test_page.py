from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from lm_eval.cli import main
from lm_eval.errors import UnknownNameError
from lm_eval.reports.html import write_report
from lm_eval.results import load
from tests.reports.html.runs import TIME, choice, generation, save
from tests.reports.html.test_packing import unpack

SAMPLES = {
    "numbers": [sample for n in range(3) for sample in generation(n, f" {n}", float(n == 1))],
    "colours": [choice(0, "Colour?", {"yellow": -1.0, "blue": -2.0}, 0)],
}


def block(page: str, name: str) -> Any:
    found = re.search(rf'<script type="text/plain" id="{name}">([^<]*)</script>', page)
    assert found is not None
    return unpack(found[1])


def tasks(page: Path) -> list[str]:
    return [task["name"] for task in block(page.read_text(), "index")["tasks"]]


def test_the_report_is_next_to_the_results(tmp_path: Path) -> None:
    results = save(tmp_path, SAMPLES)
    assert write_report(load(results)) == tmp_path / f"report_{TIME}.html"


def test_a_report_against_another_run_is_a_separate_file(tmp_path: Path) -> None:
    run, other = load(save(tmp_path / "a", SAMPLES)), load(save(tmp_path / "b", SAMPLES))
    plain, versus = write_report(run), write_report(run, against=other)
    assert (plain.name, versus.name) == (f"report_{TIME}.html", f"report_{TIME}_against_{TIME}.html")
    assert versus.parent == tmp_path / "a"
    assert "against" not in block(plain.read_text(), "run")


def test_a_report_against_a_run_without_a_time_has_its_name(tmp_path: Path) -> None:
    run, other = load(save(tmp_path / "a", SAMPLES)), load(save(tmp_path / "b", SAMPLES))
    other.path = other.path.with_name("baseline.json")
    assert write_report(run, against=other).name == f"report_{TIME}_against_baseline.html"


def test_equal_runs_have_no_note(tmp_path: Path) -> None:
    run, other = load(save(tmp_path / "a", SAMPLES)), load(save(tmp_path / "b", SAMPLES))
    assert block(write_report(run, against=other).read_text(), "run")["against"]["notes"] == []


def test_runs_of_other_documents_or_limits_are_noted_on_the_page_and_on_stderr(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = {"numbers": [s for n in (0, 1, 2, 3) for s in generation(n, "3", 1.0)], "mine": generation(0, "3", 1.0)}
    there = [
        *generation(1, "4", 0.0, doc={"question": "another doc"}),
        *[s for n in (2, 3, 8, 9, 10) for s in generation(n, "4", 0.0)],
    ]
    save(tmp_path / "a" / "m", here, config={"limit": 4})
    save(tmp_path / "b" / "m", {"numbers": there, "yours": generation(0, "3", 1.0)}, model="old")
    assert main(["report", str(tmp_path / "a"), "--against", str(tmp_path / "b")]) == 0
    (page,) = (tmp_path / "a" / "m").glob("report_*_against_*.html")
    notes = [note["text"] for note in block(page.read_text(), "run")["against"]["notes"]]
    assert notes == [
        "limit differs: 4 in this run, none in old.",
        "Only in this run: mine.",
        "Only in old: yours.",
        "The runs are not about the same documents: 1 document only in this run, 3 documents only in old, "
        "1 document with the same id but another content. Differences are over 2 documents of both.",
    ]
    assert [record.getMessage() for record in caplog.records] == notes


def test_the_same_run_gives_the_same_file(tmp_path: Path) -> None:
    run = load(save(tmp_path, SAMPLES))
    first, second = (write_report(run, tmp_path / name) for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()


def test_the_policy_names_this_style_and_script_and_nothing_else(tmp_path: Path) -> None:
    page = write_report(load(save(tmp_path, SAMPLES))).read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    style, script = re.search(r"<style>(.*?)</style>", page, re.S), re.search(r"<script>(.*?)</script>", page, re.S)
    assert policy and style and script
    hashes = [base64.b64encode(hashlib.sha256(part[1].encode()).digest()).decode() for part in (style, script)]
    assert policy[1] == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def test_text_is_never_markup(tmp_path: Path) -> None:
    page = write_report(load(save(tmp_path, SAMPLES))).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", page)


def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    page = write_report(load(save(tmp_path, SAMPLES))).read_text()
    assert "sk-very-secret" not in str(block(page, "run"))


def test_selected_tasks_have_samples_and_all_tasks_have_scores(tmp_path: Path) -> None:
    run = load(save(tmp_path, SAMPLES, group_subtasks={"all": ["numbers"]}))
    page = write_report(run, tasks=["a*"])
    assert tasks(page) == ["numbers"]
    assert block(page.read_text(), "run")["warnings"][-1]["text"] == (
        "Only the samples of 1 of 2 tasks are in this report."
    )
    assert len(block(page.read_text(), "run")["scores"]["nodes"]) == 3


def test_an_unknown_task_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'numbers'"):
        write_report(load(save(tmp_path, SAMPLES)), tasks=["number"])


def test_a_model_s_name_cannot_end_the_title(tmp_path: Path) -> None:
    page = write_report(load(save(tmp_path, SAMPLES, model="</title><script>{styles}{policy}"))).read_text()
    assert "<title>&lt;/title&gt;&lt;script&gt;{styles}{policy} - lm_eval report</title>" in page


def test_the_command_prints_path_and_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path, SAMPLES)
    out = tmp_path / "out" / "mine.html"
    assert main(["report", str(tmp_path), "--output", str(out), "--limit_samples", "1", "--tasks", "numbers"]) == 0
    assert capsys.readouterr().out == f"{out} ({out.stat().st_size / 1e6:.1f} MB)\n"
    assert block(out.read_text(), "index")["columns"]["doc"] == [0]


def test_a_folder_without_runs_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("lm_eval: error: No results file")


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = save(tmp_path, SAMPLES)
    assert main(["report", str(tmp_path), "--output", str(results / "report.html")]) == 2
    assert capsys.readouterr().err.startswith(f"lm_eval: error: {results / 'report.html'} cannot be written")


def test_a_limit_is_at_least_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path), "--limit_samples", "0"]) == 2
    assert "a whole number, 1 or more" in capsys.readouterr().err
