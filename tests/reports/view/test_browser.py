"""The viewer in a headless Chromium; skipped if there is none (the fixture ``browser``)."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from lm_eval.reports.matrix import best_of, matrix_of
from lm_eval.reports.runs import RunIndex
from lm_eval.reports.view import matrix_page
from tests.reports.html.chromium import Browser, Page
from tests.reports.html.runs import chat, choice, generation
from tests.reports.html.test_browser import ATTACKS, CONTRAST, choose, count, text, texts
from tests.reports.saved_runs import docs, save
from tests.reports.view.serving import Address, Serving

MINUS = "\u2212"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    tab = browser.page()
    tab.prefer(reduced_motion="reduce")
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Three models on a group of two tasks, of which one differs; and a run that is going on."""
    folder = tmp_path_factory.mktemp("served") / "runs"
    scores = {"low": [0] * 30 + [1] * 10, "middle": [0] * 20 + [1] * 20, "high": [1] * 40}
    for number, (name, values) in enumerate(scores.items()):
        tasks = {"maths": docs(values), "words": docs([1, 0] * 20)}
        means = {"both": {"acc,none": (sum(values) / 40 + 0.5) / 2, "alias": "both"}}
        save(
            folder / name,
            tasks,
            model_name=f"org/{name}",
            time=f"2026-01-0{number + 1}T10-00-00.000001",
            date=1767261600 + 86400 * number,
            group_subtasks={"both": ["maths", "words"]},
            scores=means,
            config={"num_fewshot": 5 * (number == 2), "limit": 40},
        )
    (folder / ".journal").mkdir()
    state = {"format": 1, "model": "org/new", "tasks": ["maths"], "started": time.time(), "updated": time.time()}
    state |= {"pid": os.getpid(), "host": socket.gethostname(), "total": 200, "done": 50, "errors": 2, "rate": 25}
    (folder / ".journal" / "abc.state.json").write_text(json.dumps(state))
    with Serving(folder) as running:
        yield running


def visit(page: Page, serving: Serving, anchor: str = "") -> None:
    page.open(cast("Path", Address(serving.url)), anchor)


def go(page: Page, anchor: str) -> None:
    page.js("document.documentElement.removeAttribute('data-ready')")
    page.js(f"location.hash = {json.dumps(anchor)}")
    page.wait("document.documentElement?.dataset.ready")


def keys(serving: Serving) -> dict[str, str]:
    serving.index.refresh()
    return {run.model: run.key for run in serving.index.runs}


def models(page: Page) -> list[str]:
    """The models of the list; innerText is empty of rows that are not drawn yet."""
    found: list[str] = page.js("[...document.querySelectorAll('.run-model')].map((e) => e.textContent)")
    return found


def write_in(page: Page, label: str, words: str) -> None:
    page.js(f"document.querySelector('[aria-label^=\"{label}\"]').focus()")
    page.write(words)


def assert_calm(page: Page, serving: Serving) -> None:
    assert page.problems == []
    assert [url for url in page.requests if not url.startswith((serving.url, "about:blank", "data:"))] == []


def test_runs_are_found_by_any_word(page: Page, serving: Serving) -> None:
    visit(page, serving)
    assert models(page) == ["org/high", "org/middle", "org/low"]
    found = {}
    for words in ("middle", "2026-01-01", "num_fewshot=5", "maths org", "nowhere"):
        write_in(page, "Search", words)
        found[words] = models(page)
        assert "q=" in page.js("location.hash")
        page.key("Escape")
    assert found == {
        "middle": ["org/middle"],
        "2026-01-01": ["org/low"],
        "num_fewshot=5": ["org/high"],
        "maths org": ["org/high", "org/middle", "org/low"],
        "nowhere": [],
    }
    choose(page, "Order", "old")
    assert models(page) == ["org/low", "org/middle", "org/high"]
    assert_calm(page, serving)


def test_a_run_that_goes_on_shows_its_progress(page: Page, serving: Serving) -> None:
    visit(page, serving)
    shown = text(page, ".live-run")
    for part in ("org/new", "running", "50 of 200", "25/s", "6.0 s left", "2 errors"):
        assert part in shown
    assert page.js("document.querySelector('.progress .fill').style.width") == "25%"


def test_the_keyboard_is_enough(page: Page, serving: Serving) -> None:
    visit(page, serving)
    page.key("j")
    page.key("j")
    page.key("x")
    page.key("k")
    page.key("x")
    assert text(page, ".tabs a[data-view=beside]").split() == ["Side", "by", "side", "2"]
    page.key("4")
    page.wait("document.querySelectorAll('.run-card').length === 2")
    page.key("2")
    page.wait("document.querySelector('#matrix td')")
    page.key("/")
    assert page.js("document.activeElement.getAttribute('aria-label')") == "Models"
    page.key("Escape")
    page.key("1")
    page.wait("document.querySelector('.run')")
    page.key("j")
    page.key("Enter")
    page.wait("document.querySelectorAll('.run-card').length === 1")
    page.key("?", shift=True)
    assert page.js("document.getElementById('help').open") is True
    assert_calm(page, serving)


