"""A route for tests only, to set faults, cause events and advance the clock."""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeltui.sandbox.runpod.world import events
from labeltui.sandbox.runpod.world.events import UnknownEvent
from labeltui.sandbox.runpod.world.faults import UnknownFault
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import World

HEADER = "X-Labeltui-Control"


class Containers(Protocol):
    """The part of the containers that a test controls."""

    def home(self, pod_id: str) -> Path | None:
        """Return the home folder inside a running pod; None if the pod does not run."""
        ...

    def drop(self, pod_id: str, *, refuse: bool) -> None:
        """Break a pod's SSH connections. If ``refuse`` is True, refuse new ones until the next call."""
        ...


class Controlled(Protocol):
    """The part of the running emulator that the control route uses."""

    world: World
    control_token: str

    @property
    def containers(self) -> Containers:
        """The containers of the emulator's running pods."""
        ...

    async def settle(self) -> None:
        """Carry out all due steps, and wait until the containers have finished their jobs."""
        ...

    async def advance(self, span: float) -> None:
        """Advance a fake clock by ``span`` seconds, and settle. Raises ``TypeError`` for a real clock."""
        ...


async def control(request: Request) -> Response:
    """Carry out the command in the path: ``fault``, ``clear``, ``event``, ``advance``, ``drop`` or ``state``."""
    emulator: Controlled | None = request.app.state.emulator
    token = request.headers.get(HEADER, "")
    if emulator is None or not hmac.compare_digest(token.encode(), emulator.control_token.encode()):
        return JSONResponse({"error": "the control token is missing or wrong"}, 403)
    try:
        parameters = json.loads(await request.body() or b"{}")
        answer = await _do(emulator, request.path_params["what"], parameters)
    except (UnknownFault, UnknownEvent, TypeError, ValueError, KeyError, Refusal) as error:
        return JSONResponse({"error": str(error)}, 400)
    return JSONResponse({"answer": answer})


async def _do(emulator: Controlled, what: str, parameters: dict[str, Any]) -> Any:
    world = emulator.world
    if what == "fault":
        world.faults.arm(parameters.pop("name"), **parameters)
    elif what == "clear":
        world.faults.clear(parameters.get("name"))
    elif what == "event":
        answer = events.happen(world, parameters.pop("name"), **parameters)
        await emulator.settle()
        return answer
    elif what == "advance":
        await emulator.advance(float(parameters["seconds"]))
    elif what == "drop":
        emulator.containers.drop(parameters["pod"], refuse=bool(parameters.get("refuse")))
    elif what == "state":
        await emulator.settle()
    else:
        raise ValueError(f"there is no control {what!r}")
    return state(emulator)


def state(emulator: Controlled) -> dict[str, Any]:
    """Return facts for tests that the API does not show. Amounts of money are exact decimal strings."""
    world = emulator.world
    return {
        "now": world.now.isoformat(),
        "balance": str(world.balance()),
        "rate": str(world.ledger.rate()),
        "pods": {
            pod.id: {
                "name": pod.spec.name,
                "status": pod.status,
                "starts": pod.starts,
                "home": str(emulator.containers.home(pod.id) or "") or None,
            }
            for pod in world.pods.values()
        },
        "gone": list(world.gone),
        "faults": [fault.name for fault in world.faults.armed],
    }


ROUTES = [Route("/_control/{what}", control, methods=["POST"])]
