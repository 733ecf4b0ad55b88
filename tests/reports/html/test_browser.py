"""The report in a headless Chromium; skipped if there is none (the fixture ``browser``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.cli.run import execute
from lm_eval.demo import demo_config
from lm_eval.mock_server import MockServer
from lm_eval.reports.html import write_report
from lm_eval.results import load
from tests.reports.html.chromium import Browser, Page
from tests.reports.html.runs import chat, choice, generation, many, save

MINUS = "\u2212"
SHOT = "Question: one and one?\nAnswer: 2\n\n"
COLOURS = {"a rather pale yellow": -4.0, "blue": -6.0}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    tab = browser.page()
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five numbers under two filters (2 right, 1 cut, 1 lost), two colours, a chat, and another run to compare."""
    folder = tmp_path_factory.mktemp("report")

    def numbers(right: set[int]) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for n in range(4):
            question = f"Question: how many are {n} lemons and {n} limes?\nAnswer:"
            info: dict[str, Any] = (
                {"response_info": [{"outcome": "length", "finish_reason": "length"}]} if n == 2 else {}
            )
            doc = {"question": f"how many are {n} lemons and {n} limes?"}
            answer = f" They are {n + n}, as the sum of {n} and {n} says."
            found += generation(
                n,
                answer,
                float(n in right),
                prompt=SHOT + question,
                doc=doc,
                target=f"so\n#### {n + n}",
                pipelines=("strict", "loose"),
                **info,
            )
        lost = {"kind": "timeout", "message": "No complete answer in 60 s.", "attempts": 3}
        for sample in generation(4, "", 0.0, prompt=SHOT + "Question: lost?", pipelines=("strict", "loose")):
            del sample["exact_match"]
            found.append({**sample, "metrics": [], "resps": [[]], "filtered_resps": [None], "error": lost})
        return found

    tasks = {
        "numbers": numbers({0, 1}),
        "colours": [choice(n, f"The colour of lemon number {n}?", COLOURS, n) for n in range(2)],
        "talk": chat(
            0, [("system", "Be brief."), ("user", "Hello?"), ("assistant", "Hi."), ("user", "Bye?")], "Bye.", 1
        ),
    }
    members = {"everything": ["numbers", "colours", "talk"]}
    run = load(save(folder / "a", tasks, shots=1, group_subtasks=members))
    other = load(save(folder / "b", {"numbers": numbers({1, 2})}))
    return write_report(run, folder / "report.html", against=other)


def text(page: Page, selector: str) -> str:
    return str(page.js(f"document.querySelector({json.dumps(selector)}).innerText"))


def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = page.js(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)")
    return found


def count(page: Page, selector: str) -> int:
    return int(page.js(f"document.querySelectorAll({json.dumps(selector)}).length"))


def choose(page: Page, label: str, value: str) -> None:
    page.js(
        f"(() => {{ const e = document.querySelector('select[aria-label=\"{label}\"]'); e.value = {json.dumps(value)}; "
        "e.dispatchEvent(new Event('change')); })()"
    )


def search(page: Page, words: str) -> None:
    page.key("/")
    page.write(words)
    page.wait(f"location.hash.includes('q={words}') && !document.getElementById('shown').textContent.includes('%')")


def assert_calm(page: Page, report: Path) -> None:
    assert page.problems == []
    assert {address.partition("#")[0] for address in page.requests} <= {report.as_uri(), "about:blank"}


def test_scores_and_warnings_come_first(page: Page, report: Path) -> None:
    page.open(report)
    assert text(page, "h1") == "tiny"
    assert texts(page, ".tree-row .cell-name a") == ["everything", "numbers", "colours", "talk"]
    assert "+0.2500" not in text(page, "#scores")
    assert text(page, ".cell-difference .delta") == "0.0000"
    assert "1▲ 1▼" in text(page, ".cell-difference .detail")
    assert text(page, ".cell-difference .test") == "p 1.000 · Holm 1.000"
    assert_calm(page, report)


def test_groups_can_be_folded(page: Page, report: Path) -> None:
    page.open(report)
    page.click(".fold")
    assert texts(page, ".tree-row .cell-name a") == ["everything"]


