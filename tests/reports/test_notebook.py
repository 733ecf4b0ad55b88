"""Results show themselves as tables in a notebook, and stay plain dicts."""

from __future__ import annotations

import copy
import json
import pickle
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval.reports.compare import compare
from lm_eval.reports.html_table import html_table
from lm_eval.reports.notebook import ShownResults
from lm_eval.results import load
from tests.reports.saved_runs import docs, save

PLAIN: dict[str, Any] = {
    "results": {
        "g": {"alias": "g", "acc,none": 0.5, "acc_stderr,none": 0.1},
        "<b>t</b>": {"alias": "<b>t</b>", "acc,none": 0.25, "sample_len": 4, "n_errors": 2, "errors": {"timeout": 2}},
    },
    "group_subtasks": {"g": ["<b>t</b>"]},
    "configs": {"<b>t</b>": {}},
    "higher_is_better": {"g": {"acc": True}},
    "config": {"model": "dummy", "model_args": {}, "limit": None},
}


class Cells(HTMLParser):
    """Collects the text of the cells of each row; fails where a tag is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_a_result_dict_is_shown_as_a_table() -> None:
    html = ShownResults(PLAIN)._repr_html_()
    head, group, task = Cells(html).rows
    assert head[:2] == ["Tasks", "Version"]
    assert (group[0], group[6], group[8]) == ("g", "0.5000", "0.1000")
    assert (task[0].strip(), task[6]) == ("- <b>t</b>", "0.2500")
    assert "<b>" not in html
    assert "2 documents lost (2 timeout)" in html
    assert "dummy ()" in html


def test_a_dict_without_scores_is_shown_too() -> None:
    assert Cells(ShownResults({})._repr_html_()).rows != []


@pytest.mark.parametrize(
    "through",
    [
        copy.copy,
        copy.deepcopy,
        dict,
        lambda value: value.copy(),
        lambda value: value | {},
        lambda value: pickle.loads(pickle.dumps(value)),
        lambda value: json.loads(json.dumps(value)),
        lambda value: yaml.safe_load(yaml.safe_dump(value)),
    ],
)
def test_a_copy_is_a_plain_dict(through: Any) -> None:
    found = through(ShownResults(PLAIN))
    assert type(found) is dict
    assert found == PLAIN


def test_a_result_dict_stays_a_dict() -> None:
    results = ShownResults(PLAIN)
    assert isinstance(results, dict)
    assert results == PLAIN
    assert results == PLAIN
    assert repr(results) == repr(PLAIN)
    assert b"lm_eval" not in pickle.dumps(results)
    assert {**results}.pop("config") == PLAIN["config"]


def test_a_comparison_is_shown_as_a_table(tmp_path: Path) -> None:
    save(tmp_path / "a", {"t": docs([0, 1, 1])}, model_name="<i>")
    save(tmp_path / "b", {"t": docs([1, 1, 1])})
    html = compare(load(tmp_path / "a"), load(tmp_path / "b"), fail_if_worse=0.1)._repr_html_()
    head, row = Cells(html).rows
    assert dict(zip(head, row, strict=True)) | {"95 % interval": "", "p": "", "Holm": ""} == {
        **{"Task": "t", "Metric": "acc", "n": "3", "A": "0.6667", "B": "1.0000", "B-A": "0.3333"},
        **{"95 % interval": "", "p": "", "Holm": ""},
    }
    assert "A: &lt;i&gt;," in html
    assert "Gate FAILED." in html


def test_a_table_without_rows() -> None:
    assert Cells(html_table(["a", "b"], [], right=["b"])).rows == [["a", "b"]]
