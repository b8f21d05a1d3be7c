"""Names that a package's front door imports when they are first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str], namespace: dict[str, Any]) -> Callable[[str], Any]:
    """Make a package's ``__getattr__``.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        The submodule of each name. No name may be that of its submodule: importing that would hide it.
    namespace : dict
        Its ``globals()``; names are put there once they are imported.

    Returns
    -------
    callable
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        return namespace[name]

    return get
