"""A port of this machine."""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

ADDRESS: Final = "127.0.0.1"


def bind(port: int) -> socket.socket:
    """Take a port of 127.0.0.1; 0 takes a free one.

    Raises
    ------
    ValueError
        The port is taken, or may not be used.
    """
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would take a port that another program listens at
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((ADDRESS, port))
    except OSError as error:
        server.close()
        reason = "a free one" if error.errno == errno.EADDRINUSE else "one that you may use"
        raise ValueError(f"port must be {reason}, got {port} ({(error.strerror or str(error)).lower()})") from error
    return server
