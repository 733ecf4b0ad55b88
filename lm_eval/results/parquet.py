"""Samples as Parquet: one column per key, scores as numbers; reading gives equal dicts.

The values of a column decide its type. Texts, integers, truth values, numbers and lists of texts keep their type;
everything else, such as documents and log-likelihoods, is JSON text. The schema's metadata says which, under
``lm_eval.samples``: ``{"doc": {"as": "json"}, "acc": {"as": "number"}, "error": {"as": "json", "optional": true}}``. An
empty cell of an optional column stands for a missing key, an empty cell of another column for null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypedDict

from lm_eval.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_samples", "write_samples"]

_Note = TypedDict("_Note", {"as": str, "optional": bool, "whole": list[int]}, total=False)
"""What the metadata says about a column; ``whole`` are the rows whose number is an integer."""

_NOTE = b"lm_eval.samples"
_BATCH = 1000
_ABSENT = object()
_EXACT = 1 << 53
"""Every integer up to this one can be written as a float and read back."""


def write_samples(file: IO[bytes], samples: Sequence[Mapping[str, object]]) -> None:
    """Write samples as a Parquet file.

    Args:
        file: An open file.
        samples: Samples as ``json.loads`` gives them.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays: list[pyarrow.Array] = []
    notes: dict[str, _Note] = {}
    names = list(dict.fromkeys(key for sample in samples for key in sample))
    for name in names:
        array, notes[name] = _column([sample.get(name, _ABSENT) for sample in samples])
        arrays.append(array)
    note = json.dumps({"rows": len(samples), "columns": notes}, ensure_ascii=True).encode()
    schema = pa.schema([(name, array.type) for name, array in zip(names, arrays, strict=True)], metadata={_NOTE: note})
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file, compression="zstd")


def _column(values: Sequence[object]) -> tuple[pyarrow.Array, _Note]:
    """Choose the type of a column; return the column and the note on it."""
    import pyarrow as pa

    absent = any(value is _ABSENT for value in values)
    present = [value for value in values if value is not _ABSENT and value is not None]
    null = any(value is None for value in values)
    kind = "json" if (absent and null) or not present else _kind(present)
    if kind == "json":
        texts = [None if value is _ABSENT else _json(value) for value in values]
        return pa.array(texts, pa.string()), _note("json", absent)
    cells = [None if value is _ABSENT else value for value in values]
    whole: list[int] = []
    if kind == "number":
        whole = [row for row, value in enumerate(cells) if type(value) is int]
        cells = [float(value) if isinstance(value, int | float) else None for value in cells]
    types = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "truth": pa.bool_(),
        "whole": pa.int64(),
        "number": pa.float64(),
    }
    return pa.array(cells, types[kind], from_pandas=False), _note(kind, absent, whole)


def _note(kind: str, optional: bool, whole: Sequence[int] = ()) -> _Note:
    return {"as": kind, **({"optional": True} if optional else {}), **({"whole": list(whole)} if whole else {})}


def _kind(values: Sequence[object]) -> str:
    types = {type(value) for value in values}
    if types == {str}:
        return "text" if all(map(_is_unicode, values)) else "json"
    if types == {bool}:
        return "truth"
    if types <= {int, float}:
        integers = [value for value in values if isinstance(value, int)]
        if types == {int}:
            return "whole" if all(-(1 << 63) <= value < 1 << 63 for value in integers) else "json"
        return "number" if all(abs(value) <= _EXACT for value in integers) else "json"
    items = [item for value in values if isinstance(value, list) for item in value]
    return "texts" if types == {list} and all(item is None or _is_unicode(item) for item in items) else "json"


def _is_unicode(value: object) -> bool:
    """Return whether a value is a text that UTF-8 can hold: one without lone surrogates."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if _is_unicode(text) else json.dumps(value, ensure_ascii=True)


def read_samples(file: Path) -> Iterator[dict[str, object]]:
    """Read samples from a Parquet file that ``write_samples`` wrote.

    Args:
        file: The file.

    Yields:
        Each sample as it was written.

    Raises:
        ConfigError: The file was not written by ``write_samples``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(file)
    except pa.ArrowInvalid as error:
        raise ConfigError(f"{file} is not Parquet: {error}") from error
    with opened:
        said = (opened.schema_arrow.metadata or {}).get(_NOTE)
        if said is None:
            raise ConfigError(f"{file} does not say what its columns are; samples are those that runs save.")
        note = json.loads(said)
        columns: dict[str, _Note] = note["columns"]
        if not columns:
            yield from ({} for _ in range(note["rows"]))
            return
        whole = {name: frozenset(how.get("whole", ())) for name, how in columns.items()}
        row = 0
        for batch in opened.iter_batches(batch_size=_BATCH):
            for cells in batch.to_pylist():
                yield {
                    name: _value(cells[name], how["as"], row in whole[name])
                    for name, how in columns.items()
                    if cells[name] is not None or not how.get("optional")
                }
                row += 1


def _value(cell: object, kind: str, whole: bool) -> object:
    if kind == "json" and isinstance(cell, str):
        return json.loads(cell)
    return int(cell) if whole and isinstance(cell, float) else cell
