"""The stand-in's HTTP server: start-up, shutdown, and the faults of a scenario."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
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
from labeltui.sandbox.monailabel.rest.requests import Unprocessable
from labeltui.sandbox.monailabel.settings import Settings, current_scenario
from labeltui.sandbox.scenarios import Scenario

_POLL_EVERY_S = 0.5  # interval for detecting added and removed files


def serve(settings: Settings, arguments: argparse.Namespace) -> None:
    """Serve until a signal arrives. Raises ``SystemExit(3)`` if the start-up fails."""
    uvicorn.run(
        application(settings, current_scenario()),
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


def application(settings: Settings, scenario: Scenario) -> Starlette:
    """Make the ASGI app. It creates MONAI Label's app object at start-up, as the real server does."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        print("App Init...", flush=True)
        monai = Application(settings, auto_reload=True, origin="monailabel.interfaces.utils.app")
        app.state.monai = monai
        say("monailabel.interfaces.app:469", "App Init - completed")
        chores = [asyncio.create_task(chore) for chore in (_watch(monai), *_faults(scenario))]
        yield
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        print("App Shutdown...", flush=True)

    middleware = [
        Middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"])
    ]
    if scenario.answer_delay:
        middleware.append(Middleware(_Slow, seconds=scenario.answer_delay))
    return Starlette(
        routes=[*rest.routes(), *rest_data.routes(), *rest_infer.routes()],
        middleware=middleware,
        exception_handlers=_HANDLERS,
        lifespan=lifespan,
    )


async def _as_json(request: Request, error: HTTPException) -> Response:
    detail: Any = error.errors if isinstance(error, Unprocessable) else error.detail
    return JSONResponse({"detail": detail}, status_code=error.status_code, headers=error.headers)


_HANDLERS: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {HTTPException: _as_json}


class _Slow:
    """Delays every answer by some seconds."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(self._seconds)
        await self._app(scope, receive, send)


async def _watch(monai: Application) -> None:
    while True:
        await asyncio.sleep(_POLL_EVERY_S)
        if monai.datastore.changed_on_disk():
            monai.datastore.reconcile()


def _faults(scenario: Scenario) -> list[Coroutine[Any, Any, None]]:
    faults = []
    if scenario.crash_after is not None:
        faults.append(_crash(scenario.crash_after))
    if scenario.hostile:
        faults.append(_speak_harm())
    return faults


async def _crash(after: float) -> None:
    """Crash as after a fault in native code: write a traceback and skip the shutdown."""
    await asyncio.sleep(after)
    try:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    except RuntimeError:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


async def _speak_harm() -> None:
    """Log hostile text: markup, terminal escapes, a fake title, a clear-screen, a very long line."""
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
