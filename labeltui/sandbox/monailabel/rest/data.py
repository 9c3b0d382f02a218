"""REST endpoints for stored data: images, labels, logs, model files, upload sessions."""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import shutil
import time
import uuid
from collections import deque
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from labeltui.sandbox.monailabel.catalogue import MODELS, Model
from labeltui.sandbox.monailabel.datastore import LabelNotFound
from labeltui.sandbox.monailabel.log import say
from labeltui.sandbox.monailabel.rest.requests import (
    answer,
    app_of,
    form_object,
    query_choice,
    query_flag,
    query_number,
    query_text,
    route,
    stored_upload,
)

_DATASTORE = "monailabel.endpoints.datastore"
_USER = "admin"


def routes() -> list[BaseRoute]:
    """Return the routes for stored data."""
    return [
        route("GET", "/datastore/", _overview),
        route("PUT", "/datastore/image", _put_image),
        route("GET", "/datastore/image", _get_image),
        route("HEAD", "/datastore/image", _head_image),
        route("DELETE", "/datastore/image", _delete_image),
        route("GET", "/datastore/image/info", _image_info),
        route("PUT", "/datastore/image/info", _put_image_info),
        route("PUT", "/datastore/label", _put_label),
        route("GET", "/datastore/label", _get_label),
        route("HEAD", "/datastore/label", _head_label),
        route("DELETE", "/datastore/label", _delete_label),
        route("GET", "/datastore/label/info", _label_info),
        route("PUT", "/datastore/label/info", _put_label_info),
        route("GET", "/logs/", _logs),
        route("GET", "/logs/gpu", _gpu),
        route("GET", "/model/info/{model}", _model_info),
        route("GET", "/model/{model}", _model_file),
        route("PUT", "/session/", _put_session),
        route("GET", "/session/{name}", _get_session),
        route("DELETE", "/session/{name}", _delete_session),
    ]


async def _overview(request: Request) -> Response:
    output = query_choice(request, "output", ("train", "stats", "all"))
    datastore = app_of(request).datastore
    if output == "all":
        return answer(datastore.document())
    return answer(datastore.training_pairs() if output == "train" else datastore.status())


async def _put_image(request: Request) -> Response:
    async with request.form() as form:
        upload = form.get("file")
        filename = upload.filename if isinstance(upload, UploadFile) and upload.filename else ""
        source = await stored_upload(form, "file")
        params = form_object(form, "params")
    name = request.query_params.get("image") or Path(filename).name.replace(
        "".join(Path(filename).suffixes), ""
    )
    say(f"{_DATASTORE}:68", f"Image: {name}; File: {filename}; params: {json.dumps(params)}")
    try:
        app_of(request).datastore.add_image(name, source, {**params, "user": _USER})
    finally:
        source.unlink(missing_ok=True)
    return answer({"image": name})


async def _get_image(request: Request) -> Response:
    name = query_text(request, "image")
    datastore = app_of(request).datastore
    path = datastore.image_path(name) if name in datastore.objects else None
    if path is None or not path.exists():
        raise HTTPException(404, "Image NOT Found")
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


async def _head_image(request: Request) -> Response:
    if query_text(request, "image") not in app_of(request).datastore.objects:
        raise HTTPException(404, "Image NOT Found")
    return answer({})


async def _delete_image(request: Request) -> Response:
    name = query_text(request, "id")
    say(f"{_DATASTORE}:87", f"Removing Image: {name} by {_USER}")
    app_of(request).datastore.remove_image(name)
    return answer({})


async def _image_info(request: Request) -> Response:
    name = query_text(request, "image")
    datastore = app_of(request).datastore
    info = datastore.image_info(name)
    return answer({**info, "path": str(datastore.image_path(name))} if info else {})


async def _put_image_info(request: Request) -> Response:
    name = query_text(request, "image")
    async with request.form() as form:
        info = form_object(form, "info")
    say(f"{_DATASTORE}:167", f"Update Image Info: {name} by {_USER}")
    app_of(request).datastore.update_image_info(name, {**info, "user": _USER})
    return answer(None)


async def _put_label(request: Request) -> Response:
    name, tag = query_text(request, "image"), request.query_params.get("tag") or "final"
    say(f"{_DATASTORE}:101", f"Saving Label for {name} for tag: {tag} by {_USER}")
    async with request.form() as form:
        source = await stored_upload(form, "label")
        params = form_object(form, "params")
    say(f"{_DATASTORE}:112", f"Save Label params: {json.dumps(params)}")
    try:
        label = app_of(request).datastore.save_label(name, source, tag, params)
    finally:
        source.unlink(missing_ok=True)
    say("monailabel.interfaces.app:493", f"New label saved for: {name} => {label}")
    return answer({"image": name, "label": label})


