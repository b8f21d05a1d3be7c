"""Parquet files with a column of images, as hubs of data sets write them; pyarrow, extra ``parquet``."""

from __future__ import annotations

import importlib.util
import io
import json
import threading
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final

from freqforensics.storage.protocol import Entry, StorageError, cleaned, first_line
from freqforensics.storage.ranges import Ranges

MOST_ROWS: Final = 5_000_000
LARGEST_GROUP: Final = 512 << 20
"""Largest size, in bytes, of the images of one row group."""
_IN_MEMORY: Final = 96 << 20
_IMAGE_NAMES: Final = ("image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "bytes", "image_bytes")


class ParquetStorage:
    """The images of a parquet file: rows, named by their path if each has one of its own, else by their number.

    Only the column of images is read, one row group at a time; a few row groups stay in memory.

    Parameters
    ----------
    ranges : Ranges
        The file. StorageError if it is no parquet file, is damaged, or has no column of images: a struct with
        ``bytes``, or bytes.
    """

    def __init__(self, ranges: Ranges) -> None:
        if importlib.util.find_spec("pyarrow") is None:
            raise StorageError(ranges.place, "parquet needs the extra: pip install 'freqforensics[parquet]'")
        self._ranges = ranges
        self._lock = threading.Lock()
        self._key = uuid.uuid4().hex  # of this file as it is now
        self._sizes: dict[int, list[int]] = {}
        self.left_out: Counter[str] = Counter()
        from pyarrow.parquet import ParquetFile

        try:
            with ranges.open() as handle, ParquetFile(handle) as file:
                self._about, self._schema = file.metadata, file.schema_arrow
        except StorageError:
            raise
        except Exception as error:  # pyarrow's errors have many kinds
            reason = f"not a parquet file, or a damaged one ({first_line(error)})"
            raise StorageError(ranges.place, reason) from error
        about = self._about
        self.rows: int = about.num_rows
        """Number of rows."""
        if self.rows > MOST_ROWS:
            raise StorageError(ranges.place, f"{self.rows} rows are over the limit of {MOST_ROWS} a file")
        self._counts = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
        if min(self._counts, default=0) < 0 or sum(self._counts) != self.rows:
            raise StorageError(ranges.place, "a damaged parquet file: its counts of rows contradict each other")
        self._column, self._inside = self._image_column()
        self._check_groups()
        self.paths: list[str] | None = self._read_paths()
        """Path of each row's image as the file has it; None unless each row has one of its own."""
        self._places = None if self.paths is None else {name: row for row, name in enumerate(self.paths)}

    def _image_column(self) -> tuple[str, bool]:
        """Name of the column of images, and whether it is a struct of bytes and path."""
        from pyarrow import types

        structs, plain = [], []
        for field in self._schema:
            binary = types.is_binary(field.type) or types.is_large_binary(field.type)
            if types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
                structs.append(field.name)
            elif binary:
                plain.append(field.name)
        for names in (structs, [name for name in plain if name.lower() in _IMAGE_NAMES or len(plain) == 1]):
            if names:
                return min(names, key=lambda name: (name.lower() not in _IMAGE_NAMES, name)), names is structs
        columns = ", ".join(self._schema.names[:8]) or "none"
        raise StorageError(self._ranges.place, f"no column of images, bytes or {{bytes, path}} (columns: {columns})")

    def _check_groups(self) -> None:
        for group in range(self._about.num_row_groups):
            size = self._about.row_group(group).total_byte_size  # details of columns, where damaged, end the process
            if size > LARGEST_GROUP:
                raise StorageError(
                    self._ranges.place,
                    f"a row group of {size} bytes is over the limit of {LARGEST_GROUP}: write it with fewer rows a"
                    " group (row_group_size=100)",
                )

    def _read_paths(self) -> list[str] | None:
        if not self._inside or self._schema.field(self._column).type.get_field_index("path") < 0:
            return None
        names: list[str] = []
        for (value,) in self.values([f"{self._column}.path"]):
            reason, name = cleaned(value) if isinstance(value, str) else ("not text", "")
            if reason:
                return None
            names.append(name)
        if len(names) != self.rows:
            raise StorageError(self._ranges.place, f"damaged: paths of {len(names)} rows of {self.rows}")
        return names if len(set(names)) == len(names) else None

    def values(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Give the values of some columns, row by row; ``image.path`` is one inside the struct ``image``."""
        try:
            with self._ranges.open() as handle, self._reader(handle) as file:
                for batch in file.iter_batches(batch_size=4096, columns=list(columns), use_threads=False):
                    arrays = []
                    for column in columns:
                        names = (column, "") if column in batch.schema.names else column.rsplit(".", 1)
                        array = batch.column(batch.schema.get_field_index(names[0]))
                        arrays.append((array.field(names[1]) if names[1] else array).to_pylist())
                    yield from zip(*arrays, strict=True)
        except StorageError:
            raise
        except Exception as error:
            raise StorageError(self._ranges.place, f"damaged ({first_line(error)})") from error

    @property
    def columns(self) -> dict[str, Any]:
        """Type of each column but that of the images."""
        return {field.name: field.type for field in self._schema if field.name != self._column}

    def class_names(self, column: str) -> list[str] | None:
        """Names of the classes of a column of numbers, from the schema's note for Hugging Face's datasets."""
        try:
            about = json.loads((self._schema.metadata or {})[b"huggingface"])
            names = about["info"]["features"][column]["names"]
            listed = names if isinstance(names, list) else [names[str(index)] for index in range(len(names))]
            return [str(name) for name in listed]
        except (KeyError, TypeError, ValueError, LookupError):
            return None

    def name(self, row: int) -> str:
        """Name of a row's image."""
        return str(row).zfill(len(str(max(0, self.rows - 1)))) if self.paths is None else self.paths[row]

    def list(self) -> Iterator[Entry]:
        """List the images; sizes are not known before they are read."""
        return (Entry(self.name(row), None) for row in range(self.rows))

    def location(self, name: str) -> str:
        """Text from which `read_location` reads the image."""
        return f"{self._ranges.place}::{name}"

    def size(self, name: str) -> int:
        """Size of an image in bytes."""
        group, index = self._place(name)
        with self._lock:
            if group not in self._sizes:
                self._load(group)
            return self._sizes[group][index]

    def open(self, name: str) -> BinaryIO:
        """Open an image."""
        group, index = self._place(name)
        with self._lock:
            value = self._load(group)[index].as_py()
        if value is None:
            raise StorageError(self.location(name), "the row has no bytes, only a path or nothing")
        return io.BytesIO(value)

    def _place(self, name: str) -> tuple[int, int]:
        if self._places is None:
            row = int(name) if name.isascii() and name.isdigit() else self.rows
        else:
            row = self._places.get(name, self.rows)
        if row >= self.rows:
            raise StorageError(self.location(name), "no such row")
        group = 0
        while row >= self._counts[group]:
            row, group = row - self._counts[group], group + 1
        return group, row

    def _reader(self, file: BinaryIO) -> Any:
        """Open the file for a pass that holds little more than what it gives."""
        from pyarrow.parquet import ParquetFile

        return ParquetFile(file, metadata=self._about, pre_buffer=False, buffer_size=1 << 20)

    def _load(self, group: int) -> Any:
        """Give the images of a row group; the caller holds the lock."""
        key = (self._key, group)
        array = _GROUPS.get(key)
        if array is not None:
            return array
        from pyarrow import compute, default_memory_pool

        column = f"{self._column}.bytes" if self._inside else self._column
        _GROUPS.make_room(self._about.row_group(group).total_byte_size)
        try:
            with self._ranges.open() as handle, self._reader(handle) as file:
                array = file.read_row_group(group, columns=[column], use_threads=False).column(0)
            array = compute.struct_field(array, "bytes") if self._inside else array
            self._sizes[group] = [size or 0 for size in compute.binary_length(array).to_pylist()]
        except StorageError:
            raise
        except Exception as error:
            raise StorageError(self._ranges.place, f"damaged in row group {group} ({first_line(error)})") from error
        if len(array) != self._counts[group]:
            raise StorageError(self._ranges.place, f"damaged in row group {group}: {len(array)} rows")
        default_memory_pool().release_unused()
        _GROUPS.keep(key, array)
        return array


class _RowGroups:
    """Row groups of all files, the latest used, up to a size in all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrays: OrderedDict[tuple[str, int], Any] = OrderedDict()

    def get(self, key: tuple[str, int]) -> Any:
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def make_room(self, size: int) -> None:
        with self._lock:
            held = sum(array.nbytes for array in self._arrays.values())
            while self._arrays and held + size > _IN_MEMORY:
                held -= self._arrays.popitem(last=False)[1].nbytes

    def keep(self, key: tuple[str, int], array: Any) -> None:
        with self._lock:
            self._arrays[key] = array


_GROUPS: Final = _RowGroups()
