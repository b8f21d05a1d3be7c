"""The one reader and writer of CSV: tables that a spreadsheet does not run, read back to the same values."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from freqforensics.runtime.writing import replacing

_FORMULA: Final = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.ASCII)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class _File(Protocol):
    def write(self, text: str, /) -> Any: ...


def quoted(value: object) -> object:
    """Quote the text of a cell that a spreadsheet would run as a formula, by an apostrophe in front.

    Such text begins with ``=``, ``+``, ``-``, ``@``, a tab or the end of a line (CWE-1236). Numbers, also as
    text, stay as they are. `unquoted` takes the apostrophe away.

    >>> quoted("=1+1"), quoted("'=1+1"), quoted("-0.5"), quoted(-0.5), quoted("plain")
    ("'=1+1", "''=1+1", '-0.5', -0.5, 'plain')
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def unquoted(text: str) -> str:
    """Give the text of a cell that `quoted` wrote.

    >>> unquoted("'=1+1"), unquoted("''=1+1"), unquoted("'plain'")
    ('=1+1', "'=1+1", "'plain'")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


class TableWriter:
    """Write rows of cells as CSV; see `quoted`.

    Parameters
    ----------
    file : text file
        Opened with ``newline=""``.
    end : str
        End of a row.
    """

    def __init__(self, file: _File, *, end: str = "\n") -> None:
        self._file, self._end = file, end

    def row(self, cells: Iterable[object]) -> None:
        """Write a row; ValueError of text that is too long for a cell to be read again."""
        values = [quoted(cell) for cell in cells]
        if any(isinstance(cell, str) and len(cell) > csv.field_size_limit() for cell in values):
            raise ValueError(f"a cell of a table holds at most {csv.field_size_limit()} characters")
        # The csv module quotes cells that hold its line terminator: with both characters, any end of a row is safe.
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow(values)
        self._file.write(line.getvalue()[:-2] + self._end)

    def rows(self, rows: Iterable[Iterable[object]]) -> None:
        """Write rows."""
        for row in rows:
            self.row(row)


def write_csv(path: str | Path, header: Iterable[str], rows: Iterable[Iterable[object]], *, end: str = "\n") -> None:
    """Write a table, whole or not at all; bytes of names that are not text are kept.

    Parameters
    ----------
    path : str or Path
        The file.
    header : iterable of str
        Names of the columns.
    rows : iterable of iterables
        Cells of each row.
    end : str
        End of a row.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="", errors="surrogateescape") as file,
    ):
        writer = TableWriter(file, end=end)
        writer.row(header)
        writer.rows(rows)


def read_text(path: str | Path, *, raw_bytes: bool = False) -> str:
    """Read a text file in UTF-8, or in UTF-16 or UTF-32 if its byte order mark says so; ends of lines are kept.

    Parameters
    ----------
    path : str or Path
        The file.
    raw_bytes : bool
        Keep bytes that are not UTF-8 as surrogates, as in names of files.

    Raises
    ------
    ValueError
        Another encoding, or not text; the message names the byte and the line.
    OSError
        It cannot be read.
    """
    data = Path(path).read_bytes()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding, "surrogateescape" if raw_bytes and encoding.startswith("utf-8") else "strict")
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-8"):
            line = data[: error.start].count(b"\n") + 1
            raise ValueError(
                f"{_shown(path)} is not text in UTF-8 (byte 0x{data[error.start]:02x} in line {line}): save it as UTF-8"
            ) from error
        raise ValueError(f"{_shown(path)} begins as {encoding.upper()} and continues in another encoding") from error
    if "\0" in text:
        raise ValueError(f"{_shown(path)} is not a table: it holds zero bytes (UTF-16 needs its byte order mark)")
    return text


def parsed_rows(text: str, *, path: str | Path, delimiter: str = ",") -> list[list[str]]:
    """Cut text with any ends of lines into rows of cells; ValueError that names `path` if it is not CSV."""
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        reason = str(error)
        if "field larger" in reason:
            reason = f"a cell holds more than {csv.field_size_limit()} characters"
        raise ValueError(f"{_shown(path)} is not a table: {reason}") from error


def streamed_rows(path: str | Path, *, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Read a table in UTF-8 row by row, so that a million rows need little memory.

    Parameters
    ----------
    path : str or Path
        The table.
    delimiter : str
        What separates cells.

    Yields
    ------
    int
        Number of the line at which the row ends, from 1.
    list of str
        The cells, unquoted.

    Raises
    ------
    ValueError
        The file is not text in UTF-8, or not CSV.
    OSError
        It cannot be read.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.reader(lines, delimiter=delimiter)
            for row in rows:
                quotes = any(cell[:1] == "'" for cell in row)
                yield rows.line_num, [unquoted(cell) for cell in row] if quotes else row
    except UnicodeDecodeError as error:
        raise ValueError(f"{_shown(path)} is not a table of text in UTF-8: {error}") from error
    except csv.Error as error:
        raise ValueError(f"{_shown(path)} is not a table: {error}") from error


def read_table(path: str | Path) -> list[list[str]]:
    """Read the rows, the header first, of a table that `TableWriter` wrote.

    Raises
    ------
    ValueError
        The file is not text, or a cell has more characters than the csv module's limit, 131,072.
    OSError
        It cannot be read.
    """
    return [[unquoted(cell) for cell in row] for row in parsed_rows(read_text(path, raw_bytes=True), path=path)]


def read_pairs(path: str | Path, what: str, *, key: Callable[[str], str] = str) -> dict[str, str]:
    """Read a table of two columns and no header.

    Parameters
    ----------
    path : str or Path
        The file.
    what : str
        Content of a row, for messages.
    key : callable
        Maps spellings of a name to one, as the resolved path of a file.

    Returns
    -------
    dict of str to str

    Raises
    ------
    ValueError
        A row has not two cells, a name has two values, or the file is not text.
    """
    pairs: dict[str, str] = {}
    for number, row in enumerate(parsed_rows(read_text(path), path=path), 1):
        if not row:
            continue
        if len(row) != 2:
            raise ValueError(f"{_shown(path)}: every row must hold {what}; row {number} has {len(row)} cells")
        name = key(row[0])
        if pairs.setdefault(name, row[1]) != row[1]:
            raise ValueError(
                f"{_shown(path)} names {row[0]!r} twice, with {pairs[name]!r} and, in row {number}, with {row[1]!r}"
            )
    return pairs


def _shown(path: str | Path) -> str:
    text = str(path)
    return text if text.isprintable() else repr(text)
