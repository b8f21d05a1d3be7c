"""The device on which torch computes."""

from __future__ import annotations


def chosen_device(device: str) -> str:
    """Give the device that a name stands for; "auto" is an accelerator where there is one, otherwise the CPU.

    Raises
    ------
    ValueError
        torch cannot compute on it here.
    """
    import torch

    if device != "auto":
        check_device(device)
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: str) -> None:
    """Raise ValueError unless torch can compute on a device here."""
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used: {reason}") from error
