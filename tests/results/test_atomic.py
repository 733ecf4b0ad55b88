from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval.results.atomic import complete_file, to_json, write_atomically


def test_values_unknown_to_json_are_converted() -> None:
    import numpy as np

    value = {("a", 1): np.float64(0.5), "array": np.arange(2), "set": {1}, "function": test_files_are_complete}
    read = json.loads(to_json(value))
    assert (read["('a', 1)"], read["array"], read["set"]) == (0.5, [0, 1], [1])


def test_other_scripts_stay_readable() -> None:
    assert to_json("é") == '"é"'


def test_half_a_surrogate_pair_is_escaped_as_services_take_only_utf_8() -> None:
    value = {"é\ud83d": "half 🙂 \udc00"}
    written = to_json(value)
    assert written.encode().decode() == '{"é\\ud83d": "half 🙂 \\udc00"}'
    assert json.loads(written) == value


def test_files_are_complete(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.txt", ["one\n", "two \ud83d\n"])
    assert (tmp_path / "a" / "b.txt").read_bytes().startswith(b"one\ntwo ")
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    def parts() -> Iterator[str]:
        yield "new"
        raise RuntimeError("disk")

    file = tmp_path / "b.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError):
        write_atomically(file, parts())
    assert (file.read_text(), list(tmp_path.iterdir())) == ("old", [file])


def test_a_failure_while_bytes_are_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), complete_file(tmp_path / "b.parquet") as file:
        file.write(b"half")
        raise RuntimeError("disk")
    assert list(tmp_path.iterdir()) == []
