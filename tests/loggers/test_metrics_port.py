"""The figures of a run on a port, read by Prometheus' own parser."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from lm_eval.cli import main
from lm_eval.errors import ConfigError, MissingPackageError
from lm_eval.loggers.metrics_port import serve_metrics
from lm_eval.mock_server import MockServer
from tests.e2e.conftest import TASKS

Values = dict[tuple[str, tuple[str, ...]], float]


def scrape(url: str) -> Values:
    """Name of each value, with the values of its labels."""
    families = text_string_to_metric_families(requests.get(url, timeout=5).text)
    return {(item.name, tuple(item.labels.values())): item.value for family in families for item in family.samples}


@contextmanager
def scraped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Values]]:
    """Scrape when the run has its answers, just before it saves them."""
    from lm_eval.cli import _saving

    found: list[Values] = []
    ports: list[int] = []
    original, save = serve_metrics, _saving.save_and_print

    @contextmanager
    def noted(port: int | None, host: str, model: str) -> Iterator[Any]:
        with original(port, host, model) as metrics:
            ports.append(metrics.port if metrics is not None else 0)
            yield metrics

    def scraping(*arguments: Any) -> None:
        found.append(scrape(f"http://127.0.0.1:{ports[0]}/metrics"))
        save(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("lm_eval.loggers.metrics_port.serve_metrics", noted)
        patch.setattr(_saving, "save_and_print", scraping)
        yield found


def test_the_figures_of_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = ["--include_path", TASKS, "--tasks", "demo_numbers", "--limit", "5", "--metrics_port", "0", "--stream"]
    with MockServer(faults=["503:0.2"]) as server, scraped_at_the_end(monkeypatch) as found:
        arguments = f"model=mock,base_url={server.base_url},price_in=1,price_out=2"
        assert main(["run", "--model", "local-completions", "--model_args", arguments, *words]) == 0
    (values,) = found
    assert values["lm_eval_responses_expected", ()] == values["lm_eval_responses_total", ("answered",)] == 5
    assert values["lm_eval_responses_total", ("lost",)] == 0
    assert values["lm_eval_request_seconds_count", ()] + values["lm_eval_retries_total", ()] >= 5
    assert values["lm_eval_first_token_seconds_count", ()] > 0
    assert values["lm_eval_requests_total", ("endpoint",)] >= 5
    assert values["lm_eval_request_errors_total", ("server_error",)] == values["lm_eval_retries_total", ()] > 0
    assert values["lm_eval_tokens_total", ("prompt",)] > values["lm_eval_tokens_total", ("completion",)] > 0
    assert values["lm_eval_cost_total", ()] > 0
    assert values["lm_eval_requests_in_flight", ()] == 0
    assert values["lm_eval_responses_per_second", ()] > 0
    assert {labels[0] for name, labels in values if name == "lm_eval_run_info"} == {"mock"}


def test_before_the_run_only_its_name_is_known() -> None:
    with serve_metrics(0, model="m") as metrics:
        assert metrics is not None
        values = scrape(f"http://127.0.0.1:{metrics.port}/metrics")
    assert ("lm_eval_responses_expected", ()) not in values
    assert any(name == "lm_eval_run_info" for name, _ in values)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{metrics.port}/metrics", timeout=1)


def test_without_a_port_nothing_is_served() -> None:
    with serve_metrics(None) as metrics:
        assert metrics is None


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Metrics cannot be served on 127.0.0.1:{port}: "), serve_metrics(port):
            pass


def test_an_address_that_is_none_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model_args", "model=m,base_url=http://127.0.0.1:1", "--tasks", "x", "--metrics_port", "0"]
    assert main(["run", *words, "--metrics_host", "no.such.host.invalid"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("lm_eval: error: Metrics cannot be served on no.such")


@pytest.mark.parametrize("port", ["70000", "-1", "x"])
def test_a_number_that_is_no_port_is_one_line(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--model", "dummy", "--tasks", "x", f"--metrics_port={port}"]) == 2
    assert "metrics_port takes a whole number" in capsys.readouterr().err


def test_without_the_package_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingPackageError, match=r"pip install \"lm-eval-api\[prometheus\]\""), serve_metrics(0):
        pass
