from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from lm_eval.loggers import utils


@pytest.mark.parametrize(("key", "shorter"), [("acc,none", "acc"), ("acc", "acc"), ("none,strict", "none,strict")])
def test_the_filter_without_a_name_is_removed(key: str, shorter: str) -> None:
    assert utils.remove_none_pattern(key) == (shorter, key != shorter)


def test_the_environment_is_added() -> None:
    storage: dict[str, object] = {"kept": 1}
    utils.add_env_info(storage)
    assert set(storage) == {"kept", "pretty_env_info", "transformers_version", "lm_eval_version", "upper_git_hash"}
    assert "Python" in str(storage["pretty_env_info"])


def test_the_tokens_of_a_tokenizer_are_added() -> None:
    tokens = {"pad_token": None, "pad_token_id": None, "eos_token": "</s>", "eos_token_id": 2}
    tokenizer = SimpleNamespace(**tokens, bos_token="<s>", bos_token_id=1)
    storage: dict[str, object] = {}
    utils.add_tokenizer_info(storage, SimpleNamespace(tokenizer=tokenizer, eot_token_id=2, max_length=128))
    assert storage == {
        "tokenizer_pad_token": [None, "None"],
        "tokenizer_eos_token": ["</s>", "2"],
        "tokenizer_bos_token": ["<s>", "1"],
        "eot_token_id": 2,
        "max_length": 128,
    }


@pytest.mark.parametrize("lm", [object(), SimpleNamespace(tokenizer=None), SimpleNamespace(tokenizer=object())])
def test_a_model_without_a_tokenizer_adds_nothing(lm: object) -> None:
    storage: dict[str, object] = {}
    utils.add_tokenizer_info(storage, lm)
    assert storage == {}


def _repository(folder: Path) -> str:
    def git(*words: str) -> str:
        ran = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    git("init", "-q", "-b", "main")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first")
    return git("rev-parse", "HEAD")


def test_the_commit_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = _repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    said = utils.get_git_commit_hash()
    assert said and commit.startswith(said)
    assert utils.get_commit_from_path(tmp_path) == commit
    monkeypatch.setenv("PATH", "")
    assert utils.get_git_commit_hash() == commit


def test_the_commit_without_a_branch(tmp_path: Path) -> None:
    commit = _repository(tmp_path)
    subprocess.run(["git", "-C", str(tmp_path), "checkout", "-q", "--detach"], check=True)
    assert utils.get_commit_from_path(tmp_path) == commit


def test_no_repository_has_no_commit(tmp_path: Path) -> None:
    assert utils.get_commit_from_path(tmp_path) is None
