"""What decoders say on the side: kept off the terminal, and given to who asked them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from freqforensics.images.samples import UndecodableError

_LOGGERS: Final = ("imagecodecs", "tifffile")  # libtiff and libpng speak through the first


class _Listener(logging.Filter):
    """Takes what is logged in a thread that listens; passes on all else."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        heard: list[str] | None = getattr(self.thread, "heard", None)
        if heard is None:
            return True
        heard.append(record.getMessage())
        return False


_LISTENER: Final = _Listener()


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect what decoders log in this thread, instead of letting it reach the terminal.

    Yields
    ------
    list of str
        Grows while the decoders work.

    Raises
    ------
    UndecodableError
        `logging.disable` keeps warnings from being heard.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.addFilter(_LISTENER)  # once: a filter is not added twice
        if not logger.level:
            logger.setLevel(logging.WARNING)  # whatever the root's level is
        if not logger.isEnabledFor(logging.WARNING):
            raise UndecodableError("not read while logging is disabled: it hides the decoder's warnings")
    before = getattr(_LISTENER.thread, "heard", None)
    heard: list[str] = []
    _LISTENER.thread.heard = heard
    try:
        yield heard
    finally:
        _LISTENER.thread.heard = before
