"""The device on which torch computes."""

from __future__ import annotations


def check_device(device: str) -> None:
    """Raise ValueError unless torch can compute on a device here."""
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used: {reason}") from error
