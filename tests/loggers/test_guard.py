from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lm_eval.loggers import guard
from lm_eval.loggers.guard import SECONDS_VARIABLE, Guarded, guarded
from lm_eval.loggers.hanging import hanging_services


class Service(Guarded):
    service = "it"

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def start(self, action: Any) -> Any:
        return self.guard("start", action, starting=True)

    @guarded
    def _log(self, action: Any) -> Any:
        self.calls.append("log")
        return action()

    def finish(self, hurry: bool = False) -> None:
        self.guard("finish", lambda: self.calls.append("finish"), last=True, hurry=hurry)


def raising(error: BaseException) -> Any:
    def action() -> None:
        raise error

    return action


@pytest.fixture
def hanging() -> Iterator[Any]:
    """A call that does not return before the end of the test."""
    over = threading.Event()
    yield lambda: over.wait(60)
    over.set()


def test_the_result_of_a_call_is_returned() -> None:
    assert Service()._log(lambda: 3) == 3


def test_calls_share_a_separate_thread() -> None:
    service = Service()
    names = {service._log(lambda: threading.current_thread().name) for _ in range(3)}
    assert names == {"lm-eval-it"}


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(1), GeneratorExit(), BaseException("odd")])
def test_exceptions_of_a_client_are_logged(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    assert service._log(raising(error)) is None
    assert f"it: log failed: {type(error).__name__}" in caplog.text


def test_ctrl_c_is_not_caught() -> None:
    with pytest.raises(KeyboardInterrupt):
        Service()._log(raising(KeyboardInterrupt()))


def test_nothing_is_sent_after_a_start_that_failed() -> None:
    service = Service()
    service.start(raising(ConnectionError("no network")))
    service._log(lambda: None)
    service.finish()
    assert service.calls == []
    assert service.failures == ["start failed: ConnectionError: no network"]


def test_one_failure_does_not_stop_the_rest() -> None:
    service = Service()
    service._log(raising(ValueError()))
    assert service._log(lambda: "sent") == "sent"


def test_three_failures_in_a_row_stop_the_service_which_is_still_closed() -> None:
    service = Service()
    for _ in range(5):
        service._log(raising(ConnectionError("no network")))
    service.finish()
    assert service.calls == ["log", "log", "log", "finish"]


def test_failures_with_successes_between_them_are_not_in_a_row() -> None:
    service = Service()
    for _ in range(3):
        service._log(raising(ValueError()))
        service._log(lambda: None)
    assert len(service.calls) == 6


def test_a_service_that_hangs_is_left_behind(
    hanging: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(SECONDS_VARIABLE, "0.05")
    service = Service()
    service._log(hanging)
    service.finish()
    assert service.calls == ["log"]
    assert hanging_services() == ["it"]
    assert "it: log failed: no answer in 0 seconds" in caplog.text


def test_the_time_of_all_calls_is_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.0, 5.0, 9.0])
    monkeypatch.setenv(SECONDS_VARIABLE, "10")
    monkeypatch.setattr(guard, "_now", lambda: next(now))
    service = Service()
    assert [service._seconds(starting=False) for _ in range(3)] == [10.0, 5.0, 1.0]


def test_the_start_has_a_separate_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS_VARIABLE, "1000")
    assert Service()._seconds(starting=True) == 120.0


def test_a_malformed_time_limit_is_replaced_by_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS_VARIABLE, "long")
    assert Service()._seconds(starting=False) == pytest.approx(600.0)


def test_the_end_of_the_process_does_not_wait_long(hanging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_HURRY_SECONDS", 0.05)
    service = Service()
    service.guard("finish", hanging, last=True, hurry=True)
    assert hanging_services() == ["it"]


def test_a_long_wait_is_logged(hanging: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(SECONDS_VARIABLE, "0.6")
    monkeypatch.setattr(guard, "_NOTICE_AFTER", 0.0)
    caplog.set_level("INFO", logger="lm_eval")
    Service()._log(hanging)
    assert "Still waiting for it (log), for up to 1 seconds." in caplog.text


def test_messages_hold_no_secrets() -> None:
    service = Service()
    service._log(raising(ValueError("refused Bearer abcdef123456 at https://u:p@host/x")))
    assert service.failures == ["log failed: ValueError: refused *** at https://***@host/x"]


def test_output_of_a_client_does_not_mix_with_results(capsys: pytest.CaptureFixture[str]) -> None:
    Service()._log(lambda: print("hello"))
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "hello\n")


def test_stdout_is_restored_after_a_service_that_hangs(hanging: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS_VARIABLE, "0.05")
    before = sys.stdout
    Service()._log(hanging)
    assert sys.stdout is before


def test_the_thread_ends_with_the_service() -> None:
    service = Service()
    thread = service._log(threading.current_thread)
    service.finish()
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()