def _label_path(request: Request, parameter: str) -> Path:
    name, tag = query_text(request, parameter), query_text(request, "tag")
    try:
        path = app_of(request).datastore.label_path(name, tag)
    except LabelNotFound:
        raise HTTPException(404, "Label NOT Found") from None
    if not path.exists():
        raise HTTPException(404, "Label NOT Found")
    return path


async def _get_label(request: Request) -> Response:
    path = _label_path(request, "label")
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


async def _head_label(request: Request) -> Response:
    _label_path(request, "image")
    return answer({})


async def _delete_label(request: Request) -> Response:
    name, tag = query_text(request, "id"), query_text(request, "tag")
    say(f"{_DATASTORE}:127", f"Removing Label: {name} by {_USER}")
    app_of(request).datastore.remove_label(name, tag)
    return answer({})


async def _label_info(request: Request) -> Response:
    return answer(
        app_of(request).datastore.label_info(query_text(request, "label"), query_text(request, "tag"))
    )


async def _put_label_info(request: Request) -> Response:
    name, tag = query_text(request, "label"), query_text(request, "tag")
    async with request.form() as form:
        info = form_object(form, "info")
    say(f"{_DATASTORE}:182", f"Update Label Info: {name} for {tag} by {_USER}")
    app_of(request).datastore.update_label_info(name, tag, {**info, "user": _USER})
    return answer(None)


async def _logs(request: Request) -> Response:
    lines, text = query_number(request, "lines", 300), query_flag(request, "text")
    page = query_flag(request, "html") if "html" in request.query_params else True
    path = app_of(request).app_dir / "logs" / "app.log"
    if not path.is_file():
        raise HTTPException(404, f"Log File {path} NOT Found")
    if lines <= 0:
        return FileResponse(path, media_type="text/plain")
    with path.open(encoding="utf-8", errors="replace") as log:
        last = "".join(deque(log, lines))
    if page and not text:
        return HTMLResponse(f"<html><body><pre>{html.escape(last)}</pre></body></html>")
    return PlainTextResponse(last)


async def _gpu(request: Request) -> Response:
    program = shutil.which("nvidia-smi")
    if program is None:
        raise FileNotFoundError(2, "No such file or directory: 'nvidia-smi'")
    process = await asyncio.create_subprocess_exec(program, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return PlainTextResponse(output.decode(errors="replace"))


def _weights(request: Request) -> tuple[Model, Path]:
    name = str(request.path_params["model"])
    app = app_of(request)
    model = app.inferers.get(name) or MODELS.get(name)
    path = model.published(app.app_dir) if model else None
    if model is None or path is None or not path.exists():
        raise HTTPException(404, f"Model File NOT Found for {name}")
    return model, path


async def _model_file(request: Request) -> Response:
    say("monailabel.endpoints.model:47", f"Download model file for: {request.path_params['model']}")
    model, path = _weights(request)
    return FileResponse(path, media_type="application/octet-stream", filename=f"{model.name}.pt")


async def _model_info(request: Request) -> Response:
    model, path = _weights(request)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    stats = app_of(request).train_stats(model)
    modified = int(path.stat().st_mtime)
    return answer({"checksum": f"SHA256:{checksum}", "modified_time": modified, "train_stats": stats})


def _session_file(request: Request, name: str) -> Path:
    path = app_of(request).sessions_dir / name / "session.json"
    if Path(name).name != name or not path.exists():
        raise HTTPException(404, f"Session ({name}) Not Found")
    return path


async def _put_session(request: Request) -> Response:
    query_flag(request, "uncompress")
    asked = query_number(request, "expiry", 0)
    expiry = min(asked, 3600) if asked > 60 else 3600
    name = str(uuid.uuid1())
    folder = app_of(request).sessions_dir / name
    async with request.form() as form:
        sources = [
            (upload, await upload.read())
            for upload in form.getlist("files")
            if isinstance(upload, UploadFile)
        ]
    folder.mkdir(parents=True)
    paths = [folder / Path(upload.filename or "image.nii.gz").name for upload, _ in sources]
    for path, (_, data) in zip(paths, sources, strict=True):
        path.write_bytes(data)
    now = int(time.time())
    info: dict[str, Any] = {
        "name": name,
        "path": str(folder),
        "image": str(paths[0] if len(paths) == 1 else folder),
        "meta": {},
        "create_ts": now,
        "last_access_ts": now,
        "expiry": expiry,
    }
    (folder / "session.json").write_text(json.dumps(info))
    return answer({"session_id": name, "session_info": info})


async def _get_session(request: Request) -> Response:
    return answer(json.loads(_session_file(request, str(request.path_params["name"])).read_text()))


async def _delete_session(request: Request) -> Response:
    path = _session_file(request, str(request.path_params["name"]))
    info = json.loads(path.read_text())
    shutil.rmtree(path.parent)
    return answer(info)
