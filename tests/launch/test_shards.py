"""A shard that is done asks nothing; one whose files are damaged is done again by the same command."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval.config.shard import Shard
from lm_eval.errors import ConfigError
from lm_eval.launch.manifest import MANIFEST, Manifest
from lm_eval.launch.shards import is_done
from tests.launch.conftest import Runs

TASKS = ["choice", "ranked"]


def done(runs: Runs, index: int = 1, count: int = 3, **changes: object) -> Manifest | None:
    return is_done(runs.settings("parts", tasks=TASKS, **changes), Shard(index, count))


def three(runs: Runs) -> Path:
    """Run three shards; return the folder of the second."""
    for index in range(3):
        runs.part("parts", index, 3, tasks=TASKS)
    return runs.folder / "parts" / "shards" / "0001-of-0003"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    "name", ["values_choice.jsonl", "samples_choice.jsonl", "values_ranked.jsonl", "answers_ranked.jsonl", MANIFEST]
)
@pytest.mark.parametrize("harm", [cut, Path.unlink])
def test_the_command_of_a_damaged_shard_mends_it(
    runs: Runs, caplog: pytest.LogCaptureFixture, name: str, harm: Callable[[Path], None]
) -> None:
    folder = three(runs)
    assert done(runs) is not None
    harm(folder / name)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "lm_eval"):
        assert done(runs) is None
    if (name, harm) != (MANIFEST, Path.unlink):  # without a manifest the shard has simply not ended
        (warning,) = caplog.messages
        assert warning.startswith(f"{folder / name} is ")
        assert warning.endswith(". Shard 1/3 is done again.")
    assert runs.part("parts", 1, 3, tasks=TASKS).asked
    assert done(runs) is not None
    assert runs.merged("parts") == runs.whole("whole", tasks=TASKS)


def test_the_folder_of_another_shard_is_done_again(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    folder = three(runs)
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("0000-of-0003"), folder)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "lm_eval"):
        assert done(runs) is None
    assert caplog.messages == [f"{folder / MANIFEST} is that of shard 0/3. Shard 1/3 is done again."]


def test_a_shard_of_another_run_or_version_is_not_replaced(runs: Runs) -> None:
    path = three(runs) / MANIFEST
    with pytest.raises(ConfigError, match=r"0001-of-0003 holds a shard of another run: limit is"):
        done(runs, limit=5)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(ConfigError, match=r"manifest\.json was written by another version of lm_eval"):
        done(runs)
    assert done(runs, fresh=True) is None
