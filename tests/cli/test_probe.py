from __future__ import annotations

from collections.abc import Iterator

import pytest

from lm_eval.cli import main
from lm_eval.mock_server import MockServer


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(profile="llamacpp") as running:
        yield running


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def rows(text: str) -> dict[str, str]:
    """Read the table: first column → the other columns."""
    pairs = (line.split("  ", 1) for line in text.splitlines() if "  " in line)
    return {name.strip(): value.strip() for name, value in pairs}


def test_a_completions_server(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--model_args", f"model=mock,base_url={server.base_url}"]) == 0
    table = rows(capsys.readouterr().out)
    assert table["forced_token"].startswith("yes")
    assert table["echo_offsets"].startswith("no: ")
    assert table["loglikelihood_rolling"] == "yes"


def test_a_chat_server(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "local-chat-completions", "--model_args", "model=mock", f"base_url={server.base_url}"]
    assert main(["probe", *words]) == 0
    table = rows(capsys.readouterr().out)
    assert table["generate_until"] == "yes"
    assert table["loglikelihood_rolling"] == "no"
    assert "scoring=chat_first_token" in table["multiple_choice"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model_args", "model=mock,base_url=http://127.0.0.1:9"], "check that the server runs"),
        (["--model_args", "modle=mock"], "Did you mean 'model'"),
        (["--model", "local-completion", "--model_args", "model=mock"], "Did you mean 'local-completions'"),
        ([], "--model_args"),
    ],
)
def test_a_mistake_prints_one_line_and_exits_with_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
