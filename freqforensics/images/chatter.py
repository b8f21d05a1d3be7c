"""What decoders say on the side: kept off the terminal, and given to who asked them."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from freqforensics.images.samples import UndecodableError

_LOGGERS: Final = ("imagecodecs", "tifffile")  # libtiff and libpng speak through the first


class _Listener(logging.Filter):
    """Takes what is logged in a thread that listens; passes on of all else what would have been logged without it."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()
        self.least: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        heard: list[str] | None = getattr(self.thread, "heard", None)
        if heard is None:
            return record.levelno >= self.least.get(record.name, 0)
        heard.append(record.getMessage())
        return False


_LISTENER: Final = _Listener()


@contextmanager
def listening(*, needed: bool = True) -> Iterator[list[str]]:
    """Collect what decoders log in this thread, instead of letting it reach the terminal.

    Parameters
    ----------
    needed : bool
        What is heard decides whether the file is refused.

    Yields
    ------
    list of str
        Grows while the decoders work.

    Raises
    ------
    UndecodableError
        `logging.disable` keeps warnings from being heard, and they are needed.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.addFilter(_LISTENER)  # once: a filter is not added twice
        if logger.disabled or not 0 < logger.level <= logging.WARNING:  # or whatever the root's level is
            _LISTENER.least[name] = math.inf if logger.disabled else logger.level
            logger.disabled = False
            logger.setLevel(logging.WARNING)
        if needed and not logger.isEnabledFor(logging.WARNING):
            raise UndecodableError("not read while logging is disabled: it hides the decoder's warnings")
    before = getattr(_LISTENER.thread, "heard", None)
    heard: list[str] = []
    _LISTENER.thread.heard = heard
    try:
        yield heard
    finally:
        _LISTENER.thread.heard = before
