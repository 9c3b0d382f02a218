"""The ASGI app: REST v2, GraphQL and, for tests only, the control route."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from labeltui.sandbox.runpod.api import control, graph, logs, rest, shop
from labeltui.sandbox.runpod.api.gate import Gate, Limits
from labeltui.sandbox.runpod.api.problems import problem
from labeltui.sandbox.runpod.world.world import World


def build_app(
    world: World, limits: Limits | None = None, emulator: control.Controlled | None = None
) -> ASGIApp:
    """Return the app over a world; with ``emulator`` its control route is there, too."""
    routes = [*logs.ROUTES, *rest.ROUTES, *shop.ROUTES, *graph.ROUTES, *control.ROUTES]
    app = Starlette(routes=routes, exception_handlers={**rest.HANDLERS, 404: _nowhere, 405: _not_allowed})
    app.state.world = world
    app.state.emulator = emulator
    return Gate(app, world, limits or Limits())


def _nowhere(request: Request, error: Exception) -> Response:
    return problem(404, "resource not found")


def _not_allowed(request: Request, error: Exception) -> Response:
    return problem(405, "method not allowed")