def test_the_matrix_marks_the_best_where_it_holds(page: Page, serving: Serving) -> None:
    visit(page, serving, "#/matrix?open=both")
    page.wait("document.querySelector('.best')")
    assert [title.split()[0] for title in texts(page, ".matrix thead th")] == ["Model", "both", "maths", "words"]
    rows = [row.split() for row in texts(page, ".matrix tbody tr")]
    assert [row[0] for row in rows] == ["org/high", "org/low", "org/middle"]
    assert page.js("[...document.querySelectorAll('td.best')].map((e) => e.cellIndex)") == [1, 2]
    assert page.js("[...document.querySelectorAll('td.best')].every((e) => e.parentElement.rowIndex === 1)") is True
    assert "differ in limit" not in page.js("document.querySelector('thead').outerHTML")
    assert_calm(page, serving)


def test_groups_fold_columns_sort_and_rows_filter(page: Page, serving: Serving) -> None:
    visit(page, serving, "#/matrix")
    assert count(page, ".matrix thead th") == 2
    page.click(".matrix .fold")
    assert count(page, ".matrix thead th") == 4
    assert "open=both" in page.js("location.hash")
    page.click(".matrix thead th:nth-child(3) button:not(.fold)")
    assert [row.split()[0] for row in texts(page, ".matrix tbody tr")] == ["org/high", "org/middle", "org/low"]
    page.click(".matrix thead th:nth-child(3) button:not(.fold)")
    assert [row.split()[0] for row in texts(page, ".matrix tbody tr")] == ["org/low", "org/middle", "org/high"]
    write_in(page, "Models", "mid")
    assert count(page, ".matrix tbody tr") == 1
    address = page.js("location.hash")
    visit(page, serving, address)
    assert (count(page, ".matrix thead th"), count(page, ".matrix tbody tr")) == (4, 1)


def test_a_task_over_time_is_a_plot_with_a_table(page: Page, serving: Serving) -> None:
    visit(page, serving, "#/time?task=maths")
    assert count(page, ".series-dot") == 3
    assert count(page, ".points tbody tr") == 3
    heights = page.js("[...document.querySelectorAll('.series-dot')].map((e) => Number(e.getAttribute('cy')))")
    assert heights == sorted(heights, reverse=True)
    choose(page, "Axis", "step")
    assert "axis=step" in page.js("location.hash")
    assert_calm(page, serving)


def test_runs_side_by_side_show_paired_differences(page: Page, serving: Serving) -> None:
    runs = keys(serving)
    visit(page, serving, f"#/beside?runs={runs['org/low']},{runs['org/high']},{runs['org/middle']}")
    page.wait("document.querySelectorAll('.beside .better').length === 4")
    assert count(page, ".run-card") == 3
    assert "num_fewshot" in text(page, ".differs")
    row = next(row for row in texts(page, ".beside tbody tr") if row.startswith("maths"))
    assert "▲ +0.7500" in row
    page.js(
        "[...document.querySelectorAll('.beside tbody tr')].find((e) => e.innerText.startsWith('maths'))"
        ".querySelector('td button').click()"
    )
    assert count(page, ".flips a") == 30
    page.click(".flips a")
    page.wait("document.querySelectorAll('.sample-column').length === 2")
    assert_calm(page, serving)


def test_a_sample_is_next_to_that_of_other_runs(page: Page, serving: Serving) -> None:
    runs = keys(serving)
    visit(page, serving, f"#/sample?runs={runs['org/low']},{runs['org/high']}&task=maths&doc=3")
    assert [head.split()[0] for head in texts(page, ".column-head")] == ["org/low", "org/high"]
    assert texts(page, ".sample-column .text")[:2] == ["q3", "answer 3"]
    assert page.js("[...document.querySelectorAll('.column-signs .sign')].map((e) => e.ariaLabel)") == [
        "wrong",
        "right",
    ]
    page.key("j")
    page.wait("document.documentElement?.dataset.sample === '4'")
    assert "doc=4" in page.js("location.hash")
    choose(page, "Add a run", runs["org/middle"])
    page.wait("document.querySelectorAll('.sample-column').length === 3")
    page.js("history.back()")
    page.wait("document.querySelectorAll('.sample-column').length === 2")
    assert_calm(page, serving)


def test_the_report_of_a_run_links_to_its_other_runs(page: Page, serving: Serving) -> None:
    key = keys(serving)["org/high"]
    page.open(cast("Path", Address(f"{serving.url}report/{key}?task=maths")), "#sample/maths/5/none")
    page.wait("document.querySelector('.pane-body')")
    page.js("[...document.querySelectorAll('.pane-tools a')].find((e) => e.innerText === 'Other runs').click()")
    page.wait("document.documentElement?.dataset.sample === '5'")
    assert text(page, ".column-head h2") == "org/high"
    assert page.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["runs", "matrix?open=both", "time?task=maths", "beside", "sample"])
