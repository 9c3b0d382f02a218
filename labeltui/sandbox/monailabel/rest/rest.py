"""REST endpoints of the session: info, next sample, training, batch inference, scoring."""

from __future__ import annotations

import time
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from labeltui.monailabel.serving.worklist import NAME
from labeltui.sandbox.monailabel.datastore import choose
from labeltui.sandbox.monailabel.log import say
from labeltui.sandbox.monailabel.rest.requests import (
    answer,
    app_of,
    body_object,
    query_choice,
    query_flag,
    route,
)
from labeltui.sandbox.monailabel.tasks import AlreadyRunning, public

_BATCH_DEFAULTS: dict[str, Any] = {
    "device": "cuda",
    "multi_gpu": True,
    "gpus": "all",
    "logging": "WARNING",
    "save_label": True,
    "label_tag": "original",
    "max_workers": 1,
    "max_batch_size": 0,
}


def routes() -> list[BaseRoute]:
    """Return the routes for a session: info, next sample, training, batch inference and scoring."""
    return [
        route("GET", "/", _root),
        route("GET", "/info/", _info),
        route("POST", "/reload", _reload),
        route("POST", "/activelearning/{strategy}", _next_sample),
        route("GET", "/train/", _train_status),
        route("DELETE", "/train/", _train_stop),
        route("POST", "/train/{model}", _train),
        route("GET", "/batch/infer", _batch_status),
        route("DELETE", "/batch/infer", _batch_stop),
        route("POST", "/batch/infer/{model}", _batch),
        route("GET", "/scoring/", _scoring_status),
        route("DELETE", "/scoring/", _scoring_stop),
        route("POST", "/scoring/{method}", _scoring),
    ]


async def _root(request: Request) -> Response:
    return HTMLResponse(
        "<!DOCTYPE html><html><head><title>MONAILabel - APIs</title></head><body></body></html>"
    )


async def _info(request: Request) -> Response:
    return answer(app_of(request).info())


async def _reload(request: Request) -> Response:
    return answer({})


async def _next_sample(request: Request) -> Response:
    strategy = str(request.path_params["strategy"])
    params = await body_object(request)
    app = app_of(request)
    say(
        "monailabel.endpoints.activelearning:44",
        f"Active Learning Request: { ({'strategy': strategy} | params) }",
    )
    if app.worklist is not None and strategy == NAME:
        chosen = app.worklist({"strategy": strategy, **params}, app.datastore)
    else:
        chosen = choose(strategy, app.datastore, app.rng)
    if chosen is None:
        return answer({})
    name = chosen["id"]
    chosen["path"] = str(app.datastore.image_path(name))
    info = app.datastore.image_info(name)
    known = {
        **info.get("strategy", {}),
        strategy: {"ts": int(time.time()), "client_id": params.get("client_id", "admin")},
    }
    app.datastore.update_image_info(name, {"strategy": known})
    result = {**chosen, **info}
    say("monailabel.endpoints.activelearning:60", f"Next sample: {result}")
    return answer(result)


def _status(request: Request, method: str) -> Response:
    tasks = app_of(request).tasks
    everything, running = query_flag(request, "all"), query_flag(request, "check_if_running")
    if running:
        task = tasks.running(method)
        if task is None:
            raise HTTPException(404, f"No {method.capitalize()} Tasks are currently Running")
        return answer(public(task))
    known = tasks.all(method)
    if not known:
        raise HTTPException(404, f"No {method.capitalize()} Tasks Found")
    return answer([public(task) for task in known] if everything else public(known[-1]))


def _submit(request: Request, method: str, body: dict[str, Any], *, enqueue: bool = False) -> Response:
    try:
        return answer(public(app_of(request).tasks.submit(method, body, enqueue=enqueue)))
    except AlreadyRunning as running:
        raise HTTPException(429, str(running)) from None


def _stop(request: Request, method: str) -> Response:
    task = app_of(request).tasks.stop(method)
    return answer(public(task) if task else None)


async def _train_status(request: Request) -> Response:
    return _status(request, "train")


async def _train_stop(request: Request) -> Response:
    return _stop(request, "train")


async def _train(request: Request) -> Response:
    enqueue = query_flag(request, "enqueue")
    body = {"model": request.path_params["model"], **await body_object(request)}
    return _submit(request, "train", body, enqueue=enqueue)


async def _batch_status(request: Request) -> Response:
    return _status(request, "batch_infer")


async def _batch_stop(request: Request) -> Response:
    return _stop(request, "batch_infer")


async def _batch(request: Request) -> Response:
    images = query_choice(request, "images", ("all", "labeled", "unlabeled")) or "all"
    params = await body_object(request) or dict(_BATCH_DEFAULTS)
    return _submit(
        request, "batch_infer", {"model": request.path_params["model"], "images": images, **params}
    )


async def _scoring_status(request: Request) -> Response:
    return _status(request, "scoring")


async def _scoring_stop(request: Request) -> Response:
    return _stop(request, "scoring")


async def _scoring(request: Request) -> Response:
    body = {"method": request.path_params["method"], **await body_object(request)}
    return _submit(request, "scoring", body)
