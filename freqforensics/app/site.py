"""The routes of the page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import cache, wraps
from importlib.resources import files
from typing import Any, Final

import jinja2
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from freqforensics._version import __version__
from freqforensics.app.folders import count_pictures, folder_at
from freqforensics.app.jobs import Job
from freqforensics.app.limits import RefusedError, megabytes
from freqforensics.app.reports import FILES, PAGE, PRINT, SPECTRA, THUMBNAIL, page_scripts, printing, source_of
from freqforensics.app.security import Guard, attachment, policy
from freqforensics.app.session import Session
from freqforensics.images import SUFFIXES, ImageReadError

Handler = Callable[[Request], Awaitable[Response]]
_MOST_JSON: Final = 16 << 10
_LIMITS: Final = {"50": 50, "200": 200, "all": None}
_SANDBOX: Final = (
    "img-src data:; style-src 'unsafe-inline'; "
    "sandbox allow-scripts allow-modals allow-downloads allow-popups allow-popups-to-escape-sandbox"
)
"""A report has an origin of its own: it cannot ask for anything of the page, nor of the network."""


def create_site(session: Session, *, token: str, port: int, on_close: Callable[[], None]) -> ASGIApp:
    """Give the application.

    Parameters
    ----------
    session : Session
    token : str
        First part of every path.
    port : int
        Port of this machine that it is served at.
    on_close : callable
        Called when somebody closes the program on the page.

    Returns
    -------
    ASGI application
    """
    site = _Site(session, on_close)
    routes = [
        Route("/", site.page),
        Route("/state", site.state),
        Route("/pictures", site.take_picture, methods=["POST"]),
        Route("/folders", site.take_folder, methods=["POST"]),
        Route("/folders/check", site.check_folder, methods=["POST"]),
        Route("/close", site.close, methods=["POST"]),
        Route("/jobs/{key}", site.remove, methods=["DELETE"]),
        Route("/jobs/{key}/whole", site.again, methods=["POST"]),
        Route("/jobs/{key}/closer/{number:int}", site.closer, methods=["POST"]),
        Route("/jobs/{key}/thumbnail", site.thumbnail),
        Route("/jobs/{key}/report", site.report),
        Route("/jobs/{key}/print", site.print_view),
        Route("/jobs/{key}/download", site.download),
        Route("/jobs/{key}/files/{name}", site.file),
    ]
    handlers: dict[Any, Any] = {HTTPException: _plain_error, Exception: _unexpected}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token=token, port=port)


def _answering(handler: Callable[[Any, Request], Awaitable[Response]]) -> Callable[[Any, Request], Awaitable[Response]]:
    """Turn a refusal into one line."""

    @wraps(handler)
    async def answer(self: Any, request: Request) -> Response:
        try:
            return await handler(self, request)
        except RefusedError as refusal:
            return _refused(str(refusal), refusal.status)
        except ImageReadError as error:
            return _refused(error.reason, 400)
        except ClientDisconnect:
            return Response(status_code=400)
        except OSError as error:
            return _refused(f"It could not be stored: {(error.strerror or 'unknown error').lower()}.", 507)

    return answer


class _Site:
    """Handlers of one session."""

    def __init__(self, session: Session, on_close: Callable[[], None]) -> None:
        self.session, self.on_close = session, on_close

    async def page(self, request: Request) -> Response:
        self.session.seen()
        text, csp = _front_page()
        limits = self.session.limits
        html = text.render(
            version=__version__,
            css=Markup(_text("app.css")),
            script=Markup(_text("app.js")),
            accept=",".join(sorted(SUFFIXES)),
            file_bytes=limits.file_bytes,
            file_size=megabytes(limits.file_bytes),
            jobs=limits.jobs,
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": csp})

    async def state(self, request: Request) -> Response:
        self.session.seen()
        return JSONResponse(self.session.state())

    @_answering
    async def take_picture(self, request: Request) -> Response:
        self.session.seen()
        query, announced = request.query_params, request.headers.get("content-length", "0")
        size = int(announced) if announced.isdecimal() else 0
        job = await self.session.take_picture(query.get("name", ""), query.get("mode", "quick"), size, request.stream())
        return _taken(job)

    @_answering
    async def take_folder(self, request: Request) -> Response:
        body = await _json(request)
        limit = str(body.get("limit"))
        if limit not in _LIMITS:
            raise RefusedError(f"limit must be one of {', '.join(_LIMITS)}.")
        return _taken(await asyncio.to_thread(self.session.take_folder, str(body.get("path", "")), _LIMITS[limit]))

    @_answering
    async def check_folder(self, request: Request) -> Response:
        body = await _json(request)
        path = await asyncio.to_thread(folder_at, str(body.get("path", "")))
        return JSONResponse({"text": await asyncio.to_thread(count_pictures, path)})

    @_answering
    async def remove(self, request: Request) -> Response:
        await asyncio.to_thread(self.session.queue.remove, request.path_params["key"])
        return Response(status_code=204)

    @_answering
    async def again(self, request: Request) -> Response:
        return _taken(await asyncio.to_thread(self.session.again, request.path_params["key"]))

    @_answering
    async def closer(self, request: Request) -> Response:
        parameters = request.path_params
        return _taken(await asyncio.to_thread(self.session.closer, parameters["key"], parameters["number"]))

    async def close(self, request: Request) -> Response:
        await asyncio.to_thread(self.session.close)
        self.on_close()
        return Response(status_code=204)

    @_answering
    async def thumbnail(self, request: Request) -> Response:
        return self._file(request, THUMBNAIL, "image/jpeg")

    @_answering
    async def report(self, request: Request) -> Response:
        text = await self._report(request)
        return HTMLResponse(text, headers=_report_headers(page_scripts()))

    @_answering
    async def print_view(self, request: Request) -> Response:
        text = printing(await self._report(request))
        return HTMLResponse(text, headers=_report_headers((*page_scripts(), source_of(PRINT))))

    @_answering
    async def download(self, request: Request) -> Response:
        job = self.session.queue.job(request.path_params["key"])
        response = self._file(request, PAGE, "text/html; charset=utf-8")
        response.headers["Content-Disposition"] = attachment(job.name, "-report.html")
        return response

    @_answering
    async def file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            raise RefusedError("There is no such file.", 404)
        response = self._file(request, f"{SPECTRA}/{name}", FILES[name])
        if not name.endswith(".png"):
            response.headers["Content-Disposition"] = attachment("folder-", name)
        return response

    async def _report(self, request: Request) -> str:
        path = self.session.queue.job(request.path_params["key"]).folder / PAGE
        if not path.exists():
            raise RefusedError("There is no report of this entry.", 404)
        return await asyncio.to_thread(lambda: path.read_text(encoding="utf-8"))

    def _file(self, request: Request, name: str, kind: str) -> Response:
        path = self.session.queue.job(request.path_params["key"]).folder / name
        if not path.is_file():
            raise RefusedError("There is no such file.", 404)
        return FileResponse(path, media_type=kind)


@cache
def _front_page() -> tuple[jinja2.Template, str]:
    """Give the template of the page, and its policy."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("freqforensics.app", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    csp = policy(
        scripts=[source_of(_text("app.js"))],
        styles=[source_of(_text("app.css"))],
        also="img-src 'self' data:; connect-src 'self'",
    )
    return environment.get_template("app.html"), csp


@cache
def _text(name: str) -> str:
    return (files("freqforensics.app") / "templates" / name).read_text(encoding="utf-8")


def _report_headers(scripts: tuple[str, ...]) -> dict[str, str]:
    return {"Content-Security-Policy": policy(scripts=scripts, also=_SANDBOX), "Referrer-Policy": "no-referrer"}


async def _json(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_JSON:
            raise RefusedError("The request is too long.", 413)
    try:
        values = json.loads(body)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise RefusedError("The request is no JSON object.")
    return values


def _taken(job: Job) -> Response:
    return JSONResponse({"key": job.key}, 201)


def _refused(line: str, status: int) -> Response:
    # What was not read of the request would be taken for the next one.
    return JSONResponse({"error": line}, status, {"Connection": "close"})


async def _plain_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse(f"{'There is nothing here.' if status == 404 else 'Not allowed.'}\n", status)


async def _unexpected(request: Request, error: Exception) -> Response:
    return _refused(f"Something went wrong ({type(error).__name__}).", 500)
