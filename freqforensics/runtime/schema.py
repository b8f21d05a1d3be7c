"""Results as JSON values, and the JSON schema of their dataclasses."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import numpy as np

Properties = Mapping[type, Mapping[str, Any]]
"""By dataclass: names of properties or fields, and their types."""

_NONE: Final[Properties] = {}


def json_values(value: Any, *, derived: Properties = _NONE) -> Any:
    """Give a result as JSON values.

    Parameters
    ----------
    value
        Dataclasses, mappings, sequences, arrays, numbers, paths and strings, in one another. Fields with the metadata
        ``json=False`` are left out. Infinite numbers become null.
    derived : mapping of type to mapping
        Properties that are written beside a dataclass's fields.

    Returns
    -------
    object

    Examples
    --------
    >>> json_values({"radius": np.float32(0.5), "limits": (0, float("inf"))})
    {'radius': 0.5, 'limits': [0, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in fields(value) if item.metadata.get("json", True)]
        names += derived.get(type(value), ())
        return {name: json_values(getattr(value, name), derived=derived) for name in names}
    if isinstance(value, Mapping):
        return {str(key): json_values(item, derived=derived) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return json_values(value.tolist(), derived=derived)
    if isinstance(value, (tuple, list)):
        return [json_values(item, derived=derived) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and math.isinf(value) else value


def schema_of(kind: Any, *, derived: Properties = _NONE, types: Properties = _NONE) -> dict[str, Any]:
    """Give the JSON schema (2020-12) of the values that `json_values` gives for a type.

    Parameters
    ----------
    kind : type
        A dataclass, or a type of its fields.
    derived : mapping of type to mapping
        Properties beside the fields, as for `json_values`.
    types : mapping of type to mapping
        JSON types of fields whose annotation is not enough: a number that may be infinite may be null.

    Returns
    -------
    dict

    Raises
    ------
    KeyError
        A type without a counterpart in JSON.

    Examples
    --------
    >>> schema_of(tuple[float, ...])
    {'type': 'array', 'items': {'type': 'number'}}
    """
    if is_dataclass(kind):
        return _object_schema(typing.cast(type, kind), derived, types)
    origin, arguments = get_origin(kind), get_args(kind)
    inside = [schema_of(argument, derived=derived, types=types) for argument in arguments if _is_schema_type(argument)]
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in _UNIONS:
        return {"anyOf": inside}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": inside[0]}
    if origin is tuple:
        return {"type": "array", "prefixItems": inside, "minItems": len(inside), "maxItems": len(inside)}
    if origin is dict:
        return {"type": "object", "additionalProperties": inside[1]}
    return {"type": _NAMES[kind]}


_UNIONS: Final = (typing.Union, types.UnionType)
_NAMES: Final[dict[Any, str]] = {
    str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null",
}  # fmt: skip


def _is_schema_type(kind: Any) -> bool:
    return is_dataclass(kind) or kind in _NAMES or get_origin(kind) is not None


def _object_schema(kind: type, derived: Properties, types: Properties) -> dict[str, Any]:
    hints = {**get_type_hints(kind), **types.get(kind, {}), **derived.get(kind, {})}
    written = [item for item in fields(kind) if item.metadata.get("json", True)]
    names = [*(item.name for item in written), *derived.get(kind, ())]
    optional = {item.name for item in written if item.metadata.get("optional")}
    return {
        "type": "object",
        "properties": {name: schema_of(hints[name], derived=derived, types=types) for name in names},
        "required": sorted(set(names) - optional),
        "additionalProperties": False,
    }
