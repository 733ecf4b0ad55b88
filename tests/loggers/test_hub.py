from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from lm_eval.errors import ConfigError
from lm_eval.loggers import EvaluationTracker
from lm_eval.loggers.evaluation_tracker import check_hub_arguments
from lm_eval.loggers.trackers import send, start

Save = Callable[..., EvaluationTracker]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client of the Hub with its real signatures; every call succeeds."""
    import huggingface_hub

    client = create_autospec(huggingface_hub.HfApi, instance=True)
    client.whoami.return_value = {"name": "me"}
    client.list_repo_files.return_value = ["README.md"]
    made = create_autospec(huggingface_hub.HfApi, return_value=client)
    monkeypatch.setattr(huggingface_hub, "HfApi", made)
    client.made = made
    return client


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save a run of two tasks."""

    def saved(model: str = "org/m", **options: Any) -> EvaluationTracker:
        tracker = EvaluationTracker(output_path=tmp_path, token="hub-s3cret", **options)
        tracker.save_results_aggregated({"results": {}, "model_name": model})
        for task in ("t", "u"):
            tracker.save_results_samples(task, [{"doc_id": 0}])
        tracker.recreate_metadata_card()
        return tracker

    return saved


def pushed(api: Any) -> dict[str, list[str]]:
    """Repository → the paths of its commit, without times."""
    return {
        call.kwargs["repo_id"]: [operation.path_in_repo.split("_2")[0] for operation in call.kwargs["operations"]]
        for call in api.create_commit.call_args_list
    }


def test_only_requested_files_are_pushed(api: Any, save: Save) -> None:
    save(push_results_to_hub=True, hub_results_org="acme")
    assert pushed(api) == {"acme/lm-eval-results-private": ["org/m/results", "README.md"]}


def test_all_files_of_a_repository_are_one_commit(api: Any, save: Save) -> None:
    save(push_results_to_hub=True, push_samples_to_hub=True, hub_repo_name="runs", public_repo=True)
    assert pushed(api) == {"me/runs": ["org/m/results", "org__m/samples_t", "org__m/samples_u", "README.md"]}


def test_results_and_samples_may_have_separate_repositories(api: Any, save: Save) -> None:
    options = {"details_repo_name": "details", "results_repo_name": "scores", "public_repo": True}
    save(push_results_to_hub=True, push_samples_to_hub=True, **options)
    assert list(pushed(api)) == ["me/scores", "me/details"]


def test_the_path_of_a_model_is_not_a_path_in_the_repository(api: Any, save: Save) -> None:
    save(model="../models/m.gguf", push_results_to_hub=True, public_repo=True)
    paths = pushed(api)["me/lm-eval-results"]
    assert re.fullmatch(r"models__m\.gguf-[0-9a-f]{8}/results.*", paths[0])


@pytest.mark.parametrize(("public", "private"), [(False, True), (True, False)])
def test_repositories_are_private_by_default(api: Any, save: Save, public: bool, private: bool) -> None:
    save(push_results_to_hub=True, public_repo=public)
    assert api.create_repo.call_args.kwargs["private"] is private


def test_samples_are_gated_before_they_are_pushed(api: Any, save: Save) -> None:
    api.update_repo_settings.side_effect = PermissionError("not yours")
    options = {"details_repo_name": "details", "public_repo": True}
    save(push_results_to_hub=True, push_samples_to_hub=True, gated=True, **options)
    assert list(pushed(api)) == ["me/lm-eval-results"]


def test_a_push_that_cannot_work_fails_before_the_run(
    api: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.whoami.side_effect = PermissionError("Invalid token")
    tracker = EvaluationTracker(output_path=tmp_path, push_results_to_hub=True)
    start(hub=tracker.hub)
    assert "creating lm-eval-results-private failed: PermissionError: Invalid token" in caplog.text


def test_a_failure_before_the_run_does_not_count_if_the_push_succeeds(api: Any, tmp_path: Path) -> None:
    api.whoami.side_effect = [ConnectionError("no network"), {"name": "me"}]
    tracker = EvaluationTracker(output_path=tmp_path, push_results_to_hub=True)
    start(hub=tracker.hub)
    tracker.save_results_aggregated({"results": {}, "model_name": "m"})
    assert send([], {}, hub=tracker.hub, saved=tracker.saved)


def test_a_repository_is_created_once(api: Any, tmp_path: Path) -> None:
    tracker = EvaluationTracker(output_path=tmp_path, push_results_to_hub=True)
    start(hub=tracker.hub)
    tracker.save_results_aggregated({"results": {}, "model_name": "m"})
    send([], {}, hub=tracker.hub)
    assert api.create_repo.call_count == 1


def test_a_file_is_pushed_once(api: Any, save: Save) -> None:
    save(push_results_to_hub=True).recreate_metadata_card()
    assert api.create_commit.call_count == 1


@pytest.mark.parametrize("step", ["whoami", "create_repo", "list_repo_files", "create_commit"])
def test_a_failing_hub_loses_nothing_and_shows_no_token(
    step: str, api: Any, save: Save, caplog: pytest.LogCaptureFixture
) -> None:
    getattr(api, step).side_effect = ConnectionError("no network for hub-s3cret")
    tracker = save(push_results_to_hub=True, push_samples_to_hub=True)
    assert not send([], {}, hub=tracker.hub, saved=tracker.saved)
    assert len([path for path in tracker.saved if path.exists()]) == 3
    assert f"its results are saved at {tracker.saved[0]}" in caplog.text
    assert "hub-s3cret" not in caplog.text


def test_a_target_shows_no_token(tmp_path: Path) -> None:
    assert "s3cret" not in repr(EvaluationTracker(push_results_to_hub=True, token="s3cret").hub)


def test_an_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'public_repo'"):
        check_hub_arguments({"public_rep": True}, "out", True)


def test_the_folder_is_not_among_the_keys() -> None:
    with pytest.raises(ConfigError, match="takes no 'output_path'"):
        check_hub_arguments({"output_path": "x"}, "out", True)


def test_files_that_are_not_saved_cannot_be_pushed() -> None:
    with pytest.raises(ConfigError, match="give --output_path too"):
        check_hub_arguments({"push_results_to_hub": True}, None, True)


def test_samples_that_are_not_logged_cannot_be_pushed() -> None:
    with pytest.raises(ConfigError, match="needs --log_samples"):
        check_hub_arguments({"push_samples_to_hub": True}, "out", False)


def test_all_keys_of_the_reference_are_accepted() -> None:
    keys = "hub_results_org hub_repo_name details_repo_name results_repo_name push_results_to_hub push_samples_to_hub "
    keys += "public_repo token leaderboard_url point_of_contact gated"
    check_hub_arguments(dict.fromkeys(keys.split(), "x"), "out", True)
