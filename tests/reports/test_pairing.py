from __future__ import annotations

from typing import Any

import pytest

from lm_eval.reports.compare.pairing import Pairing, pair_samples
from lm_eval.results import Sample


def sample(doc_id: int = 0, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "doc_id": doc_id,
        "doc": {"question": f"q{doc_id}"},
        "target": "yes",
        "arguments": {"gen_args_0": {"arg_0": f"Q: q{doc_id}\nA:", "arg_1": {"until": ["\n"]}}},
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": f"doc{doc_id}",
        "prompt_hash": f"prompt{doc_id}",
        "target_hash": "yes",
        "acc": 1.0,
    }
    return {**made, **more}


def choices(*texts: str, prompt: str = "Q:") -> dict[str, Any]:
    return {f"gen_args_{i}": {"arg_0": prompt, "arg_1": text} for i, text in enumerate(texts)}


def pair_all(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> dict[str, Pairing]:
    return pair_samples([Sample(line) for line in a], [Sample(line) for line in b])


def pair(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> Pairing:
    return pair_all(a, b)["none"]


def test_docs_are_matched_in_any_order() -> None:
    found = pair([sample(0), sample(1), sample(2)], [sample(2), sample(0), sample(1)])
    assert [(a.doc_id, b.doc_id) for a, b in found.pairs] == [(0, 0), (1, 1), (2, 2)]


def test_docs_of_only_one_run_are_counted() -> None:
    found = pair([sample(0), sample(1)], [sample(1), sample(2), sample(3)])
    assert (len(found.pairs), found.only_a, found.only_b) == (1, 1, 2)


def test_another_doc_under_the_same_id_is_not_the_same_doc() -> None:
    found = pair([sample(0)], [sample(0, doc={"question": "other"}, doc_hash="other")])
    assert (found.pairs, found.changed) == ([], 1)


def test_a_doc_written_differently_is_the_same_doc() -> None:
    a = sample(doc={"x": 1, "y": [True, 2.5]}, doc_hash="a")
    b = sample(doc={"y": ["True", "2.5"], "x": "1"}, doc_hash="b")
    assert (len(pair([a], [b]).pairs), pair([a], [b]).changed) == (1, 0)


HELLASWAG = {"ctx": "A man sits on a roof. he", "endings": ["sleeps.", "works."], "label": "1"}
ADDED = {"query": "Roof: A man sits on a roof. He", "choices": ["sleeps.", "works."], "gold": 1}


@pytest.mark.parametrize("harness_first", [True, False])
def test_a_doc_with_what_process_docs_added_is_the_same_doc(harness_first: bool) -> None:
    """The reference harness adds three keys to documents of hellaswag, and writes the target as a text."""
    harness = sample(doc={**HELLASWAG, **ADDED}, doc_hash="a", target="1", target_hash="t")
    ours = sample(doc=HELLASWAG, doc_hash="b", target=1, target_hash="t")
    found = pair(*([harness], [ours]) if harness_first else ([ours], [harness]))
    assert (len(found.pairs), found.changed, found.prompts, found.targets) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"prompt_hash": "other"},
        {"target_hash": "other"},
        {"prompt_hash": None},
        {"doc": {**HELLASWAG, **ADDED, "label": "0"}},
        {"doc": ADDED},
        {"doc": "text"},
    ],
)
def test_a_doc_with_more_keys_and_anything_else_different_is_another_doc(other: dict[str, Any]) -> None:
    theirs = {"doc": {**HELLASWAG, **ADDED}, "doc_hash": "a", "target_hash": "t", **other}
    found = pair([sample(**theirs)], [sample(doc=HELLASWAG, doc_hash="b", target_hash="t")])
    assert (found.pairs, found.changed) == ([], 1)


def test_docs_without_hash_or_content_are_not_matched() -> None:
    bare = {"doc_id": 0, "acc": 1.0}
    assert pair([bare], [bare]).changed == 1


def test_lost_docs_are_dropped_and_counted() -> None:
    a = [sample(0), sample(1, error={"kind": "timeout"}), sample(2)]
    b = [sample(0), sample(1), sample(2, error={"kind": "timeout"})]
    found = pair(a, b)
    assert (len(found.pairs), found.errors_a, found.errors_b) == (1, 1, 1)


def test_an_id_that_occurs_twice_is_not_used() -> None:
    found = pair([sample(0), sample(0), sample(1)], [sample(0), sample(1)])
    assert ([a.doc_id for a, _ in found.pairs], found.repeated) == ([1], 1)


def test_filters_are_matched_separately() -> None:
    a = [sample(0, filter="strict"), sample(0, filter="loose"), sample(0, filter="mine")]
    b = [sample(0, filter="loose"), sample(0, filter="strict"), sample(0, filter="yours")]
    found = pair_all(a, b)
    assert list(found) == ["strict", "loose"]
    assert [len(pairing.pairs) for pairing in found.values()] == [1, 1]


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        ({}, {}, 0),
        ({}, {"arguments": {"gen_args_0": {"arg_0": "other", "arg_1": {}}}, "prompt_hash": "other"}, 1),
        # Settings of the generation are not part of the prompt.
        ({}, {"arguments": {"gen_args_0": {"arg_0": "Q: q0\nA:", "arg_1": {"temperature": 1}}}}, 0),
        # The hash is that of the original text; the file has another text.
        ({}, {"prompt_hash": "of the same text"}, 0),
        ({"arguments": [["Q: q0\nA:", {}]]}, {}, 0),
        ({"arguments": ()}, {"arguments": ()}, 0),
        ({"arguments": ()}, {"arguments": (), "prompt_hash": "other"}, 1),
        # The hash is that of the first prompt only.
        ({"arguments": choices(" yes", " no")}, {"arguments": choices(" yes", " no")}, 0),
        ({"arguments": choices(" yes", " no")}, {"arguments": choices(" yes", " maybe")}, 1),
        ({"arguments": choices(" yes", " no")}, {"arguments": choices(" yes")}, 1),
    ],
)
def test_prompts_are_compared(a: dict[str, Any], b: dict[str, Any], differ: int) -> None:
    found = pair([sample(**a)], [sample(**b)])
    assert (found.prompts, len(found.pairs)) == (differ, 1)


def test_prompts_of_messages_are_compared_by_content() -> None:
    message = {"role": "user", "content": "hi"}
    a = sample(arguments={"gen_args_0": {"arg_0": [message], "arg_1": {}}}, prompt_hash="a")
    b = sample(arguments=[[[dict(reversed(message.items()))], {}]], prompt_hash="b")
    assert pair([a], [b]).prompts == 0


def test_targets_that_differ_are_counted() -> None:
    found = pair([sample(target="yes", target_hash="a")], [sample(target="no", target_hash="b")])
    assert (found.targets, len(found.pairs)) == (1, 1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), (True, 1.0), (0.25, 0.25), (None, None), ("1", None), ([1, 2], None), (float("nan"), None)],
)
def test_only_numbers_are_values(value: object, expected: float | None) -> None:
    assert Sample({"acc": value}).number("acc") == expected


def test_a_metric_the_sample_lacks_has_no_value() -> None:
    assert Sample({}).number("acc") is None
