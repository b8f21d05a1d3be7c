"""What can be chosen of a network's input. Loads no torch."""

from __future__ import annotations

from typing import Literal

InputKind = Literal["rgb", "residual", "coherence", "local"]
EarlyDown = Literal[4, 2, 1]
