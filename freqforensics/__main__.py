"""`python -m freqforensics` is the command line; so is the console script, by `main`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Final

_LINE: Final = "freqforensics: interrupted: no half-written file was left\n"
_AGAIN: Final = 0.25
"""Seconds until an interrupt that nothing came of is repeated."""


def main() -> None:
    """Run the command line. Ctrl-C is one line and exit code 130 from the first import on."""
    interrupts: list[int] = []
    process = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        """End at once what has not begun to work, such as imports; what works is interrupted, and cleans up."""
        interrupts.append(number)
        if hasattr(signal, "setitimer") and os.getpid() == process:  # no forked worker
            signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
        if not _works(frame):
            # An exception could become another one here: extension modules turn it into an ImportError.
            os.write(2, _LINE.encode())
            os._exit(130)
        raise KeyboardInterrupt

    def repeat(number: int, frame: FrameType | None) -> None:
        """Interrupt again: an extension module or an import may have dropped the exception. Who cleans up goes on."""
        if not _is_heeded(sys.exception()):
            interrupt(number, frame)

    heeds = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not under nohup, nor of another program
    )
    try:
        if heeds:
            signal.signal(signal.SIGINT, interrupt)
            if hasattr(signal, "SIGALRM"):
                signal.signal(signal.SIGALRM, repeat)
        from freqforensics.cli import main as run

        run()
    except (KeyboardInterrupt, Exception):
        if not interrupts:
            raise
        _stop_repeating()
        sys.stderr.write(_LINE)
        raise SystemExit(130) from None
    finally:
        if heeds:
            _stop_repeating()
            if hasattr(signal, "SIGALRM"):
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop_repeating() -> None:
    """Stop the timer that repeats an interrupt."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _is_heeded(handled: BaseException | None) -> bool:
    """Whether the exception that is being handled is an interrupt, or came while one was."""
    while handled is not None:
        if isinstance(handled, KeyboardInterrupt):
            return True
        handled = handled.__context__
    return False


def _works(frame: FrameType | None) -> bool:
    """Whether a function of the library, rather than of the command line or the top of a module, is under way."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if (
            module.startswith("freqforensics.")
            and frame.f_code.co_name != "<module>"
            and not module.startswith(("freqforensics.cli", "freqforensics.__main__"))
        ):
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    main()
