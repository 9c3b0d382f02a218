"""The ASGI app: REST v2, GraphQL, and the control route for tests."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from labeltui.sandbox.runpod.api import billing, catalogue, control, graphql, logs, rest
from labeltui.sandbox.runpod.api.gate import Gate, Limits
from labeltui.sandbox.runpod.api.problems import problem
from labeltui.sandbox.runpod.world.world import World


def build_app(
    world: World, limits: Limits | None = None, emulator: control.Controlled | None = None
) -> ASGIApp:
    """Create the app for an emulated account. Without ``emulator``, the control route refuses all requests."""
    routes = [
        *logs.ROUTES,
        *rest.ROUTES,
        *catalogue.ROUTES,
        *billing.ROUTES,
        *graphql.ROUTES,
        *control.ROUTES,
    ]
    app = Starlette(routes=routes, exception_handlers={**rest.HANDLERS, 404: _nowhere, 405: _not_allowed})
    app.state.world = world
    app.state.emulator = emulator
    return Gate(app, world, limits or Limits())


async def _nowhere(request: Request, error: Exception) -> Response:
    return problem(404, "resource not found")


async def _not_allowed(request: Request, error: Exception) -> Response:
    return problem(405, "method not allowed")
