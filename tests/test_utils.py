from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval import utils
from lm_eval.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e-3", 0.001),
        ("true", True),
        ("False", False),
        ("none", None),
        ("'5'", "5"),
        ('"a b"', "a b"),
        ("text", "text"),
        ("0x10", "0x10"),
        ("", ""),
    ],
)
def test_argument_values(text: str, value: Any) -> None:
    read = utils.handle_arg_string(text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        (None, {}),
        ("a=1,b=2.5,c=x", {"a": 1, "b": 2.5, "c": "x"}),
        ("a=1, b = 2,", {"a": 1, "b": 2}),
        ("url=http://h/v1?x=1", {"url": "http://h/v1?x=1"}),
        ("stop='a,b',n=1", {"stop": "a,b", "n": 1}),
        ('header={"a": "b", "c": "d"},n=1', {"header": '{"a": "b", "c": "d"}', "n": 1}),
        ("list=[1,2],n=1", {"list": "[1,2]", "n": 1}),
        ("eos=it's,n=1", {"eos": "it's", "n": 1}),
        ("open=[,n=1", {"open": "[", "n": 1}),
    ],
)
def test_argument_strings(text: str | None, arguments: dict[str, Any]) -> None:
    assert utils.simple_parse_args_string(text) == arguments


@pytest.mark.parametrize("text", ["a", "a=1,b", "=1"])
def test_argument_that_is_not_a_pair_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="key=value pairs"):
        utils.simple_parse_args_string(text)


def test_refusal_does_not_show_a_value() -> None:
    with pytest.raises(ConfigError) as caught:
        utils.simple_parse_args_string("=sk-secret")
    assert "sk-secret" not in str(caught.value)


def test_json_of_odd_objects() -> None:
    import numpy

    values = [{1}, numpy.int64(3), numpy.float32(0.5), Path("x"), numpy.array([1, 2])]
    dumped = json.loads(json.dumps(values, default=utils.handle_non_serializable))
    assert dumped == [[1], 3, 0.5, "x", "[1 2]"]


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("Hello , world .", "Hello, world."),
        ("do n't", "don't"),
        ("It 's ( ok )", "It's (ok)"),
        ('" x " y', '"x"y'),
    ],
)
def test_detokenizing(text: str, joined: str) -> None:
    assert utils.general_detokenize(text) == joined


def test_weighted_f1() -> None:
    assert utils.weighted_f1_score([(0, 1), (1, 1), (2, 2)]) == pytest.approx(0.5555555555555555)


def test_weighted_f1_agrees_with_sklearn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    golds, guesses = list("aabbbccd"), list("abbbcccc")
    expected = metrics.f1_score(golds, guesses, average="weighted")
    assert utils.weighted_f1_score(list(zip(golds, guesses, strict=True))) == pytest.approx(expected)


def test_names_for_files() -> None:
    assert utils.sanitize_model_name("org/model:v1*") == "org__model__v1__"
    assert utils.sanitize_task_name("a-b c/d") == "a_b_c_d"


def test_pattern_match() -> None:
    assert utils.pattern_match(["mmlu_*", "x"], ["mmlu_b", "mmlu_a", "y"]) == ["mmlu_a", "mmlu_b"]
    assert utils.pattern_match("arc*", ["arc_easy", "b"]) == ["arc_easy"]


def test_hash_and_replace() -> None:
    assert utils.hash_string("abc").startswith("ba7816bf")
    assert utils.regex_replace("aXbX", "X", "-", 1) == "a-bX"
    assert list(utils.create_iterator(range(10), rank=1, world_size=3, limit=8)) == [1, 4, 7]


def test_apply_template_is_found_here() -> None:
    from lm_eval.utils import apply_template

    assert apply_template("{{a}}!", {"a": 1}) == "1!"


def test_make_table_is_the_function_of_reports() -> None:
    from lm_eval.reports.table import make_table

    assert utils.make_table is make_table


def test_every_public_name_exists() -> None:
    assert all(hasattr(utils, name) for name in utils.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = utils.nope


def test_positional_arguments_cause_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    @utils.positional_deprecated
    def double(x: int) -> int:
        return 2 * x

    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        assert double(x=2) == 4
        assert not caplog.text
        assert double(2) == 4
    assert "double is called with positional arguments" in caplog.text


@pytest.fixture
def quiet_logger() -> Iterator[logging.Logger]:
    logger = utils.eval_logger
    kept = (logger.level, logger.handlers[:], logger.propagate)
    yield logger
    logger.level, logger.handlers, logger.propagate = kept
    logger.setLevel(kept[0])


def test_logging_goes_to_stderr_once(
    quiet_logger: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LMEVAL_LOG_LEVEL", raising=False)
    utils.setup_logging("WARNING")
    utils.setup_logging("info")
    quiet_logger.info("seen")
    quiet_logger.debug("unseen")
    captured = capsys.readouterr()
    assert captured.err.count("seen") == 1
    assert captured.out == ""


def test_environment_sets_the_level(quiet_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMEVAL_LOG_LEVEL", "ERROR")
    utils.setup_logging("DEBUG")
    assert quiet_logger.level == logging.ERROR


def test_unknown_level_is_refused(quiet_logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMEVAL_LOG_LEVEL", raising=False)
    with pytest.raises(ConfigError, match="Unknown log level 'LOUD'"):
        utils.setup_logging("LOUD")
