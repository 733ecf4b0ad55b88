"""Samples as Parquet: one column a key, scores as numbers, and the very same dicts back.

What a column holds decides its type. Texts, whole numbers, truth values, numbers and lists of texts keep theirs;
everything else, such as docs and log-likelihoods, is JSON text. The schema's metadata says which, under
``lm_eval.samples``: ``{"doc": {"as": "json"}, "acc": {"as": "number"}, "error": {"as": "json", "optional": true}}``. An
empty cell of an optional column is a key the sample does not have, that of another column is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lm_eval.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["read_samples", "write_samples"]

_NOTE = b"lm_eval.samples"
_BATCH = 1000
_ABSENT = object()
_EXACT = 1 << 53
"""Whole numbers up to here have a float of their own."""


def write_samples(file: IO[bytes], samples: Sequence[Mapping[str, Any]]) -> None:
    """Write samples as a Parquet file.

    Args:
        file: Where to.
        samples: Samples as JSON gives them, with texts as keys.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays: list[pyarrow.Array] = []
    notes: dict[str, dict[str, Any]] = {}
    names = list(dict.fromkeys(key for sample in samples for key in sample))
    for name in names:
        array, notes[name] = _column([sample.get(name, _ABSENT) for sample in samples])
        arrays.append(array)
    note = json.dumps({"rows": len(samples), "columns": notes}, ensure_ascii=True).encode()
    schema = pa.schema([(name, array.type) for name, array in zip(names, arrays, strict=True)], metadata={_NOTE: note})
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file, compression="zstd")


def _column(values: Sequence[Any]) -> tuple[pyarrow.Array, dict[str, Any]]:
    """Choose how a column is kept; return it and the note on it."""
    import pyarrow as pa

    absent = any(value is _ABSENT for value in values)
    present = [value for value in values if value is not _ABSENT and value is not None]
    null = any(value is None for value in values)
    note: dict[str, Any] = {"optional": True} if absent else {}
    kind = "json" if (absent and null) or not present else _kind(present)
    if kind == "json":
        texts = [None if value is _ABSENT else _json(value) for value in values]
        return pa.array(texts, pa.string()), {"as": "json", **note}
    cells = [None if value is _ABSENT else value for value in values]
    if kind == "number":
        whole = [row for row, value in enumerate(cells) if type(value) is int]
        note |= {"whole": whole} if whole else {}
        cells = [None if value is None else float(value) for value in cells]
    types = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "truth": pa.bool_(),
        "whole": pa.int64(),
        "number": pa.float64(),
    }
    return pa.array(cells, types[kind], from_pandas=False), {"as": kind, **note}


def _kind(values: Sequence[Any]) -> str:
    types = {type(value) for value in values}
    if types == {str}:
        return "text" if all(map(_is_unicode, values)) else "json"
    if types == {bool}:
        return "truth"
    if types == {int}:
        return "whole" if all(-(1 << 63) <= value < 1 << 63 for value in values) else "json"
    if types <= {int, float}:
        return "number" if all(type(value) is float or abs(value) <= _EXACT for value in values) else "json"
    if types == {list} and all(item is None or _is_unicode(item) for value in values for item in value):
        return "texts"
    return "json"


def _is_unicode(value: Any) -> bool:
    """Tell whether a value is a text that UTF-8 can hold; half a surrogate pair it cannot."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if _is_unicode(text) else json.dumps(value, ensure_ascii=True)


def read_samples(file: Path) -> Iterator[dict[str, Any]]:
    """Read samples from a Parquet file that ``write_samples`` made.

    Args:
        file: The file.

    Yields:
        A sample as it was written.

    Raises:
        ConfigError: It is no such file.
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
        columns: dict[str, dict[str, Any]] = note["columns"]
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


def _value(cell: Any, kind: str, whole: bool) -> Any:
    if cell is None:
        return None
    if kind == "json":
        return json.loads(cell)
    return int(cell) if whole else cell
