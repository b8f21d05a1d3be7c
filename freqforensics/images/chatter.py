"""Messages that decoders log: kept off the terminal, and given to the caller of the decoder."""

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
    """Collects what is logged in a thread that listens; passes on what other threads would have logged without it."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()
        self.least: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        messages: list[str] | None = getattr(self.thread, "messages", None)
        if messages is None:
            return record.levelno >= self.least.get(record.name, 0)
        messages.append(record.getMessage())
        return False


_LISTENER: Final = _Listener()


@contextmanager
def listening(*, needed: bool = True) -> Iterator[list[str]]:
    """Collect what decoders log in this thread, instead of letting it reach the terminal.

    Parameters
    ----------
    needed : bool
        Whether the messages decide if the file is refused.

    Yields
    ------
    list of str
        The messages; grows while the decoders work.

    Raises
    ------
    UndecodableError
        `logging.disable` suppresses warnings, and they are needed.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.addFilter(_LISTENER)  # once: a filter is not added twice
        if logger.disabled or not 0 < logger.level <= logging.WARNING:  # unset: the root's level holds
            _LISTENER.least[name] = math.inf if logger.disabled else logger.level
            logger.disabled = False
            logger.setLevel(logging.WARNING)
        if needed and not logger.isEnabledFor(logging.WARNING):
            raise UndecodableError("not read while logging is disabled: it hides the decoder's warnings")
    before = getattr(_LISTENER.thread, "messages", None)
    messages: list[str] = []
    _LISTENER.thread.messages = messages
    try:
        yield messages
    finally:
        _LISTENER.thread.messages = before
