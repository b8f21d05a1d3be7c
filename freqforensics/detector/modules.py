"""Functions as modules of torch, so that any of them can be a detector's network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn


class OfArrays(nn.Module):
    """A function of uint8 arrays (N, H, W, 3) as a module of grey levels (N, 3, H, W); one call at a time.

    Parameters
    ----------
    function : callable
        From ndarray of uint8, (N, H, W, 3), to anything that holds logits.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        self.lock: Any = _Lock()

    def forward(self, levels: Tensor) -> Any:
        """Call the function with images (N, 3, H, W) of grey levels, rounded to uint8."""
        pixels = levels.detach().cpu().float().numpy().transpose(0, 2, 3, 1)
        arrays = np.ascontiguousarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
        with self.lock.lock:
            return self.function(arrays)


class OfTensors(nn.Module):
    """A function of tensors as a module.

    Parameters
    ----------
    function : callable
        From a tensor to anything that holds logits.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, prepared: Tensor) -> Any:
        """Call the function with prepared images."""
        return self.function(prepared)


class _Lock:
    """A lock that may be copied and pickled: the copy is a new one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[type[_Lock], tuple[()]]:
        return type(self), ()
