"""Results read from the folders that were written of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from freqforensics.runtime.tables import read_table

Row = TypeVar("Row")
_KINDS: Final[dict[str, Callable[[str], Any]]] = {"str": str, "int": int, "float": float}


def stored_manifest(folder: str | Path, *files: str) -> dict[str, Any]:
    """Read the manifest of a folder of results.

    Parameters
    ----------
    folder : str or Path
        Folder that `result_folder` wrote.
    *files : str
        Names of files that such a result has.

    Returns
    -------
    dict
        What `manifest` gave, the command line, and the list of outputs.

    Raises
    ------
    ValueError
        It holds no manifest of this package, or not these files.
    """
    try:
        about = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"folder must hold a result with its manifest.json, got {folder}") from error
    missing = [name for name in files if not (Path(folder) / name).is_file()]
    if not isinstance(about, dict) or "freqforensics" not in about or missing:
        lacks = f", without {', '.join(missing)}" if missing else ""
        raise ValueError(f"folder must hold a result of this kind, got {folder}{lacks}")
    return about


@contextmanager
def reading(path: str | Path, otherwise: str = "holds no result that can be read") -> Iterator[None]:
    """Turn what goes wrong while a stored result is read into a ValueError that names its file or folder.

    Parameters
    ----------
    path : str or Path
        What is read; an OSError stays as it is.
    otherwise : str
        What the error says of it, before the reason.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # another file, or one that was changed or cut short, can be wrong in any way
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path} {otherwise}: {reason}") from error


def stored_rows(path: str | Path, kind: type[Row], *, also: Sequence[str] = ()) -> list[tuple[Row, tuple[str, ...]]]:
    """Read the rows of a table whose columns are the fields of a dataclass.

    Parameters
    ----------
    path : str or Path
        Table that `write_csv` wrote.
    kind : type
        A dataclass with fields of str, int and float.
    also : sequence of str
        Names of columns that follow.

    Returns
    -------
    list of (kind, tuple of str)
        Rows, and the cells of the columns in `also`.

    Raises
    ------
    ValueError
        Other columns, or a cell that is none of its kind.
    OSError
        The table cannot be read.
    """
    described = [field for field in dataclasses.fields(kind) if field.init]  # type: ignore[arg-type]
    names = [*(field.name for field in described), *also]
    table = read_table(path)
    if not table or table[0] != names:
        raise ValueError(f"{path} must have the columns {', '.join(names)}")
    rows = []
    for cells in table[1:]:
        if len(cells) != len(names):
            raise ValueError(f"{path} has a row of {len(cells)} cells, not {len(names)}")
        values = [_KINDS[str(field.type)](cell) for field, cell in zip(described, cells, strict=False)]
        rows.append((kind(*values), tuple(cells[len(described) :])))
    return rows
