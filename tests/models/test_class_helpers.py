"""The values are those of the reference harness."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from lm_eval.models import utils


@pytest.mark.parametrize(
    ("dealt", "items"),
    [([[1, 4, 7], [2, 5], [3, 6]], [1, 2, 3, 4, 5, 6, 7]), ([[1], [2], [3], [], []], [1, 2, 3]), ([], [])],
)
def test_items_that_were_dealt_out_are_put_back(dealt: list[list[int]], items: list[int]) -> None:
    assert utils.undistribute(dealt) == items


def test_groups_come_back_in_the_order_of_the_items() -> None:
    groups = utils.Grouper(["bb", "a", "cc", "d"], len)
    assert groups.get_grouped() == {2: ["bb", "cc"], 1: ["a", "d"]}
    assert groups.get_original({1: ["A", "D"], 2: ["B", "C"]}) == ["B", "A", "C", "D"]
    with pytest.raises(AssertionError):
        groups.get_original({1: ["A", "D"]})


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "a<i>b<i>c<i>"), (1, "a[T]b<i>c<i>"), (2, "a[T]b[T]c<i>"), (9, "a[T]b[T]c[T]")],
)
def test_placeholders_become_tokens(count: int, text: str) -> None:
    assert utils.replace_placeholders("a<i>b<i>c<i>", "<i>", "[T]", count) == text


def test_placeholders_that_are_the_tokens_are_limited() -> None:
    assert utils.replace_placeholders("a<i>b<i>", "<i>", "<i>", 1) == "a<i>b"


def test_images_of_documents_are_one_list() -> None:
    assert utils.flatten_image_list([[1, 2], [], [3]]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("count", "side", "kept"),
    [
        (3, "left", [4, 5, 6]),
        (3, "right", [0, 1, 2]),
        (3, "middle", [0, 5, 6]),
        (4, "middle", [0, 1, 5, 6]),
    ],
)
def test_tokens_are_removed_at_a_side(count: int, side: Any, kept: list[int]) -> None:
    assert utils.truncate_tokens(list(range(7)), count, side) == kept


def test_there_is_no_other_side() -> None:
    with pytest.raises(ValueError, match="'top'"):
        utils.truncate_tokens([1], 1, "top")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "answer", "window", "shrink", "least", "fits"),
    [
        (3, 2, 9, False, 1, ([0, 1, 2], 2)),
        (8, 4, 9, False, 1, ([3, 4, 5, 6, 7], 4)),
        (8, 4, 9, True, 1, (list(range(8)), 1)),
        (9, 4, 9, True, 2, ([2, 3, 4, 5, 6, 7, 8], 2)),
        (20, 4, 9, True, 2, ([13, 14, 15, 16, 17, 18, 19], 2)),
    ],
)
def test_prompt_and_answer_fit_the_window(
    count: int, answer: int, window: int, shrink: bool, least: int, fits: tuple[list[int], int]
) -> None:
    found = utils.maybe_truncate(
        list(range(count)), answer, window, min_gen_toks=least, shrink_gen_toks=shrink, verbose=False
    )
    assert found == fits


def test_a_window_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        utils.maybe_truncate([1, 2], 4, 1, shrink_gen_toks=True)


def test_a_change_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("lm_eval"), "propagate", True)
    utils.maybe_truncate([1, 2, 3], 2, 4)
    assert "do not fit into 4 tokens" in caplog.text


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {"do_sample": False, "until": [], "max_gen_toks": 256}),
        (
            {"until": "a", "max_tokens": 5, "temperature": 0.5},
            {"until": ["a"], "temperature": 0.5, "do_sample": True, "max_gen_toks": 5},
        ),
        (
            {"do_sample": False, "temperature": 1.0, "max_new_tokens": 3, "top_p": 0.5},
            {"do_sample": False, "temperature": 0.0, "top_p": 0.5, "until": [], "max_gen_toks": 3},
        ),
        (
            {"do_sample": True, "max_gen_toks": "7", "max_tokens": 1},
            {"do_sample": True, "until": [], "max_gen_toks": 7},
        ),
        (
            {"temperature": 0.0, "until": ["x"]},
            {"temperature": 0.0, "until": ["x"], "do_sample": False, "max_gen_toks": 256},
        ),
    ],
)
def test_generation_settings_in_one_spelling(given: dict[str, Any], found: dict[str, Any]) -> None:
    assert utils.normalize_gen_kwargs(given) == found


@pytest.mark.parametrize(
    ("token", "starts"), [(None, False), ("<s>", True), ("</s>", False), (("x", "<s>"), True), ((), False)]
)
def test_the_start_of_a_prompt(token: Any, starts: bool) -> None:
    assert utils.has_bos_prefix("<s>a", token) is starts


class Image:
    """An image as ``resize_image`` sees one."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def resize(self, size: tuple[int, int], resample: object) -> Image:
        return Image(size)


@pytest.mark.parametrize(
    ("old", "options", "new"),
    [
        ((100, 50), {}, (100, 50)),
        ((100, 50), {"width": 40}, (40, 20)),
        ((100, 50), {"height": 20}, (40, 20)),
        ((100, 50), {"width": 40, "height": 40}, (40, 20)),
        ((100, 50), {"width": 40, "height": 40, "keep_aspect_ratio": False}, (40, 40)),
        ((100, 50), {"max_dimension": 30}, (30, 15)),
        ((30, 20), {"width": 40}, (30, 20)),
        ((100, 3), {"width": 10, "min_height": 2}, (10, 2)),
        ((100, 50), {"width": 120, "height": 40}, (80, 40)),
        ((100, 50), {"width": 120, "height": 40, "keep_aspect_ratio": False}, (120, 40)),
        ((101, 37), {"max_dimension": 33}, (33, 12)),
        ((37, 101), {"max_dimension": 33}, (12, 33)),
    ],
)
def test_images_get_smaller(old: tuple[int, int], options: dict[str, Any], new: tuple[int, int]) -> None:
    assert utils.resize_image(Image(old), resample_filter=1, **options).size == new


def test_a_function_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    seen: list[str] = []
    monkeypatch.setattr("time.sleep", waits.append)

    @utils.retry_on_specific_exceptions(
        [KeyError], max_retries=3, on_exception_callback=lambda error, wait: seen.append(f"{error} {wait}")
    )
    def fetch(answers: list[object]) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert fetch([KeyError("a"), KeyError("b"), "done"]) == "done"
    assert (waits, seen) == ([3.0, 4.5], ["'a' 3.0", "'b' 4.5"])
    assert fetch([KeyError("a")] * 3) is None
    with pytest.raises(ValueError):
        fetch([ValueError("another")])


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = utils.no_such_name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("known", "found"),
    [((None, None), {}), ((None, True), {"add_special_tokens": True}), ((False, True), {"add_special_tokens": False})],
)
def test_the_argument_of_a_tokenizer(known: tuple[Any, Any], found: dict[str, bool]) -> None:
    assert utils._add_special_kwargs(*known) == found
