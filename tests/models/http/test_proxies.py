from __future__ import annotations

import socket

import pytest

from lm_eval.api.model import RunContext
from lm_eval.errors import ConfigError, EndpointUnreachable
from lm_eval.mock_server import MockServer
from lm_eval.models.http.proxies import proxy_for
from tests.models.complete_runs import ALL, answers, model, work
from tests.models.tunnel import Tunnel


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-environment")
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://p:3128"}, "http://p:3128"),
        ({"http_proxy": "p:3128"}, "http://p:3128"),
        ({"http_proxy": "http://me:secret@p:3128"}, "http://me:secret@p:3128"),
        ({"HTTPS_PROXY": "http://p:3128"}, None),
        ({"http_proxy": "p:1", "NO_PROXY": "model.test"}, None),
        ({"http_proxy": "p:1", "NO_PROXY": ".test"}, None),
        ({"http_proxy": "p:1", "NO_PROXY": "other, model.test:8000"}, None),
        ({"http_proxy": "p:1", "NO_PROXY": "model.test:9000"}, "http://p:1"),
        ({"http_proxy": "p:1", "NO_PROXY": "*"}, None),
    ],
)
def test_the_environment_names_a_proxy(
    variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for("http://model.test:8000/v1/completions") == proxy


@pytest.mark.parametrize("value", ["socks5://me:secret@p:1080", "http://me:secret@p:port", "http://", "http://[::1"])
def test_other_kinds_of_proxies_are_a_mistake_of_the_user(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY is .*no other kind of proxy") as caught:
        proxy_for("https://model.test/v1")
    assert "secret" not in str(caught.value)


def test_all_requests_of_a_run_go_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer() as server, Tunnel() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        lm, instances = model(server.base_url, num_concurrent=4), work()
        lm.harness_prepare(RunContext(request_types=ALL))
        lm.tok_encode("Paris")
        lm.harness_respond(instances)
        connected = server.stats.peers
    assert all(instance.error is None for instance in instances)
    # All connections to the server come from the proxy: there are at most as many as to the proxy.
    assert 0 < len(connected) <= len(proxy.asked)
    assert all(line.split()[1].startswith(f"http://127.0.0.1:{server.port}/") for line in proxy.asked)


def test_a_host_in_no_proxy_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer() as server, Tunnel() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        direct, through = model(server.base_url), model(server.base_url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        direct.harness_respond(asked := work(2))
        assert proxy.asked == []
        monkeypatch.delenv("NO_PROXY")
        through.harness_respond(again := work(2))
        assert proxy.asked
    assert answers(asked) == answers(again)


def test_a_proxy_gets_the_password_of_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer() as server, Tunnel(password=True) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:proxy-secret@127.0.0.1:{proxy.port}")
        lm = model(server.base_url)
        lm.harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
        assert proxy.asked


def test_a_proxy_that_needs_a_password_is_an_error_before_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer() as server, Tunnel(password=True) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(EndpointUnreachable, match=r"The proxy asks for a name and a password .*NAME:PASSWORD"):
            model(server.base_url).harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
        assert server.stats.total == 0


def test_an_unreachable_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{port}")
        with pytest.raises(EndpointUnreachable, match=rf"The proxy cannot be used .*{port}.* - check HTTP_PROXY"):
            model("http://model.test/v1").harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
