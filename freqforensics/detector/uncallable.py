"""What cannot be a model; told without torch."""

from __future__ import annotations

from typing import Any


def why_no_model(model: Any) -> str:
    """Say what a thing is that is no network or function, and what to pass instead; empty if it may be a model.

    Parameters
    ----------
    model : object
        What was given as a model.

    Returns
    -------
    str
        It follows "model must be an nn.Module or a function, got".
    """
    if isinstance(model, type):
        return f"the class {model.__name__}, not an instance"
    if isinstance(model, str):
        return repr(model)
    if callable(model):
        return ""
    name = type(model).__name__
    if hasattr(model, "predict_proba") or hasattr(model, "decision_function"):
        return f"{name}; pass a function from images (N, H, W, 3) to its scores"
    return name
