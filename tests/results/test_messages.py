from __future__ import annotations

import pytest

from lm_eval.api.instance import RequestError
from lm_eval.results.messages import ErrorMessage, count_messages, merged, messages_of, read_messages

URL = "http://127.0.0.1:8000/v1/completions"


def rejected(message: str) -> RequestError:
    return RequestError("rejected", message, 400, 1, URL)


def test_messages_are_counted_the_most_frequent_first() -> None:
    errors = [RequestError("timeout", "No answer"), *[rejected(f"HTTP 400 from {URL}: no `top_p`")] * 6]
    assert count_messages(errors) == [
        {"kind": "rejected", "message": "HTTP 400: no `top_p`", "count": 6},
        {"kind": "timeout", "message": "No answer", "count": 1},
    ]


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("at most 4096 tokens, not 5120", "at most 4096 tokens, not 6001"),
        ("request req_8fA3x failed", "request req_19Bc failed"),
        ("id 1f0c77aa-2d31-4d51-9f5e-0c6f1b2a3c4d", "id aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
        ("at 10:31:07.221 nothing", "at 10:31:09 nothing"),
    ],
)
def test_messages_that_differ_in_numbers_and_ids_are_one_with_an_example(one: str, another: str) -> None:
    (said,) = count_messages([rejected(one), rejected(another)])
    assert (said["message"], said["count"]) == (one, 2)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("no 'seed'", "no 'top_p'"),
        ("window too small", "quota too small"),
        ("a b", "a c"),
        ("doesn't take seed, it's off", "doesn't take top_p, it's off"),
        ('{"detail": "temperature is off"}', '{"detail": "top_p is off"}'),
    ],
)
def test_messages_about_different_things_stay_apart(one: str, another: str) -> None:
    assert len(count_messages([rejected(one), rejected(another)])) == 2


def test_many_messages_that_quote_each_prompt_are_one() -> None:
    errors = [rejected(f"bad prompt: {quoted}") for quoted in ("'a b'", '"c d"', "`e`", "“f g”", "'h'", "'i?'")]
    (said,) = count_messages([*errors, *errors])
    assert (said["message"], said["count"]) == ("bad prompt: 'a b'", 12)


def test_kinds_stay_apart() -> None:
    assert len(count_messages([RequestError("timeout", "x"), RequestError("unreachable", "x")])) == 2


def test_messages_are_one_line_that_cannot_control_a_terminal_and_not_too_long() -> None:
    (said,) = count_messages([rejected("a\nb\x1b[2J" + "c" * 1000)])
    assert str(said["message"]).startswith("a b\\x1b[2Jccc")
    assert len(str(said["message"])) == 700


def test_an_error_without_a_message_is_named_by_its_kind() -> None:
    assert count_messages([RequestError("timeout", "")])[0]["message"] == "timeout"


def test_at_most_ten_messages_are_kept() -> None:
    assert len(count_messages([rejected("x" * length) for length in range(1, 40)])) == 10


def test_messages_of_several_tasks_are_listed_once() -> None:
    rows = [[ErrorMessage("a", "no 7", 2), ErrorMessage("b", "x", 1)], [ErrorMessage("a", "no 8", 1000)]]
    assert messages_of(rows) == ["1,002 documents: no 7", "1 document: x"]
    assert messages_of(rows, limit=1)[1] == "1 document: other messages; the samples have them."


def test_a_damaged_results_file_gives_no_messages() -> None:
    assert read_messages(None) == read_messages("x") == read_messages({}) == ()
    assert read_messages([7, {"kind": "a"}]) == (ErrorMessage("", "", 0), ErrorMessage("a", "", 0))
    assert merged([]) == []
