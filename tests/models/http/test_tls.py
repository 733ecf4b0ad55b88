from __future__ import annotations

import gc
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from lm_eval.api.model import RunContext
from lm_eval.errors import APIError, ConfigError, ConnectionBroken, EndpointUnreachable
from lm_eval.mock_server import MockServer
from lm_eval.models.http.tls import make_context
from tests.models.complete_runs import ALL, model, run, work
from tests.models.tunnel import Tunnel

if sys.version_info < (3, 11):
    # On these versions asyncio leaves a transport open if the other side refuses the handshake.
    pytestmark = [
        pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),
        pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    ]

TEXT = RunContext(request_types=frozenset({"generate_until"}))


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Collect garbage, so that a resource that a test leaves open is reported in that test."""
    yield
    gc.collect()


class Authority:
    """A certificate authority, and files signed by it."""

    def __init__(self, folder: Path) -> None:
        self.ca, stranger = trustme.CA(), trustme.CA()
        mine, other = self.ca.issue_cert("client@here.test"), stranger.issue_cert("client@there.test")
        self.trusted, self.client = str(folder / "ca.pem"), str(folder / "client.pem")
        self.cert, self.key, self.stranger = str(folder / "cert.pem"), str(folder / "key.pem"), str(folder / "else.pem")
        self.junk = str(folder / "junk.pem")
        self.ca.cert_pem.write_to_path(self.trusted)
        mine.private_key_and_cert_chain_pem.write_to_path(self.client)
        mine.private_key_pem.write_to_path(self.key)
        mine.cert_chain_pems[0].write_to_path(self.cert)
        other.private_key_and_cert_chain_pem.write_to_path(self.stranger)
        Path(self.junk).write_text("no certificate", encoding="utf-8")

    def serves(self, *names: str, asks_for_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
        if asks_for_client:
            context.verify_mode = ssl.CERT_REQUIRED
            self.ca.configure_trust(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-environment")
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def refused(url: str, **arguments: Any) -> APIError:
    """Return the error that ends a run before the first request."""
    with pytest.raises(APIError) as caught:
        model(url, **arguments).harness_prepare(TEXT)
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_untrusted_certificate_is_named_with_advice(authority: Authority) -> None:
    with MockServer(ssl_context=authority.serves()) as server:
        error = refused(server.base_url)
        assert server.stats.total == 0
    assert type(error) is EndpointUnreachable
    for words in ("the server's certificate is not trusted", "ca_cert_path=FILE", "verify_certificate=false"):
        assert words in str(error)


def test_a_certificate_for_another_host_names_the_host(authority: Authority) -> None:
    with MockServer(ssl_context=authority.serves("model.test")) as server:
        error = refused(server.base_url, ca_cert_path=authority.trusted)
    assert type(error) is EndpointUnreachable
    assert "certificate is for another name" in str(error)
    assert "127.0.0.1" in str(error)
    assert "ca_cert_path" not in str(error)


@pytest.mark.parametrize("way", ["ca_cert_path", "verify_certificate"])
def test_probe_tokenizer_and_run_speak_tls(way: str, authority: Authority) -> None:
    arguments: dict[str, Any] = {"ca_cert_path": authority.trusted} if way == "ca_cert_path" else {way: False}
    with MockServer() as plain:
        expected, _ = run(plain.base_url)
    with MockServer(ssl_context=authority.serves()) as server:
        found, lm = run(server.base_url, **arguments)
        assert lm.tok_encode("Paris")
        paths = set(server.stats.requests)
    assert found == expected
    assert {"/v1/completions", "/tokenize"} <= paths
    assert server.base_url.startswith("https://")


@pytest.mark.parametrize("files", ["one", "two", "unchecked"])
def test_a_client_certificate_is_sent_if_the_server_asks(files: str, authority: Authority) -> None:
    every: dict[str, dict[str, Any]] = {
        "one": {"ca_cert_path": authority.trusted, "client_cert": authority.client},
        "two": {"ca_cert_path": authority.trusted, "client_cert": authority.cert, "client_key": authority.key},
        "unchecked": {"verify_certificate": False, "client_cert": authority.client},
    }
    with MockServer(ssl_context=authority.serves(asks_for_client=True)) as server:
        found, _ = run(server.base_url, **every[files])
    assert all(error is None for _, error in found)


@contextmanager
def handshakes(context: ssl.SSLContext) -> Iterator[str]:
    """Serve TLS handshakes, and send an alert if one fails, as most servers do."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", ["none", "a stranger's"])
