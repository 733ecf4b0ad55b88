from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.instance import RequestError, ResponseInfo, Usage
from lm_eval.results import LogLikelihood, Sample
from lm_eval.results.sample import file_form, with_numbers

SETTINGS = {"until": ["\n"]}
SPELLINGS: dict[str, Any] = {
    "files": {"gen_args_0": {"arg_0": "Q", "arg_1": " a"}, "gen_args_1": {"arg_0": "Q", "arg_1": " b"}},
    "memory": [("Q", " a"), ("Q", " b")],
    "lists": [["Q", " a"], ["Q", " b"]],
}


@pytest.mark.parametrize("arguments", SPELLINGS.values(), ids=SPELLINGS)
def test_requests_are_read_from_every_spelling(arguments: Any) -> None:
    sample = Sample({"arguments": arguments, "resps": [[(-1.0, False)], [[-2.0, True]]], "filtered_resps": [1, 2]})
    assert [(r.prompt, r.continuation, r.settings, r.filtered) for r in sample.requests] == [
        ("Q", " a", None, 1),
        ("Q", " b", None, 2),
    ]
    assert [request.log_likelihood for request in sample.requests] == [
        LogLikelihood(-1.0, False),
        LogLikelihood(-2.0, True),
    ]


def test_a_request_for_text() -> None:
    (request,) = Sample({"arguments": [("Q", SETTINGS, {"visual": []})], "resps": [["a", "b"]]}).requests
    assert (request.prompt, request.continuation, request.settings) == ("Q", None, SETTINGS)
    assert (request.responses, request.log_likelihood) == (["a", "b"], None)


def test_a_request_that_is_only_a_text() -> None:
    (request,) = Sample({"arguments": [("All",)], "resps": [[-3.5]]}).requests
    assert (request.prompt, request.continuation, request.log_likelihood) == ("All", None, LogLikelihood(-3.5))


@pytest.mark.parametrize(
    ("line", "arguments", "responses"),
    [({}, [], []), ({"resps": [["a"]]}, [()], [["a"]]), ({"arguments": [("Q",)]}, [("Q",)], [()])],
)
def test_missing_fields_of_a_line_are_empty(line: dict[str, Any], arguments: Any, responses: Any) -> None:
    requests = Sample(line).requests
    assert [request.arguments for request in requests] == arguments
    assert [request.responses for request in requests] == responses


def test_unconditional_requests_are_separate() -> None:
    calls = [("Q", " a"), ("Q", " b"), ("", " a"), ("", " b")]
    sample = Sample({"arguments": calls, "resps": [[[-1.0, False]]] * 4, "acc_mutual_info": 1.0})
    assert [request.arguments for request in sample.requests] == calls[:2]
    assert [request.arguments for request in sample.unconditional] == calls[2:]


@pytest.mark.parametrize(
    ("response", "read"),
    [
        (["-1.5", "True"], LogLikelihood(-1.5, True)),
        (["-inf", "False"], LogLikelihood(float("-inf"), False)),
        (["?", "False"], LogLikelihood(None, False)),
        (["a", "b"], None),
        ("-1.5", None),
        (True, None),
    ],
)
def test_log_likelihoods_written_as_texts(response: Any, read: Any) -> None:
    (request,) = Sample({"resps": [[response]]}).requests
    assert request.log_likelihood == read


def test_only_numbers_are_log_likelihoods() -> None:
    line = {"arguments": SPELLINGS["lists"], "resps": [[["-1", "True"]], [["-2", "False"]]]}
    assert with_numbers(line)["resps"] == [[[-1.0, True]], [[-2.0, False]]]
    line = {"arguments": [["Q", SETTINGS]], "resps": [["42"]]}
    assert with_numbers(line)["resps"] == [["42"]]


def test_values_of_metrics() -> None:
    sample = Sample({"metrics": ["acc", "bleu"], "acc": True, "bleu": ["a", "b"], "f1": float("nan")})
    assert sample.metrics == ["acc", "bleu"]
    assert [sample.number(metric) for metric in ("acc", "bleu", "f1", "none")] == [1.0, None, None, None]
    assert sample.value("bleu") == ["a", "b"]


def test_errors_and_notes_of_later_versions_are_read() -> None:
    error = {"kind": "timeout", "message": "m", "status": 504, "attempts": 3, "endpoint": "", "new": 1}
    note = {"outcome": "length", "usage": {"prompt": 2, "new": 1}, "new": 1}
    sample = Sample({"error": error, "response_info": [note, None]})
    assert sample.is_lost
    assert sample.error == RequestError("timeout", "m", 504, 3)
    assert sample.info == [ResponseInfo("length", usage=Usage(prompt=2))]
    assert (Sample({}).error, Sample({}).is_lost, Sample({}).info) == (None, False, [])


def test_repeats() -> None:
    repeats = Sample({"repeats": {"filtered": ["a", "b"], "exact_match": [0, 1]}}).repeats
    assert repeats is not None
    assert (repeats.filtered, repeats.values) == (["a", "b"], {"exact_match": [0, 1]})
    assert Sample({}).repeats is None


def test_names_and_hashes() -> None:
    sample = Sample({"doc_id": 3, "filter": "strict", "doc_hash": "d", "prompt_hash": "p", "cluster": "c"})
    assert (sample.doc_id, sample.filter, sample.cluster) == (3, "strict", "c")
    assert (sample.doc_hash, sample.prompt_hash, sample.target_hash) == ("d", "p", None)
    assert (Sample({}).filter, Sample({}).doc_id) == ("none", None)


def test_files_name_the_arguments() -> None:
    assert file_form({"arguments": SPELLINGS["memory"]}) == {"arguments": SPELLINGS["files"]}
    assert file_form({"arguments": SPELLINGS["files"]}) == {"arguments": SPELLINGS["files"]}
    assert file_form({"doc_id": 1}) == {"doc_id": 1}
