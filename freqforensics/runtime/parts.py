"""Files of parts: the nodes that one shard computed, read back without running what a file says.

A part is a zip file of ``part.json`` and one pickle for each node. Pickles can call any function; these are read by an
unpickler that gives no function, and of classes only those that hold results (`pickle`, "Restricting Globals").
"""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from freqforensics._version import __version__
from freqforensics.runtime.reduction import Node

FORMAT: Final = 1
SUFFIX: Final = ".ffpart"
_ABOUT: Final = "part.json"
_LARGEST_ABOUT: Final = 1 << 24
_LARGEST_NODE: Final = 1 << 32


class PartError(ValueError):
    """A file is no part, or parts do not go together."""


@dataclass(frozen=True)
class Part:
    """What a file of a part says of itself.

    Parameters
    ----------
    path : Path
        The file.
    number, count : int
        It is part `number` of `count`, from 1.
    command : tuple of str
        The command line, without what may differ between parts.
    folder : str
        Folder in which it ran.
    nodes : dict of (str, Node) to str
        By key of the pass and node: the member of the file.
    """

    path: Path
    number: int
    count: int
    command: tuple[str, ...]
    folder: str
    nodes: dict[tuple[str, Node], str]


class PartWriter:
    """Writes a part, node by node.

    Parameters
    ----------
    path : Path
        The file; it is whole when it was described and closed.
    """

    def __init__(self, path: Path) -> None:
        self._file = zipfile.ZipFile(path, "w")
        self._nodes: dict[tuple[str, int, int], None] = {}

    def add(self, key: str, node: Node, result: Any) -> None:
        """Write a node of the pass `key`; a second time it is left as it is."""
        entry = (key, node.level, node.place)
        if entry not in self._nodes:
            self._nodes[entry] = None
            with self._file.open(f"nodes/{len(self._nodes) - 1}", "w", force_zip64=True) as stream:
                pickle.dump(result, stream, protocol=5)

    def describe(self, *, number: int, count: int, command: Iterable[str], folder: str) -> None:
        """Write what the part is, after its nodes."""
        about = {"format": FORMAT, "freqforensics": __version__, "part": number, "parts": count}
        about |= {"command": list(command), "folder": folder, "nodes": list(self._nodes)}
        self._file.writestr(_ABOUT, json.dumps(about))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_part(path: Path) -> Part:
    """Read what a part is, not yet its nodes.

    Raises
    ------
    PartError
        The file is no part, not whole, or of another version of this package.
    OSError
        It cannot be opened.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if file.getinfo(_ABOUT).file_size > _LARGEST_ABOUT:
                raise PartError(f"{path} is not a part: what it says of itself is too long")
            about = json.loads(file.read(_ABOUT))
        if about["format"] != FORMAT or about["freqforensics"] != __version__:
            raise PartError(f"{path} was written by freqforensics {about['freqforensics']}, this is {__version__}")
        number, count, command, folder = (about[name] for name in ("part", "parts", "command", "folder"))
        if type(number) is not int or type(count) is not int or not 1 <= number <= count:
            raise PartError(f"{path} is not a part: it calls itself {number} of {count}")
        if not all(isinstance(text, str) for text in (*command, folder)):
            raise PartError(f"{path} is not a part: its command is not text")
        nodes = {
            (str(key), Node(int(level), int(place))): f"nodes/{index}"
            for index, (key, level, place) in enumerate(about["nodes"])
        }
    except (OSError, PartError):
        raise
    except Exception as error:  # a damaged file makes zipfile and json raise any error
        raise PartError(f"{path} is not a part of a shard: {error}") from error
    return Part(path, number, count, tuple(command), folder, nodes)


def read_node(part: Part, key: str, node: Node) -> Any:
    """Read the result of a node.

    Raises
    ------
    PartError
        It is damaged, or holds something that is not a result.
    """
    try:
        with zipfile.ZipFile(part.path) as file:
            member = file.getinfo(part.nodes[key, node])
            if member.file_size > _LARGEST_NODE:
                raise PartError(f"a node of {member.file_size} bytes")
            return _Unpickler(io.BytesIO(file.read(member))).load()
    except OSError:
        raise
    except Exception as error:
        raise PartError(f"{part.path} holds no results: {error}") from error


_OTHERS: Final = {
    ("builtins", "complex"),
    ("builtins", "frozenset"),
    ("builtins", "set"),
    ("collections", "Counter"),
    ("collections", "OrderedDict"),
    ("freqforensics.storage.locations", "Location"),
    ("pathlib", "PosixPath"),
    ("pathlib._local", "PosixPath"),
    ("pathlib._local", "WindowsPath"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "WindowsPath"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}
"""Of other packages: plain values, and what makes numpy's arrays."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Give a class that holds results."""
        if (module, name) in _OTHERS:
            return super().find_class(module, name)
        if module.startswith("freqforensics.") and "." not in name:
            import_module(module)
            value = vars(sys.modules[module]).get(name)
            holds = isinstance(value, type) and (
                is_dataclass(value) or issubclass(value, tuple) or name.endswith("Accumulator")
            )
            if holds and value.__module__ == module:  # not what the module imports
                return value
        raise PartError(f"{module}.{name} is not a result")