def test_a_server_that_needs_another_client_certificate_is_an_error(
    version: ssl.TLSVersion, shown: str, authority: Authority
) -> None:
    context = authority.serves(asks_for_client=True)
    context.minimum_version = context.maximum_version = version
    arguments = {} if shown == "none" else {"client_cert": authority.stranger}
    with handshakes(context) as url:
        error = refused(url, ca_cert_path=authority.trusted, **arguments)
    assert type(error) is EndpointUnreachable
    assert "the server refused this client" in str(error)
    assert "client_cert=FILE" in str(error)


def test_a_server_that_closes_without_a_client_certificate_gets_a_hint(authority: Authority) -> None:
    with MockServer(ssl_context=authority.serves(asks_for_client=True)) as server:
        error = refused(server.base_url, ca_cert_path=authority.trusted)
    assert type(error) is ConnectionBroken
    assert "if the server asks for a client certificate, give client_cert=FILE" in str(error)


def test_https_to_a_plain_http_server_is_an_error() -> None:
    with MockServer() as server:
        error = refused(server.base_url.replace("http:", "https:"))
    assert type(error) is EndpointUnreachable
    assert "the server does not speak it" in str(error)
    assert "write base_url with http://" in str(error)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ca_cert_path": "/none.pem"}, r"^ca_cert_path=/none\.pem cannot be read: No such file"),
        ({"ca_cert_path": "{folder}"}, r"^ca_cert_path=.* cannot be read: Is a directory"),
        ({"ca_cert_path": "{junk}"}, r"^ca_cert_path=.*junk\.pem cannot be used .* certificates as PEM"),
        ({"client_cert": "/none.pem"}, r"^client_cert=/none\.pem cannot be read: No such file"),
        ({"client_cert": "{junk}"}, r"^client_cert=.*junk\.pem cannot be used .* a certificate and its key"),
        ({"client_cert": "{cert}"}, r"^client_cert=.*cert\.pem cannot be used .* a certificate and its key"),
        ({"client_cert": "{cert}", "client_key": "/k.pem"}, r"^client_cert=.* with client_key=/k\.pem cannot be read"),
        ({"client_key": "{key}"}, r"^client_key is given without client_cert"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_mistake_of_the_user(
    given: dict[str, str], message: str, authority: Authority, tmp_path: Path
) -> None:
    files = {name: value.format(folder=tmp_path, **vars(authority)) for name, value in given.items()}
    with pytest.raises(ConfigError, match=message) as caught:
        model("https://127.0.0.1:9/v1", **files).harness_prepare(TEXT)
    assert "\n" not in str(caught.value)


def test_a_locked_key_is_an_error_and_not_a_question_at_the_terminal(authority: Authority, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(Path(authority.key).read_bytes(), None)
    locked = tmp_path / "locked.pem"
    encryption = serialization.BestAvailableEncryption(b"a password")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked.write_bytes(key.private_bytes(pem, form, encryption))
    with pytest.raises(ConfigError, match=r"locked\.pem cannot be used .* without a password"):
        make_context(True, None, authority.cert, str(locked))


def test_requests_to_a_bad_certificate_go_to_another_endpoint(authority: Authority) -> None:
    with MockServer(ssl_context=authority.serves("model.test")) as bad, MockServer() as good:
        lm, instances = model(f"{bad.base_url};{good.base_url}", num_concurrent=4), work()
        lm.harness_prepare(RunContext(request_types=ALL))
        lm.harness_respond(instances)
        assert bad.stats.total == 0
    assert all(instance.error is None for instance in instances)


def test_tls_through_a_proxy_hides_the_request(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer(ssl_context=authority.serves()) as server, Tunnel(password=True) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:proxy-secret@127.0.0.1:{proxy.port}")
        arguments: dict[str, Any] = {"ca_cert_path": authority.trusted, "header": {"api-key": "key-of-a-header"}}
        lm, instances = model(server.base_url, num_concurrent=4, **arguments), work()
        lm.harness_prepare(RunContext(request_types=ALL))
        assert lm.tok_encode("Paris")
        lm.harness_respond(instances)
        assert 0 < len(server.stats.peers) <= len(proxy.asked)
        sent = [request.headers for request in server.requests]
    assert all(instance.error is None for instance in instances)
    assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"}
    heads = "".join(proxy.heads)
    assert "key-of" not in heads
    assert "Proxy-Authorization: Basic" in heads
    assert all(headers["api-key"] == "key-of-a-header" for headers in sent)
    assert not any("Proxy-Authorization" in headers for headers in sent)


def test_a_certificate_is_checked_behind_a_proxy_too(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer(ssl_context=authority.serves()) as server, Tunnel() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        error = refused(server.base_url)
    assert "the server's certificate is not trusted" in str(error)
    assert proxy.asked
