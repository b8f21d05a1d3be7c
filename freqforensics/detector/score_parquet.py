"""Rows of scores in parquet files: columns as in the CSV, and what a file is of in its metadata."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from freqforensics.images import shown_path
from freqforensics.runtime.writing import replacing

SUFFIX: Final = ".parquet"
_KEY: Final = b"freqforensics"
_NUMBERS: Final = ("logit", "probability", "rate")


def is_parquet(path: str | Path) -> bool:
    """Say whether a table of scores is, or is to be, a folder or file of parquet."""
    return Path(path).suffix.lower() == SUFFIX


def check_parquet() -> None:
    """Raise ValueError unless the extra is installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ValueError("out as parquet needs the extra: pip install 'freqforensics[parquet]'")


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]], about: Mapping[str, Any]) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str
        Names.
    rows : sequence of sequences
        Texts, and numbers in the columns logit, probability and rate.
    about : mapping
        What the rows are of, JSON values; stored as metadata.
    """
    import pyarrow as pa
    from pyarrow import parquet

    types = [pa.float64() if name in _NUMBERS else pa.string() for name in columns]
    schema = pa.schema(list(zip(columns, types, strict=True)), metadata={_KEY: json.dumps(about)})
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    table = pa.table([pa.array(column, kind) for column, kind in zip(values, types, strict=True)], schema=schema)
    with replacing(path) as temporary:
        parquet.write_table(table, temporary)


def read_rows(path: Path, columns: Sequence[str]) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """Read a file that `write_rows` wrote.

    Returns
    -------
    list of tuple
        The rows.
    dict
        What they are of.

    Raises
    ------
    ValueError
        It is something else, or not whole.
    OSError
        It cannot be opened.
    """
    check_parquet()
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            table = parquet.ParquetFile(file).read()
        if tuple(table.schema.names) != tuple(columns):
            raise ValueError(f"its columns are {', '.join(table.schema.names)[:200]}")
        for name in columns:
            if table.schema.field(name).type != (pa.float64() if name in _NUMBERS else pa.string()):
                raise ValueError(f"its column {name} is of {table.schema.field(name).type}")
            if table.column(name).null_count:
                raise ValueError(f"its column {name} has no value in some rows")
        about = json.loads((table.schema.metadata or {})[_KEY])
        if not isinstance(about, dict):
            raise ValueError("its metadata are not a JSON object")
        return list(zip(*(table.column(name).to_pylist() for name in columns), strict=True)), about
    except KeyError:
        raise ValueError(f"{shown_path(path)} is not a table of scores: it does not say what it is of") from None
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{shown_path(path)} is not a table of scores: {str(error).splitlines()[0]}") from error


def part_files(folder: Path) -> list[Path]:
    """List the files of a folder of scores, in order."""
    return sorted(folder.glob(f"part-*{SUFFIX}"))


def part_file(folder: Path, index: int) -> Path:
    """Give the file of part `index`, from 0."""
    return folder / f"part-{index:05d}{SUFFIX}"
