"""What a page says of the examination itself, for those it is handed to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Handover:
    """Who examined an image, when, and how.

    Parameters
    ----------
    examiner, case : str
        Names to print; empty: none.
    date : str
        Date and time, as text; empty: none.
    command : str or None
        The command line.
    """

    examiner: str = ""
    case: str = ""
    date: str = ""
    command: str | None = None
