"""REST v2: pods, network volumes and SSH keys."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeltui.sandbox.runpod.api.present import pod_json, volume_json
from labeltui.sandbox.runpod.api.problems import problem
from labeltui.sandbox.runpod.api.query import whole, world_of
from labeltui.sandbox.runpod.world import edits, requests, timeline
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import World

_PAGE = 100


async def body_of(request: Request) -> Any:
    """Return the JSON body. Raises :class:`Refusal` 400."""
    try:
        return json.loads(await request.body())
    except ValueError:
        raise Refusal(400, "request body is not valid JSON") from None


async def pods(request: Request) -> Response:
    """GET: list the pods. POST: rent one."""
    world = world_of(request)
    if request.method == "GET":
        rows = [pod_json(world, pod) for pod in world.list_pods()]
        return JSONResponse(page(request, world, "pods", rows))
    body = requests.check(requests.CreatePod, await body_of(request))
    pod = timeline.create(world, requests.spec_of(body))
    return JSONResponse(pod_json(world, pod), 201)


async def pod(request: Request) -> Response:
    """GET, PATCH or DELETE one pod."""
    world, pod_id = world_of(request), request.path_params["id"]
    if request.method == "DELETE":
        timeline.act(world, pod_id, "terminate")
        return Response(status_code=204)
    if request.method == "PATCH":
        changes = requests.check(requests.UpdatePod, await body_of(request))
        return JSONResponse(pod_json(world, edits.update(world, pod_id, changes)))
    return JSONResponse(pod_json(world, world.pod(pod_id)))


async def action(request: Request) -> Response:
    """Start, stop, restart or terminate a pod."""
    world = world_of(request)
    wanted = requests.check(requests.Action, await body_of(request)).action
    pod = timeline.act(world, request.path_params["id"], wanted)
    if wanted == "terminate":
        return Response(status_code=204)
    return JSONResponse(pod_json(world, pod))


async def volumes(request: Request) -> Response:
    """GET: list the network volumes. POST: create one."""
    world = world_of(request)
    if request.method == "GET":
        newest = sorted(world.volumes.values(), key=lambda one: (one.created_at, one.id), reverse=True)
        return JSONResponse(page(request, world, "networkVolumes", [volume_json(one) for one in newest]))
    body = requests.check(requests.CreateVolume, await body_of(request))
    return JSONResponse(volume_json(edits.create_volume(world, body)), 201)


async def volume(request: Request) -> Response:
    """GET, PATCH or DELETE one network volume."""
    world, volume_id = world_of(request), request.path_params["id"]
    if request.method == "DELETE":
        edits.delete_volume(world, volume_id)
        return Response(status_code=204)
    if request.method == "PATCH":
        body = await body_of(request)
        changes = requests.check(requests.UpdateVolume, body)
        if not body:
            raise requests.Invalid(["$: minProperties: got 0, want 1"])
        return JSONResponse(volume_json(edits.update_volume(world, volume_id, changes)))
    return JSONResponse(volume_json(edits.volume(world, volume_id)))


async def ssh_keys(request: Request) -> Response:
    """GET the account's keys, or PUT a new list."""
    world = world_of(request)
    if request.method == "PUT":
        world.ssh_keys = requests.check(requests.SshKeys, await body_of(request)).keys
    return JSONResponse({"keys": world.ssh_keys})


def page(request: Request, world: World, name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one page of the rows. The cursor is the id of the page's last row."""
    limit = whole(request, "limit", _PAGE, 1, 1000)
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        ids = [row["id"] for row in rows]
        if cursor not in ids:
            raise Refusal(400, "invalid cursor")
        rows = rows[ids.index(cursor) + 1 :]
    if world.faults.take("short_pages") is not None:
        limit = 1
    more = len(rows) > limit
    rows = rows[:limit]
    return {name: rows, "pagination": {"nextCursor": rows[-1]["id"] if more else None, "hasNextPage": more}}


async def refused(request: Request, refusal: Refusal) -> Response:
    """Make the answer for a :class:`Refusal`."""
    return problem(refusal.status, refusal.detail)


async def invalid(request: Request, error: requests.Invalid) -> Response:
    """Make the answer for :class:`requests.Invalid`."""
    return problem(422, "Request validation failed.", error.errors)


Handler = Callable[[Request, Any], Awaitable[Response]]
HANDLERS: dict[Any, Handler] = {Refusal: refused, requests.Invalid: invalid}

ROUTES = [
    Route("/v2/pods", pods, methods=["GET", "POST"]),
    Route("/v2/pods/{id}", pod, methods=["GET", "PATCH", "DELETE"]),
    Route("/v2/pods/{id}/action", action, methods=["POST"]),
    Route("/v2/network-volumes", volumes, methods=["GET", "POST"]),
    Route("/v2/network-volumes/{id}", volume, methods=["GET", "PATCH", "DELETE"]),
    Route("/v2/account/ssh-keys", ssh_keys, methods=["GET", "PUT"]),
]
