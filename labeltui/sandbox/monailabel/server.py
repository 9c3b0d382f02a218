"""The stand-in's HTTP server: start-up, shutdown and faults as a console sees them from outside."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import traceback
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from labeltui.sandbox.monailabel.application import Application
from labeltui.sandbox.monailabel.log import say, server_config
from labeltui.sandbox.monailabel.rest import data as rest_data
from labeltui.sandbox.monailabel.rest import infer as rest_infer
from labeltui.sandbox.monailabel.rest import rest
from labeltui.sandbox.monailabel.settings import Settings, scenario
from labeltui.sandbox.scenarios import Scenario

_LOOK_EVERY = 0.5  # seconds between two looks for files that came or went


def serve(settings: Settings, arguments: argparse.Namespace) -> None:
    """Serve until a signal; leaves through ``SystemExit(3)`` when start-up fails."""
    uvicorn.run(
        application(settings, scenario()),
        host=arguments.host,
        port=arguments.port,
        root_path=arguments.root_path,
        log_level=arguments.log_level,
        log_config=server_config(settings.app_dir, arguments.verbose),
        access_log=arguments.access_log,
        ssl_keyfile=arguments.ssl_keyfile,
        ssl_certfile=arguments.ssl_certfile,
        ssl_keyfile_password=arguments.ssl_keyfile_password,
        limit_concurrency=arguments.limit_concurrency,
        timeout_graceful_shutdown=2,
    )


def application(settings: Settings, plays: Scenario) -> Starlette:
    """Return the ASGI app; the app object itself is made at start-up, as in the real server."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        print("App Init...", flush=True)
        made = Application(settings, auto_reload=True, origin="monailabel.interfaces.utils.app")
        app.state.monai = made
        say("monailabel.interfaces.app:469", "App Init - completed")
        chores = [asyncio.create_task(chore) for chore in (_watch(made), *_faults(plays))]
        yield
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        print("App Shutdown...", flush=True)

    middleware = [
        Middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"])
    ]
    if plays.answer_delay:
        middleware.append(Middleware(_Slow, seconds=plays.answer_delay))
    return Starlette(
        routes=[*rest.routes(), *rest_data.routes(), *rest_infer.routes()],
        middleware=middleware,
        exception_handlers={HTTPException: _as_json},
        lifespan=lifespan,
    )


async def _as_json(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)


class _Slow:
    """Answers every request some seconds late."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(self._seconds)
        await self._app(scope, receive, send)


async def _watch(made: Application) -> None:
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        if made.datastore.changed_on_disk():
            made.datastore.reconcile()


def _faults(plays: Scenario) -> list[Coroutine[Any, Any, None]]:
    faults = []
    if plays.crash_after is not None:
        faults.append(_crash(plays.crash_after))
    if plays.hostile:
        faults.append(_speak_harm())
    return faults


async def _crash(after: float) -> None:
    """Die as a native fault lets a server die: a traceback, and no shutdown."""
    await asyncio.sleep(after)
    try:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    except RuntimeError:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


async def _speak_harm() -> None:
    """Log what would harm a careless console: markup, escapes, a fake title, a clear, a very long line."""
    lines = (
        "[bold red]not red[/] [@click=app.quit]press[/] $(touch pwned) `touch pwned`",
        "\x1b[2J\x1b[H\x1b]0;title\x07\x1b[31mred\x1b[0m \x9b31m \x1b]52;c;cHduZWQ=\x07",
        "carriage\rreturn, backspace\b\b\b\b, bell\x07, null\x00, override \u202egnitirw\u202c",
        "long " + "x" * 5000,
    )
    while True:
        for line in lines:
            say("standin.hostile:1", line)
            await asyncio.sleep(5)
