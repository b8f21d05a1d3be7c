"""`python -m freqforensics` is the command line; so is the console script, by `main`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Final

_LINE: Final = "freqforensics: interrupted: no half-written file was left\n"


def main() -> None:
    """Run the command line. Ctrl-C is one line and exit code 130 from the first import on."""
    interrupts: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        """End at once what has not begun to work, such as imports; what works is interrupted, and cleans up."""
        interrupts.append(number)
        if not _works(frame):
            # An exception could become another one here: extension modules turn it into an ImportError.
            os.write(2, _LINE.encode())
            os._exit(130)
        raise KeyboardInterrupt

    heeds = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not under nohup, nor of another program
    )
    try:
        if heeds:
            signal.signal(signal.SIGINT, interrupt)
        from freqforensics.cli import main as run

        run()
    except (KeyboardInterrupt, Exception):
        if not interrupts:
            raise
        sys.stderr.write(_LINE)
        raise SystemExit(130) from None
    finally:
        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)


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
