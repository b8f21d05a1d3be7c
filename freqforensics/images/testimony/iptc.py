"""The fields of an IPTC record (IIM) that tell an image's origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from freqforensics.images.testimony.statements import printable

_RECORD: Final = 0x0404  # of Photoshop's image resources
_MOST: Final = 1024
_PROGRAM, _VERSION, _CREDIT = (2, 65), (2, 70), (2, 110)


@dataclass(frozen=True)
class IptcFields:
    """What an IPTC record says of an image's origin; texts are empty where not stated.

    Parameters
    ----------
    program : str
        Program that wrote it, with its version.
    credit : str
    """

    program: str = ""
    credit: str = ""


def photoshop_record(resources: bytes) -> bytes:
    """Give the IPTC record among Photoshop's image resources; empty if there is none.

    Parameters
    ----------
    resources : bytes
        Blocks that begin with ``8BIM``.

    Returns
    -------
    bytes
    """
    position = 0
    for _ in range(_MOST):
        if resources[position : position + 4] != b"8BIM" or position + 7 > len(resources):
            break
        kind = int.from_bytes(resources[position + 4 : position + 6], "big")
        position += 6 + (resources[position + 6] + 2) // 2 * 2  # a name, padded with its length to even
        size = int.from_bytes(resources[position : position + 4], "big")
        if kind == _RECORD:
            return resources[position + 4 : position + 4 + size]
        position += 4 + size + size % 2
    return b""


def read_iptc(record: bytes) -> IptcFields | None:
    """Read an IPTC record.

    Parameters
    ----------
    record : bytes
        Data sets, each with its marker 0x1C.

    Returns
    -------
    IptcFields or None
        None where it holds no data set.
    """
    values: dict[tuple[int, int], str] = {}
    position = 0
    for _ in range(_MOST):
        if position + 5 > len(record) or record[position] != 0x1C:
            break
        name = record[position + 1], record[position + 2]
        size = int.from_bytes(record[position + 3 : position + 5], "big")
        if size & 0x8000:  # an extended data set; none that is asked for is one
            break
        value = record[position + 5 : position + 5 + size].decode("utf-8", "replace")
        values.setdefault(name, printable(value, longest=96))
        position += 5 + size
    if not values:
        return None
    program = f"{values.get(_PROGRAM, '')} {values.get(_VERSION, '')}".strip()
    return IptcFields(program, values.get(_CREDIT, ""))