def test_the_list_is_filtered(page: Page, report: Path) -> None:
    page.open(report, "#samples")
    assert text(page, "#shown") == "13 samples"
    choose(page, "Task", "numbers")
    choose(page, "Filter pipeline", "strict")
    assert texts(page, ".row .where") == [f"#{n} · strict" for n in range(5)]
    shown = {}
    for name in ("right", "wrong", "error", "odd", "changed", "better", "worse"):
        page.click(f"[data-show={name}]")
        shown[name] = texts(page, ".row .where")
    assert {name: [where[1] for where in rows] for name, rows in shown.items()} == {
        "right": ["0", "1"],
        "wrong": ["2", "3"],
        "error": ["4"],
        "odd": ["2"],
        "changed": ["0", "2"],
        "better": ["0"],
        "worse": ["2"],
    }
    assert_calm(page, report)


def test_a_filtered_list_can_be_shared(page: Page, report: Path) -> None:
    page.open(report, "#samples")
    choose(page, "Task", "colours")
    page.click("[data-show=wrong]")
    page.open(report, page.js("location.hash"))
    assert text(page, "#shown") == "1 of 13 samples"


def test_search_covers_questions_answers_and_targets_but_not_examples(page: Page, report: Path) -> None:
    page.open(report, "#samples")
    found = {}
    for words in ("limes", "sum", "YELLOW", "complete", "bye", "one", "nowhere"):
        search(page, words)
        found[words] = text(page, "#shown").split()[0]
        page.key("Escape")
        page.key("Escape")
    assert found == {"limes": "8", "sum": "8", "YELLOW": "2", "complete": "2", "bye": "1", "one": "0", "nowhere": "0"}
    assert_calm(page, report)


def test_all_words_must_occur_and_quotes_keep_them_together(page: Page, report: Path) -> None:
    page.open(report, "#samples?q=limes%20sum%203")
    page.wait("document.getElementById('shown').textContent === '2 of 13 samples'")
    page.open(report, "#samples?q=%22sum%20limes%22")
    page.wait("document.getElementById('shown').textContent === '0 of 13 samples'")
    assert texts(page, ".row") == []


def test_a_sample_shows_everything(page: Page, report: Path) -> None:
    page.open(report, "#sample/numbers/2/strict")
    page.wait("document.querySelector('.pane-body')")
    body = text(page, "#pane")
    for part in ("numbers", "#2", "Cut at the token limit.", "how many are 2 lemons", "1 example before the question"):
        assert part in body
    assert texts(page, "#pane .text")[1:4] == [
        " They are 4, as the sum of 2 and 2 says.",
        "They are 4, as the sum of 2 and 2 says.",
        "so\n#### 4",
    ]
    assert "▼ worse" in body
    page.click(".before summary")
    page.wait("document.querySelector('.before .text')")
    assert text(page, ".before .text").strip() == SHOT.strip()
    assert_calm(page, report)


def test_the_filters_of_a_doc_are_one_click_apart(page: Page, report: Path) -> None:
    page.open(report, "#sample/numbers/1/strict")
    page.wait("document.querySelector('.segments')")
    page.click(".segments button:nth-child(2)")
    page.wait("location.hash.startsWith('#sample/numbers/1/loose')")


def test_choices_have_bars(page: Page, report: Path) -> None:
    page.open(report, "#sample/colours/1/none")
    page.wait("document.querySelector('.choice')")
    assert texts(page, ".choice .number") == [f"{MINUS}{number}" for number in ("4.0000", "0.2000", "6.0000", "1.5000")]
    assert texts(page, ".choice:nth-child(1) .chip") == ["chosen"]
    assert texts(page, ".choice:nth-child(2) .chip") == ["◆ target"]
    widths = page.js("[...document.querySelectorAll('.fill')].map((e) => parseFloat(e.style.width))")
    assert widths == pytest.approx([100 - 400 / 6.3, 100 - 20 / 1.575, 100 - 600 / 6.3, 100 - 150 / 1.575], abs=0.01)


def test_a_chat_is_turns(page: Page, report: Path) -> None:
    page.open(report, "#sample/talk/0/none")
    page.wait("document.querySelector('.turn')")
    page.click(".before summary")
    page.wait("document.querySelectorAll('.turn').length === 4")
    assert texts(page, ".turn .role") == ["system", "user", "assistant", "user"]


