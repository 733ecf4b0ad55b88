from __future__ import annotations

import pytest

from lm_eval.errors import ConfigError
from lm_eval.models.http.endpoints import EndpointSet, parse_base_urls


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("url", "completions", "tokenize"),
    [
        ("http://h:8000", "http://h:8000/v1/completions", "http://h:8000/tokenize"),
        ("http://h:8000/", "http://h:8000/v1/completions", "http://h:8000/tokenize"),
        ("http://h:8000/v1", "http://h:8000/v1/completions", "http://h:8000/tokenize"),
        ("http://h:8000/v1/", "http://h:8000/v1/completions", "http://h:8000/tokenize"),
        ("http://h:8000/v1/completions", "http://h:8000/v1/completions", "http://h:8000/tokenize"),
        ("http://h:8000/v1/completions/", "http://h:8000/v1/completions", "http://h:8000/tokenize"),
        ("http://h:8000/v1/chat/completions", "http://h:8000/v1/completions", "http://h:8000/tokenize"),
        ("http://h/completions", "http://h/completions", "http://h/tokenize"),
        ("https://h/v1beta/openai/", "https://h/v1beta/openai/completions", "https://h/v1beta/openai/tokenize"),
        ("localhost:8000", "http://localhost:8000/v1/completions", "http://localhost:8000/tokenize"),
        (
            "https://x.azure.com/openai/deployments/d/completions?api-version=1",
            "https://x.azure.com/openai/deployments/d/completions?api-version=1",
            "https://x.azure.com/openai/deployments/d/tokenize?api-version=1",
        ),
    ],
)
def test_base_urls_are_normalized(url: str, completions: str, tokenize: str) -> None:
    (endpoint,) = parse_base_urls(url, "/completions")
    assert endpoint.url("/completions") == completions
    assert endpoint.url("//tokenize") == tokenize


def test_a_model_without_a_path_uses_its_url_unchanged() -> None:
    (endpoint,) = parse_base_urls("http://h/api/generate", "")
    assert endpoint.url("") == "http://h/api/generate"


@pytest.mark.parametrize("url", ["ftp://h", "http://", "http://h:x/v1", " ; "])
def test_malformed_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        parse_base_urls(url, "/completions")


def test_several_urls_are_a_text_or_a_list() -> None:
    assert [e.base for e in parse_base_urls("http://a;http://b/v1", "/completions")] == ["http://a/v1", "http://b/v1"]
    assert len(parse_base_urls(["http://a", "http://b"], "/completions")) == 2


def test_the_endpoint_with_the_fewest_requests_is_picked() -> None:
    endpoints = EndpointSet(parse_base_urls("http://a;http://b", "/completions"))
    endpoints.endpoints[0].outstanding = 3
    assert endpoints.pick() is endpoints.endpoints[1]


def test_an_unreachable_endpoint_rests_and_returns() -> None:
    clock = Clock()
    endpoints = EndpointSet(parse_base_urls("http://a;http://b", "/completions"), clock)
    first, second = endpoints.endpoints
    endpoints.failed(first, unreachable=True)
    assert endpoints.pick() is second
    assert endpoints.another_ready(1)
    assert not endpoints.another_ready(2)
    clock.now += 1.5
    second.requests = 1
    assert endpoints.pick() is first


def test_an_endpoint_rests_after_three_failures_in_a_row() -> None:
    endpoints = EndpointSet(parse_base_urls("http://a;http://b", "/completions"), Clock())
    first, second = endpoints.endpoints
    second.outstanding = 5
    for _ in range(2):
        endpoints.failed(first, unreachable=False)
    assert endpoints.pick() is first
    first.failures_in_a_row = 0
    for _ in range(3):
        endpoints.failed(first, unreachable=False)
    assert endpoints.pick() is second


def test_an_endpoint_with_retry_after_is_skipped_until_then() -> None:
    clock = Clock()
    endpoints = EndpointSet(parse_base_urls("http://a;http://b", "/completions"), clock)
    first, second = endpoints.endpoints
    endpoints.pause(first, 10.0)
    second.outstanding = 50
    assert endpoints.pick() is second
    assert (endpoints.wait(first), endpoints.wait(second)) == (10.0, 0.0)
    clock.now += 10
    assert endpoints.pick() is first


def test_a_rest_doubles_with_every_failure_and_ends_with_an_answer() -> None:
    clock = Clock()
    endpoints = EndpointSet(parse_base_urls("http://a;http://b", "/completions"), clock)
    first, _ = endpoints.endpoints
    rests = []
    for _ in range(8):
        endpoints.failed(first, unreachable=True)
        rests.append(endpoints.wait(first))
        clock.now = first.resume_at
    assert rests == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    first.failures_in_a_row = 0
    endpoints.failed(first, unreachable=True)
    assert endpoints.wait(first) == 1.0


def test_an_only_endpoint_never_rests() -> None:
    endpoints = EndpointSet(parse_base_urls("http://a", "/completions"), Clock())
    (only,) = endpoints.endpoints
    endpoints.failed(only, unreachable=True)
    assert endpoints.wait(only) == 0.0


def test_identity_ignores_order_and_credentials() -> None:
    one = EndpointSet(parse_base_urls("http://k:s@a;http://b?key=1", "/completions"))
    two = EndpointSet(parse_base_urls("http://b/v1;http://a", "/completions"))
    assert one.identity == two.identity
    assert "s@" not in str(one.describe())


@pytest.mark.parametrize(
    ("given", "path", "own", "models", "tokenize"),
    [
        ("http://h/v1/completions", "", "http://h/v1/completions", "http://h/v1/models", "http://h/tokenize"),
        ("http://h/v1/chat/completions", "", "http://h/v1/chat/completions", "http://h/v1/models", "http://h/tokenize"),
        ("http://h/infer", "", "http://h/infer", "http://h/infer/models", "http://h/infer/tokenize"),
        (
            "http://h/v1/completions",
            "/completions",
            "http://h/v1/completions",
            "http://h/v1/models",
            "http://h/tokenize",
        ),
    ],
)
def test_other_apis_are_next_to_a_complete_url(given: str, path: str, own: str, models: str, tokenize: str) -> None:
    (endpoint,) = parse_base_urls(given, path)
    assert (endpoint.url(path), endpoint.url("/models"), endpoint.url("//tokenize")) == (own, models, tokenize)
    assert endpoint.shown == (given if not path else "http://h/v1")
