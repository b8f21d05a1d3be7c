"""A model by the name of the function that returns it, MODULE:FUNCTION; told without torch."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Final

_BINDING: Final = {"globals", "vars", "locals", "setattr", "exec", "eval"}
"""Functions by which a module may get names that its source does not show."""


def check_named_model(model: str) -> None:
    """Raise ValueError unless there is a module of that name, and a function of that name in it.

    The module is looked for, but not imported: its source is read, so that a function that is not there is refused
    before anything is run.

    Parameters
    ----------
    model : str
        MODULE:FUNCTION.

    Raises
    ------
    ValueError
        No such module or function, or no MODULE:FUNCTION.
    """
    module, function = _parsed(model)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise ValueError(f"model must name a module in this folder or installed, got {module!r}, which is not there")
    bound = bound_names(spec)
    if bound is not None and function.partition(".")[0] not in bound:
        there = [name for name in bound if not name.startswith("_")][-5:]
        offered = f"; the last names in it: {', '.join(there)}" if there else ""
        raise ValueError(f"model must name a function of {module}, got {function!r}, which is not there{offered}")


def returned_model(model: str) -> Any:
    """Import a module and give what its function returns, or the network or detector that is named itself.

    Parameters
    ----------
    model : str
        MODULE:FUNCTION.

    Returns
    -------
    object
        A network, a detector or a function; `wrap` makes a detector of it.

    Raises
    ------
    ValueError
        The module or the function fails, or returns something that is no model.
    """
    from freqforensics.detector.uncallable import why_no_model

    module, name = _parsed(model)
    try:
        thing: Any = importlib.import_module(module)
        for part in name.split("."):
            thing = getattr(thing, part)
        answer = thing if _is_network(thing) else thing()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"model must return a detector, got {type(error).__name__}: {reason}") from error
    if reason := why_no_model(answer):
        raise ValueError(f"model must be an nn.Module or a function, got {reason}")
    return answer


def _is_network(thing: Any) -> bool:
    """Whether a thing is a model, and returns none; without torch there is no network."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def bound_names(spec: ModuleSpec) -> list[str] | None:
    """List the names that a module's source binds, in order; None where the source does not say.

    Parameters
    ----------
    spec : ModuleSpec
        Where the module lies.
    """
    if spec.origin is None or not spec.origin.endswith(".py"):
        return None
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None  # the import says why
    names: list[str] = []
    for node in ast.walk(tree):
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if isinstance(node, ast.Global) or called in _BINDING:
            return None
    for node in _statements(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names += [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append(node.id)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name is not None:
            names.append(node.name)
    # A package has its modules as names, once they are imported.
    return None if {"*", "__getattr__"} & set(names) or spec.submodule_search_locations else names


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a module that run when it is imported: not those inside functions, classes and lambdas."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _statements(child)


def _parsed(model: str) -> tuple[str, str]:
    module, colon, name = model.partition(":")
    if not colon or not all(word.isidentifier() for word in (*module.split("."), *name.split("."))):
        raise ValueError(f"model must be MODULE:FUNCTION, such as my_detector:make, got {model!r}")
    return module, name
