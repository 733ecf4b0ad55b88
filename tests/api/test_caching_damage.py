"""A damaged cache of a model that is no API model."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import CachingLM
from lm_eval.errors import ConfigError
from tests.fakes import FakeLM
from tests.models.http.test_journal import damaged

COUNT = 100


def answers(path: Path) -> tuple[list[object], int]:
    """Answer with a cache; return the answers, and the number that the model was asked for."""
    lm = FakeLM(lambda prompt: f"answer to {prompt}")
    instances = [Instance("generate_until", {}, (f"prompt {number}", {}), number) for number in range(COUNT)]
    cached = CachingLM(lm, str(path))
    cached.harness_respond(instances)
    cached.store.close()  # type: ignore[attr-defined]
    return [instance.resps[0] for instance in instances], len(lm.asked)


def test_a_damaged_answer_is_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    right, asked = answers(path)
    assert (asked, answers(path)) == (COUNT, (right, 0))
    content = path.read_bytes()
    for wrong in (b"answeR", b"ans\xff\xfer"):
        path.write_bytes(content.replace(b"answer", wrong, 3))
        assert answers(path) == (right, 3)
        assert answers(path) == (right, 0)


def test_a_damaged_file_gives_no_wrong_answer(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    right, _ = answers(path)
    content = path.read_bytes()
    for seed in range(25):
        path.write_bytes(damaged(content, seed))
        try:
            found, _ = answers(path)
        except ConfigError as error:
            assert "is damaged, or no file of answers" in str(error)
        else:
            assert found == right


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes" * 1000)
    with pytest.raises(ConfigError, match="no file of answers"):
        answers(path)
