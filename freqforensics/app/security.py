"""Who may ask: a guard in front of every route, and headers on every response."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLOSED: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content security policy of whatever sets none of its own: nothing is loaded, nothing is run."""
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
_READS: Final = ("GET", "HEAD")


class Guard:
    """Refuse requests of other hosts, other origins, and without the token; set the headers of all responses.

    The Host header must be this machine's own name for itself, which a name that an attacker points at 127.0.0.1 is not
    (DNS rebinding). What changes something must come from a page of the same origin. The token is the first part of the
    path: cookies are shared by all ports of a machine.

    Parameters
    ----------
    app : ASGI application
        Gets paths without the token.
    token : str
    port : int
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = tuple(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", CLOSED)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await PlainTextResponse(f"{refusal}\n", 403, {"Connection": "close"})(scope, receive, send_guarded)
            return
        path = scope["path"][len(self.token) + 1 :]
        if not path:
            await RedirectResponse(f"/{self.token}/")(scope, receive, send_guarded)
            return
        await self.app({**scope, "path": path, "raw_path": path.encode()}, receive, send_guarded)

    def _refusal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if len(headers.getlist("host")) != 1 or host not in self.hosts:
            return "This host is refused: the page is at 127.0.0.1."
        token = scope["path"].removeprefix("/").partition("/")[0]
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return "Open the address that the terminal shows, with all its letters."
        if scope["method"] not in _READS and headers.get("origin", "").lower() != f"http://{host}":
            return "This origin is refused: requests must come from the page itself."
        return ""


def policy(*, scripts: Sequence[str] = (), styles: Sequence[str] = (), also: str = "") -> str:
    """Give a content security policy that runs and styles only what is named by its hash."""
    parts = [CLOSED]
    if scripts:
        parts.append(f"script-src {' '.join(scripts)}")
    if styles:
        parts.append(f"style-src {' '.join(styles)}")
    return "; ".join([*parts, also] if also else parts)


def attachment(name: str, ending: str) -> str:
    r"""Give the Content-Disposition of a download; no letter of a hostile name gets through as it is.

    >>> print(attachment('a"b\r\n.png', "-report.html"))
    attachment; filename="a_b__.png-report.html"; filename*=UTF-8''a%22b%0D%0A.png-report.html
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return f"attachment; filename=\"{plain}{ending}\"; filename*=UTF-8''{quote(name + ending, safe='')}"
