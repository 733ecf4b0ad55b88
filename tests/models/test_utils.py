from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.models.utils import Collator, chunks, handle_stop_sequences, postprocess_generated_text


@pytest.mark.parametrize(
    ("until", "eos", "expected"),
    [
        (None, None, []),
        ("a", None, ["a"]),
        (["a"], "e", ["a", "e"]),
        (["e"], "e", ["e"]),
        (None, "e", ["e"]),
    ],
)
def test_stop_sequences(until: Any, eos: str | None, expected: list[str]) -> None:
    assert handle_stop_sequences(until, eos) == expected


@pytest.mark.parametrize("until", [3, [1], {"a": 1}])
def test_until_is_text(until: Any) -> None:
    with pytest.raises(ConfigError, match="until"):
        handle_stop_sequences(until, None)


@pytest.mark.parametrize(
    ("text", "stop", "end", "expected"),
    [
        ("think </t>\n\n answer\n\nmore", ["\n\n"], "</t>", "answer"),
        ("a stop b", ["stop"], None, "a "),
        ("x</t>y</t>  z", None, "</t>", "z"),
        ("abc", [""], None, "abc"),
        ("abc", "b", None, "a"),
        ("no end", ["\n"], "</t>", "no end"),
        ("abcdef", ["e", "c"], None, "ab"),
    ],
)
def test_the_response_is_the_text_after_reasoning_and_before_a_stop(
    text: str, stop: Any, end: str | None, expected: str
) -> None:
    assert postprocess_generated_text(text, stop, end) == expected


def test_chunks() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks(range(3))) == [[0, 1, 2]]
    assert list(chunks(range(6), fn=lambda start, items: start + 1)) == [[0], [1, 2], [3, 4, 5]]
    assert list(chunks([], 2)) == []


def test_a_collator_puts_results_back() -> None:
    requests = [("bb", {"t": 0}), ("a", {"t": 1}), ("ccc", {"t": 0})]
    collator = Collator(
        requests, sort_fn=lambda item: -len(item[0]), group_fn=lambda item: item[1], group_by="gen_kwargs"
    )
    batches = list(collator.get_batched(n=2))
    assert batches == [[requests[2], requests[0]], [requests[1]]]
    assert collator.get_original([item[0].upper() for batch in batches for item in batch]) == ["BB", "A", "CCC"]
    assert len(collator) == 3


def test_every_item_of_a_group_gets_its_own_result() -> None:
    items = [("a", (1, 2)), ("b", (1, 2)), ("c", (3,))]
    order = Collator(items, group_by="contexts", group_fn=lambda item: item[1])
    results = [
        f"{name}: {logits}"
        for batch in order.get_batched(n=2)
        for label, tokens in batch
        for name, _, logits in order.get_cache(
            req_str=(label, ""), cxt_toks=tokens, cont_toks=tokens, logits=len(tokens)
        )
    ]
    assert order.get_original(results) == ["('a', ''): 2", "('b', ''): 2", "('c', ''): 1"]
    assert list(order.get_chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
