"""The server: a socket of this machine alone, signals, and the end of it all."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from freqforensics.app.port import ADDRESS
from freqforensics.app.session import Session
from freqforensics.app.site import create_site

_LOOK_EVERY: Final = 2.0
_ASLEEP: Final = 30.0
"""Seconds after which the computer must have been asleep."""


def serve(
    session: Session,
    server_socket: socket.socket,
    *,
    on_start: Callable[[str], None],
    token: str | None = None,
) -> str:
    """Serve the page until somebody leaves it, then delete everything.

    Parameters
    ----------
    session : Session
        Closed at the end.
    server_socket : socket
        From `bind`.
    on_start : callable
        Called in a thread with the address, once the page can be opened.
    token : str, optional
        First part of every path; default a random one of 192 bits.

    Returns
    -------
    str
        Why it ended: "closed" on the page, "away" (no page was open for a while), or "stopped" by a signal.
    """
    port = server_socket.getsockname()[1]
    token = token or secrets.token_urlsafe(24)
    server, reason = _Server(session), ["stopped"]

    def close() -> None:
        reason[0] = "closed"
        server.should_exit = True

    def leave() -> None:
        reason[0] = "away"
        server.should_exit = True

    site = create_site(session, token=token, port=port, on_close=close)
    server.use(site, on_away=leave)
    address = f"http://{ADDRESS}:{port}/{token}/"
    starting = threading.Thread(target=server.tell, args=(lambda: on_start(address),), daemon=True)
    starting.start()
    try:
        with _handling(server):
            server.run(sockets=[server_socket])
    finally:
        server_socket.close()
        session.close()
    return reason[0]


class _Server(uvicorn.Server):
    """A server that deletes everything before signals take their course, and ends when no page is open."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.on_away: Callable[[], None] = lambda: None
        self._can_be_opened = threading.Event()

    def use(self, site: Any, *, on_away: Callable[[], None]) -> None:
        self.on_away = on_away
        config = uvicorn.Config(
            site,
            log_level="critical",
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)

    def tell(self, on_start: Callable[[], None]) -> None:
        if self._can_be_opened.wait(30):
            on_start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._can_be_opened.set()
        self._watching = asyncio.create_task(self._watch())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._watching.cancel()
        await super().shutdown(sockets=sockets)
        await asyncio.to_thread(self.session.close)

    async def _watch(self) -> None:
        while not self.should_exit:
            before = time.monotonic()
            await asyncio.sleep(_LOOK_EVERY)
            if time.monotonic() - before > _ASLEEP:  # so were the pages
                self.session.seen()
            if self.session.abandoned:
                self.on_away()


@contextlib.contextmanager
def _handling(server: uvicorn.Server) -> Iterator[None]:
    """End in good order at Ctrl-C, when the terminal is closed, and when the process is told to end.

    Uvicorn sends itself again, once it has ended, what it was ended by.
    """
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        server.should_exit = True

    before = {name: signal.signal(getattr(signal, name), stop) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