def test_each_repeat_shows_its_own_score(page: Page, tmp_path: Path) -> None:
    repeats = {"filtered": ["three", "four"], "exact_match": [1.0, 0.0]}
    sample = {**generation(0, "a", 0.5)[0], "resps": [["It is three. " * 9, "It is four."]], "repeats": repeats}
    page.open(write_report(load(save(tmp_path, {"numbers": [sample]}))), "#sample/numbers/0/none")
    page.wait("document.querySelector('.answers')")
    chips = [chip.split() for chip in texts(page, ".answers summary .chip")]
    assert chips == [["exact_match", "1"], ["three"], ["exact_match", "0"], ["four"]]
    page.size(390, 844, 2, mobile=True)
    assert page.js("document.getElementById('pane').scrollWidth") <= 390


def test_a_lost_doc_has_the_reason(page: Page, report: Path) -> None:
    page.open(report, "#sample/numbers/4/strict")
    page.wait("document.querySelector('.callout')")
    assert text(page, ".callout") == "Not answered: timeout. No complete answer in 60 s.\nattempts 3"


def test_the_keyboard_is_enough(page: Page, report: Path) -> None:
    page.open(report)
    page.key("2")
    page.wait("document.body.dataset.view === 'samples'")
    page.key("j")
    page.key("ArrowDown")
    page.key("k")
    assert page.js("document.querySelector('[aria-selected=true]').getAttribute('aria-posinset')") == "1"
    page.key("Enter")
    page.wait("location.hash.startsWith('#sample/numbers/0/strict')")
    page.key("j")
    page.wait("location.hash.startsWith('#sample/numbers/1/strict')")
    page.key("Escape")
    page.wait("document.getElementById('pane').hidden")
    page.key("End")
    assert page.js("document.getElementById('list').getAttribute('aria-activedescendant')") == "row-12"
    page.key("?", shift=True)
    assert page.js("document.getElementById('help').open") is True
    page.key("Escape")
    page.key("/")
    assert page.js("document.activeElement.id") == "search"
    assert_calm(page, report)


def test_going_back_closes_the_sample(page: Page, report: Path) -> None:
    page.open(report, "#samples")
    page.click(".row")
    page.wait("document.querySelector('.pane-body')")
    page.js("history.back()")
    page.wait("document.getElementById('pane').hidden && location.hash === '#samples'")


def test_light_and_dark(page: Page, report: Path) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme)
        page.open(report)
        seen[scheme] = page.js("getComputedStyle(document.body).backgroundColor")
    assert seen == {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 17, 22)"}
    page.key("t")
    assert page.js("getComputedStyle(document.body).backgroundColor") == seen["light"]


