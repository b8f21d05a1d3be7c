"""Where torch computes."""

from __future__ import annotations


def chosen_device(device: str) -> str:
    """Give the device of a name: for "auto" an accelerator if torch sees one, else the CPU; ValueError if it fails."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    check_device(device)
    return device


def check_device(device: str) -> None:
    """Raise ValueError unless torch can compute on a device here."""
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used: {reason}") from error
