from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.model import RunContext
from lm_eval.errors import ConfigError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.openai_completions import LocalCompletionsAPI

NUMBERS = ("timeout", "connect_timeout", "retry_time", "max_time", "price_in", "requests_per_minute", "max_gen_toks")


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ({"model": "a"}, "model", "a"),
        ({"pretrained": "a"}, "model", "a"),
        ({"model": "a", "pretrained": "b"}, "model", "a"),
        ({"num_concurrent": "16"}, "num_concurrent", 16),
        ({"num_concurrent": "auto"}, "num_concurrent", "auto"),
        ({"batch_size": "auto"}, "batch_size", 1),
        ({"batch_size": "auto:4"}, "batch_size", 1),
        ({"batch_size": "8"}, "batch_size", 8),
        ({"timeout": 30}, "timeout", 30.0),
        ({"truncate": "true"}, "truncate", True),
        ({"verify_certificate": "False"}, "verify_certificate", False),
        ({"max_length": None}, "max_length", None),
        ({"seed": "none"}, "seed", None),
        ({"header": {"X-A": 1}}, "header", {"X-A": "1"}),
        ({"extra_body": '{"top_k": 5}'}, "extra_body", {"top_k": 5}),
        ({"base_url": ("http://a", "http://b")}, "base_url", ["http://a", "http://b"]),
        ({"tokenizer_backend": "none"}, "tokenizer_backend", None),
        ({"tokenizer_backend": "remote"}, "tokenizer_backend", "remote"),
        ({"model": 7}, "model", "7"),
    ],
)
def test_values_get_their_type(given: dict[str, Any], name: str, expected: Any) -> None:
    assert getattr(ModelArguments.parse(given), name) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nun_concurrent": 3}, r"^Unknown model argument 'nun_concurrent'\. Did you mean 'num_concurrent'"),
        ({"zzz": 3}, r"^Unknown model argument 'zzz'\. These exist: .*base_url"),
        ({"num_concurrent": "many"}, r"num_concurrent='many' does not fit; num_concurrent is a whole number or auto"),
        ({"num_concurrent": 0}, r"num_concurrent is a number from 1 on, or auto"),
        ({"batch_size": 2.5}, r"batch_size=2.5 does not fit"),
        ({"truncate": "perhaps"}, r"truncate is true or false"),
        ({"extra_body": "[1]"}, r"extra_body is a mapping"),
        ({"timeout": 0}, r"timeout is above 0"),
        *(
            ({name: value}, rf"^{name}='?{value}'? does not fit")
            for name in NUMBERS
            for value in ("inf", "nan", "1e400")
        ),
        ({"num_concurrent": "inf"}, r"num_concurrent='inf' does not fit"),
        ({"max_retries": -1}, r"max_retries is at least 0"),
        ({"max_length": 0}, r"max_length is at least 1"),
        ({"price_in": -1}, r"price_in is at least 0"),
        ({"max_cost": -1, "price_in": 1}, r"max_cost is above 0"),
        ({"seed": "99999999999999999999"}, r"seed is a number of 64 bits"),
        ({"extra_body": {"a": float("nan")}}, r"extra_body=.* does not fit"),
        ({"header": {"X": "a\nb"}}, r"^header X has a line break"),
        ({"header": {"X y": "a"}}, r"^header: 'X y' cannot be the name"),
        ({"auth_token": "sk-abc\r"}, r"^The API key has a line break"),
        ({"tokenizer_backend": "own"}, r"tokenizer_backend is none or remote"),
        ({"max_cost": 3}, r"max_cost needs price_in"),
    ],
)
def test_a_mistake_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        ModelArguments.parse(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["[", "http://[", "http://h:99999/v1", "http://h:x/v1", "ftp://h", "http://", "http:// h/v1", "http://h\0/v1"],
)
def test_a_url_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a URL") as caught:
        LocalCompletionsAPI(model="m", base_url=url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("end", "what"), [("\r", "a line break"), ("\udce9", "bytes that are no UTF-8")])
def test_a_key_of_the_environment_that_cannot_be_sent_is_refused(
    monkeypatch: pytest.MonkeyPatch, end: str, what: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"sk-secret-key{end}")
    with pytest.raises(ConfigError, match=f"^The API key has {what}") as caught:
        LocalCompletionsAPI(model="m", base_url="http://127.0.0.1:9").harness_prepare(
            RunContext(frozenset({"generate_until"}))
        )
    assert "secret" not in str(caught.value)


def test_a_header_that_is_no_mapping_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="header is a mapping") as caught:
        ModelArguments.parse({"header": "Authorization: Bearer sk-secret"})
    assert "secret" not in str(caught.value)


def test_a_long_seed_keeps_its_digits() -> None:
    assert ModelArguments.parse({"seed": "1234567890123456789"}).seed == 1234567890123456789


@pytest.mark.parametrize("name", ["trust_remote_code", "revision", "use_fast_tokenizer", "device", "max_batch_size"])
def test_arguments_of_local_models_are_ignored(name: str) -> None:
    ModelArguments.parse({"model": "a", name: "x"})


def test_given_arguments_override_defaults() -> None:
    defaults = {"base_url": "http://default", "timeout": 5}
    args = ModelArguments.parse({"base_url": "http://given"}, defaults)
    assert (args.base_url, args.timeout) == ("http://given", 5.0)


def test_a_name_in_a_text_of_arguments_stays_as_it_is_written() -> None:
    text = "model=2024_11_05,base_url=http://127.0.0.1:9,header={'X-Team': '007'},timeout=1e1"
    args = LocalCompletionsAPI.create_from_arg_string(text).args
    assert (args.model, args.header, args.timeout) == ("2024_11_05", {"X-Team": "007"}, 10.0)
