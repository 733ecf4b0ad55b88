from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lm_eval.errors import ConfigError
from lm_eval.results.parquet import read_samples, write_samples

texts = st.text(st.characters(exclude_categories=()), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
columns = st.sampled_from(["doc", "target", "resps", "error", "acc", "ü b.c"])
alike = st.sampled_from([st.booleans(), st.integers(), st.floats(), texts, st.lists(texts | st.none(), max_size=3)])


def round_trip(folder: Path, samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    place = folder / "samples.parquet"
    with place.open("wb") as file:
        write_samples(file, samples)
    return list(read_samples(place))


def written(samples: list[dict[str, Any]]) -> list[str]:
    """Write samples so that 1, 1.0 and True differ, and NaN equals NaN, with the keys in the order of the columns."""
    return [json.dumps(sample, sort_keys=True) for sample in samples]


@given(samples=st.lists(st.dictionaries(columns, values), max_size=6))
@example(samples=[{}, {}])
@example(samples=[{"acc": 1}, {"acc": 0.5}, {"acc": math.nan}, {}])
@example(samples=[{"acc": None}, {"acc": 1.0}, {}])
@example(samples=[{"doc": 2**70}, {"doc": 2**53 + 1}, {"doc": -0.0}])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_samples_of_any_shape_round_trip(samples: list[dict[str, Any]], tmp_path: Path) -> None:
    assert written(round_trip(tmp_path, samples)) == written(samples)


@given(data=st.data(), kind=alike, null=st.booleans(), absent=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_of_one_type_round_trip(
    data: st.DataObject, kind: st.SearchStrategy[Any], null: bool, absent: bool, tmp_path: Path
) -> None:
    cells = data.draw(st.lists(kind, max_size=5))
    samples = [{"a": cell} for cell in [*cells, *([None] if null else [])]] + ([{}] if absent else [])
    assert written(round_trip(tmp_path, samples)) == written(samples)


def test_more_rows_than_are_read_at_once_keep_their_order(tmp_path: Path) -> None:
    samples = [{"doc_id": row, "acc": row if row % 3 else row / 2} for row in range(2500)]
    assert written(round_trip(tmp_path, samples)) == written(samples)


def test_pandas_reads_scores_as_numbers_and_texts_as_texts(tmp_path: Path) -> None:
    import pandas as pd

    samples = [{"doc_id": 0, "target": "a", "acc": 1, "doc": {"q": 1}}, {"doc_id": 1, "target": "b", "acc": 0.5}]
    round_trip(tmp_path, samples)
    frame = pd.read_parquet(tmp_path / "samples.parquet")
    assert frame["acc"].mean() == 0.75
    assert frame["target"].tolist() == ["a", "b"]
    assert json.loads(frame["doc"][0]) == {"q": 1}


def test_a_file_that_is_not_parquet_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "samples.parquet").write_text("{}")
    with pytest.raises(ConfigError, match=r"is not Parquet: [^\n]*$"):
        list(read_samples(tmp_path / "samples.parquet"))


def test_other_parquet_files_are_refused(tmp_path: Path) -> None:
    import pandas as pd

    pd.DataFrame({"acc": [1.0]}).to_parquet(tmp_path / "samples.parquet")
    with pytest.raises(ConfigError, match="does not say what its columns are"):
        list(read_samples(tmp_path / "samples.parquet"))
