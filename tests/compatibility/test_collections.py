from __future__ import annotations

import pytest

from lm_eval import utils


def test_iterables_are_joined() -> None:
    assert list(utils.join_iters([[1, 2], iter("a"), []])) == [1, 2, "a"]


def test_items_with_one_key_are_a_group() -> None:
    assert utils.group([3, 1, 4, 1, 5, 9], lambda number: number % 3) == [[3, 9], [1, 4, 1], [5]]


def test_nested_lists_become_texts() -> None:
    assert utils.sanitize_list([1, (2.5, None), ["a", [True]]]) == ["1", ("2.5", "None"), ["a", ["True"]]]


@pytest.mark.parametrize(
    ("text", "splits", "parts"),
    [("a,b\\,c,d", -1, ["a", "b\\,c", "d"]), ("a,b,c", 1, ["a", "b,c"]), ("a,b", 0, "a,b")],
)
def test_a_backslash_keeps_a_text_together(text: str, splits: int, parts: object) -> None:
    assert utils.escaped_split(text, ",", splits) == parts


def test_a_text_is_split_at_one_character() -> None:
    with pytest.raises(AssertionError):
        utils.escaped_split("a::b", "::")


def test_results_come_back_in_the_original_order() -> None:
    words = ["bb", "a", "ccc", "d", "ee"]
    order = utils.Reorderer(words, len)
    assert order.get_reordered() == ["a", "d", "bb", "ee", "ccc"]
    assert order.get_original([word.upper() for word in order.get_reordered()]) == ["BB", "A", "CCC", "D", "EE"]
    with pytest.raises(ValueError):
        order.get_original(["too few"])


def test_probabilities_add_up_to_one() -> None:
    assert utils.softmax([1.0, 2.0, 3.0]).tolist() == pytest.approx([0.0900305732, 0.2447284711, 0.6652409558])


def test_a_drawn_name_is_short_and_plain() -> None:
    name = utils.random_name_id()
    assert len(name) == 8 and name.isalnum() and name == name.lower()
