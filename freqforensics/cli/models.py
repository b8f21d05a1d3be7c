"""Detectors of the user's own code, MODULE:FUNCTION."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from freqforensics.cli.app import Failed
from freqforensics.cli.options import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from freqforensics.detector.resnet import Detector

_BINDING: Final = {"globals", "vars", "locals", "setattr", "exec", "eval"}
"""Functions by which a module may get names that its source does not show."""


def named_weights(weights: str | Sequence[str] | None, model: str | None) -> list[str]:
    """Give the names of weights to check and to load: none with a model, which is looked for, but not imported.

    The source of its module is read, so that a function that is not there is refused before anything is run.

    Raises
    ------
    Failed
        Both are given.
    ValueError
        No module of that name, no function of that name in it, or no MODULE:FUNCTION.
    """
    names = [weights] if isinstance(weights, str) else list(weights or [DEFAULT_WEIGHTS])
    if model is None:
        return names
    if names != [DEFAULT_WEIGHTS]:
        raise Failed("--model takes the place of --weights: give one of them")
    module, function = _parsed(model)
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise ValueError(f"model must name a module in this folder or installed, got {module!r}, which is not there")
    bound = _bound_names(spec)
    if bound is not None and function.partition(".")[0] not in bound:
        there = [name for name in bound if not name.startswith("_")][-5:]
        offered = f"; the last names in it: {', '.join(there)}" if there else ""
        raise ValueError(f"model must name a function of {module}, got {function!r}, which is not there{offered}")
    return []


def chosen_detector(weights: str, model: str | None, device: str) -> str | Detector:
    """Give the weights, or with a model the detector that its function returns, on a device.

    The user's code runs before torch is imported here: what it returns may be refused without it.

    Raises
    ------
    ValueError
        The user's code fails, or returns no detector.
    """
    if model is None:
        return weights
    returned = _returned(model)
    from freqforensics.detector.resnet import Detector
    from freqforensics.detector.wrap import wrap

    try:
        detector = returned if isinstance(returned, Detector) else wrap(returned)
    except TypeError as error:
        raise ValueError(str(error)) from error
    if next(detector.parameters(), None) is not None:
        from freqforensics.runtime.device import chosen_device

        detector = detector.to(chosen_device(device))
    return detector


def _returned(model: str) -> Any:
    """Give what the user's function returns, or the network or detector that is named itself."""
    from freqforensics.detector.uncallable import why_no_model

    module, name = _parsed(model)
    try:
        thing: Any = importlib.import_module(module)
        for part in name.split("."):
            thing = getattr(thing, part)
        given = thing if _is_network(thing) else thing()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"model must return a detector, got {type(error).__name__}: {reason}") from error
    if reason := why_no_model(given):
        raise ValueError(f"model must be an nn.Module or a function, got {reason}")
    return given


def _is_network(thing: Any) -> bool:
    """Whether a thing is a model, and returns none; without torch there is no network."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def _bound_names(spec: ModuleSpec) -> list[str] | None:
    """List the names that a module's source binds, in order; None where the source does not say."""
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