def test_text_has_enough_contrast_and_a_phone_is_wide_enough(
    page: Page, serving: Serving, scheme: str, view: str
) -> None:
    runs = ",".join(keys(serving).values())
    view = {"beside": f"beside?runs={runs}", "sample": f"sample?runs={runs}&task=maths&doc=3"}.get(view, view)
    page.prefer(color_scheme=scheme, reduced_motion="reduce")
    visit(page, serving, f"#/{view}")
    assert page.js(CONTRAST) == []
    page.size(390, 844, 2, mobile=True)
    assert page.js("document.documentElement.scrollWidth") == 390


def test_everything_has_a_name(page: Page, serving: Serving) -> None:
    runs = ",".join(keys(serving).values())
    for view in ("runs", "matrix", "time", f"beside?runs={runs}", f"sample?runs={runs}&task=maths"):
        visit(page, serving, f"#/{view}")
        nameless = page.js(
            "[...document.querySelectorAll('button, a, input, select')].filter((e) => "
            "!(e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML)"
        )
        assert nameless == []


def test_a_mistake_in_an_address_is_a_message(page: Page, serving: Serving) -> None:
    visit(page, serving, "#/beside?runs=nothing")
    assert "cannot be shown" in text(page, "#failure")
    go(page, "#/runs")
    assert page.js("document.getElementById('failure').hidden") is True
    go(page, "#/nonsense?x=%E0%A4%A")
    assert count(page, ".run") == 3


def test_an_empty_folder(page: Page, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with Serving(tmp_path / "runs") as running:
        for view, words in (("runs", "No run"), ("matrix", "No run"), ("time", "No run"), ("beside", "Choose runs")):
            visit(page, running, f"#/{view}")
            assert words in text(page, ".nothing-found")
    assert page.problems == []


def test_no_text_of_a_run_is_executed(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    for place, attack in enumerate(ATTACKS):
        keys: dict[str, Any] = {"doc": {"question": attack}, "target": attack, "filtered": attack, "prompt": attack * 3}
        lines = generation(0, attack, 0.5, pipelines=(attack,), response_info=[{"outcome": attack}], **keys)
        lines += chat(1, [(attack, attack), ("user", attack)], attack, 0.0, doc={}, target=attack)
        lines += [choice(2, attack, {attack: -1.0, f"{attack} ": -2.0}, 0)]
        save(
            folder / str(place),
            {"t": lines},
            model_name=attack,
            scores={attack: {f"{attack},{attack}": 0.5, "alias": attack}},
            group_subtasks={attack: ["t"]},
            config={"system_instruction": attack, "gen_kwargs": {attack: attack}},
        )
    (folder / ".journal").mkdir()
    state = {"model": ATTACKS[0], "tasks": ATTACKS, "started": time.time(), "updated": time.time(), "total": 1}
    (folder / ".journal" / "abc.state.json").write_text(json.dumps(state))
    with Serving(folder) as running:
        running.index.refresh()
        runs = ",".join(run.key for run in running.index.runs)
        first = runs.partition(",")[0]
        for view in ("runs", "matrix?open=*&metric=all", "time", f"beside?runs={runs}", f"beside?runs={first}"):
            visit(page, running, f"#/{view}")
        for doc in range(3):
            visit(page, running, f"#/sample?runs={runs}&task=t&doc={doc}")
            page.js("document.querySelectorAll('summary').forEach((e) => e.click())")
            assert count(page, ".pane-body") >= 7
        assert page.js("[window.pwned, ({}).pwned, document.querySelectorAll('img').length]") == [None, None, 0]
        assert count(page, "script:not([type='text/plain'])") == 1
        assert page.js(
            "[...document.querySelectorAll('a')].every((e) => /^(#|report\\/)/.test(e.getAttribute('href')))"
        )
        assert_calm(page, running)


def test_the_matrix_is_one_file_too(page: Page, tmp_path: Path, serving: Serving) -> None:
    index = RunIndex(serving.index.root, tmp_path / "index.sqlite")
    index.refresh()
    matrix = matrix_of(index.runs)
    file = tmp_path / "matrix.html"
    file.write_text(matrix_page(matrix, best_of(index, matrix)), encoding="utf-8")
    page.open(file, "#/matrix?open=*")
    page.wait("document.querySelector('.best')")
    assert count(page, ".matrix thead th") == 4
    assert texts(page, ".tabs a") == ["Matrix"]
    assert page.problems == []
    assert {url.partition("#")[0] for url in page.requests} <= {file.as_uri(), "about:blank"}


def test_a_late_answer_does_not_replace_the_view(page: Page, serving: Serving) -> None:
    runs = ",".join(keys(serving).values())
    visit(page, serving, "#/runs")
    for _ in range(5):
        page.js(f"location.hash = '#/beside?runs={runs}'")
        page.js("location.hash = '#/matrix'")
        page.js("location.hash = '#/time?task=maths'")
    page.wait("document.querySelector('.series-dot')")
    page.js("new Promise((done) => setTimeout(done, 400))")
    assert (count(page, ".series-dot"), count(page, ".run-card"), count(page, "#matrix")) == (3, 0, 0)
    assert page.js("document.getElementById('failure').hidden") is True
    assert_calm(page, serving)
