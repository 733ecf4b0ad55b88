from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from lm_eval.loggers import EvaluationTracker


class FakeApi:
    """Remembers what it is asked; fails when told to."""

    calls: ClassVar[list[tuple[str, dict[str, Any]]]] = []
    fail = False

    def __init__(self, token: str | None) -> None:
        self.token = token

    def whoami(self) -> dict[str, str]:
        return {"name": "me"}

    def __getattr__(self, name: str) -> Any:
        def call(**kwargs: Any) -> None:
            if FakeApi.fail:
                raise ConnectionError(f"no network for {self.token}")
            FakeApi.calls.append((name, kwargs))

        return call


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> type[FakeApi]:
    monkeypatch.setattr(FakeApi, "calls", [])
    monkeypatch.setattr(FakeApi, "fail", False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=FakeApi))
    return FakeApi


def save(folder: Path, **options: Any) -> EvaluationTracker:
    tracker = EvaluationTracker(output_path=folder, token="hub-s3cret", **options)
    tracker.save_results_aggregated({"results": {}, "model_name": "m"})
    tracker.save_results_samples("t", [{"doc_id": 0}])
    return tracker


def test_only_what_was_asked_for_is_pushed(hub: type[FakeApi], tmp_path: Path) -> None:
    save(tmp_path, push_results_to_hub=True, hub_results_org="acme", results_repo_name="runs")
    uploads = [kwargs for name, kwargs in hub.calls if name == "upload_file"]
    assert [(kwargs["repo_id"], kwargs["path_in_repo"].split("_")[0]) for kwargs in uploads] == [
        ("acme/runs", "m/results")
    ]


def test_repositories_are_private_unless_asked(hub: type[FakeApi], tmp_path: Path) -> None:
    save(tmp_path, push_samples_to_hub=True, gated=True)
    created = next(kwargs for name, kwargs in hub.calls if name == "create_repo")
    assert (created["repo_id"], created["private"]) == ("me/lm-eval-results", True)
    assert "update_repo_settings" in [name for name, _ in hub.calls]


def test_the_card_lists_the_files(hub: type[FakeApi], tmp_path: Path) -> None:
    save(tmp_path, push_results_to_hub=True).recreate_metadata_card()
    assert hub.calls[-1][1]["path_in_repo"] == "README.md"
    assert b"results_" in hub.calls[-1][1]["path_or_fileobj"]


def test_a_failing_hub_loses_nothing_and_tells_no_token(
    hub: type[FakeApi], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.fail = True
    tracker = save(tmp_path, push_results_to_hub=True, push_samples_to_hub=True)
    assert all(path.exists() for path in tracker.saved)
    assert "the local files are kept" in caplog.text
    assert "hub-s3cret" not in caplog.text