CONTRAST = """(() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0.99) return c;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest('script,option')) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`${e.className} ${walker.currentNode.data.slice(0, 20)}: ${ratio.toFixed(2)}`);
  }
  return [...poor];
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("anchor", ["#scores", "#sample/numbers/2/strict", "#sample/colours/1/none", "#settings"])
def test_text_has_enough_contrast(page: Page, report: Path, scheme: str, anchor: str) -> None:
    page.prefer(color_scheme=scheme, reduced_motion="reduce")
    page.open(report, anchor)
    page.wait("!location.hash.startsWith('#sample/') || document.querySelector('.pane-body')")
    assert page.js(CONTRAST) == []


@pytest.mark.parametrize(
    "anchor", ["#scores", "#samples", "#sample/numbers/2/strict", "#sample/colours/1/none", "#settings"]
)
def test_a_phone_is_wide_enough(page: Page, report: Path, anchor: str) -> None:
    page.size(390, 844, 2, mobile=True)
    page.open(report, anchor)
    page.wait("!location.hash.startsWith('#sample/') || document.querySelector('.pane-body')")
    assert page.js("document.documentElement.scrollWidth") == 390
    assert page.js("document.getElementById('pane').scrollWidth") <= 390


def test_everything_has_a_name(page: Page, report: Path) -> None:
    page.open(report, "#sample/numbers/2/strict")
    page.wait("document.querySelector('.pane-body')")
    nameless = page.js(
        "[...document.querySelectorAll('button, a, input, select')].filter((e) => "
        "!(e.getAttribute('aria-label') || e.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert nameless == []


def test_a_run_without_samples_explains_how_to_get_them(page: Page, tmp_path: Path) -> None:
    report = write_report(load(save(tmp_path, {"numbers": []}, results={"numbers": {"acc,none": 0.5}})))
    page.open(report)
    assert text(page, ".cell-value:not([role=columnheader])") == "0.5000"
    page.key("2")
    page.wait("!document.getElementById('list-empty').hidden")
    assert "--log_samples" in text(page, "#list-empty")
    assert_calm(page, report)


ATTACKS = [
    "<img src=x onerror='window.pwned=1'>",
    "</script><script>window.pwned=1</script>",
    "<!--<script>",
    "]]><svg onload=window.pwned=1>",
    "${window.pwned=1}`'\"{{constructor.constructor('window.pwned=1')()}}",
    "javascript:window.pwned=1",
    "__proto__",
    "\u2028window.pwned=1\u2029\ud800\x00",
]


def test_no_text_of_a_run_is_executed(page: Page, tmp_path: Path) -> None:
    tasks = {}
    for place, attack in enumerate(ATTACKS):
        doc = {"question": attack, "__proto__": {"pwned": attack}, attack: attack}
        keys: dict[str, Any] = {"doc": doc, "target": attack, "filtered": attack, "prompt": attack * 3}
        samples = generation(
            0, attack, 0.5, pipelines=(attack,), response_info=[{"outcome": attack, "reasoning": attack}], **keys
        )
        samples += chat(1, [(attack, attack), ("user", attack)], attack, 0.0, doc=doc, target=attack)
        samples += generation(2, attack, 0.0, error={"kind": attack, "message": attack}, **keys)
        samples.append(choice(3, attack, {attack: -1.0, f"{attack} ": -2.0}, 0))
        tasks[f"{attack}{place}".replace("\ud800", "")] = [
            {**sample, "metrics": [*sample["metrics"], attack], attack: 1} for sample in samples
        ]
    run = load(
        save(tmp_path, tasks, model=ATTACKS[1], group_subtasks={ATTACKS[0]: list(tasks)}, system_instruction=ATTACKS[0])
    )
    report = write_report(run, tmp_path / "report.html", against=run)
    page.open(report)
    scripts = count(page, "script:not([type='text/plain'])")
    for anchor in ("#scores", "#settings", "#samples"):
        page.js(f"location.hash = '{anchor}'")
        page.wait(f"document.body.dataset.view === '{anchor[1:]}'")
        page.js("document.querySelectorAll('summary').forEach((e) => e.click())")
    total = page.js("Number(document.getElementById('count-samples').textContent)")
    assert total == 4 * len(ATTACKS)
    for place in range(total):
        page.key("j")
        if place == 0:
            page.key("Enter")
        page.wait(f"(document.documentElement.dataset.opened || '').startsWith('{place} ')")
        page.js("document.querySelectorAll('#pane summary').forEach((e) => e.click())")
    search(page, "pwned")
    assert page.js("[window.pwned, ({}).pwned, document.querySelectorAll('img').length]") == [None, None, 0]
    assert count(page, "script:not([type='text/plain'])") == scripts == 1
    assert count(page, "a:not([href^='#'])") == 0
    assert_calm(page, report)


def test_twenty_thousand_samples_cost_only_the_visible_ones(page: Page, tmp_path: Path) -> None:
    run = load(save(tmp_path, {"words": many(20_000)}, shots=5))
    report = write_report(run)
    page.open(report, "#samples")
    assert text(page, "#shown") == "20,000 samples"
    assert count(page, ".row") < 200
    assert page.js("document.documentElement.dataset.decoded || '0'") == "0"
    page.js("document.getElementById('list').scrollTop = 1e9")
    page.wait("document.querySelector('[aria-posinset=\"20000\"]')")
    assert count(page, ".row") < 200
    page.click("[aria-posinset='20000']")
    page.wait("document.querySelector('.pane-body')")
    assert page.js("document.documentElement.dataset.decoded") == "1"
    page.key("Escape")
    search(page, "zeppelin")
    assert texts(page, ".row .where") == ["#7"]
    assert page.js("document.documentElement.dataset.decoded") == "1"
    assert_calm(page, report)


def test_the_report_of_a_new_run_shows_its_scores_and_samples(page: Page, tmp_path: Path) -> None:
    with MockServer() as server:
        assert execute(demo_config(server.base_url, "mock", str(tmp_path))) == 0
    page.open(write_report(load(tmp_path)), "#scores")
    page.wait("document.querySelector('.figures')")
    page.js("location.hash = '#samples'")
    page.wait("document.querySelectorAll('.row').length > 3")
    assert page.problems == []
