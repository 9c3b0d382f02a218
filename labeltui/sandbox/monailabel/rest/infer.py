"""REST endpoint for inference with the currently published model."""

from __future__ import annotations

import json
import tempfile
import uuid
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from labeltui.sandbox.monailabel.inference import infer
from labeltui.sandbox.monailabel.log import say
from labeltui.sandbox.monailabel.rest.requests import (
    answer,
    app_of,
    form_object,
    query_choice,
    route,
    stored_upload,
)


def routes() -> list[BaseRoute]:
    """Return the routes for inference."""
    return [route("POST", "/infer/{model}", _infer)]


async def _infer(request: Request) -> Response:
    app, model = app_of(request), str(request.path_params["model"])
    output = query_choice(request, "output", ("image", "json", "all", "dicom_seg"))
    image = request.query_params.get("image", "")
    uploaded: Path | None = None
    async with request.form() as form:
        if isinstance(form.get("file"), UploadFile):
            uploaded = await stored_upload(form, "file")
        elif not image and not request.query_params.get("session_id"):
            raise HTTPException(500, "Neither Image nor File not Session ID input is provided")
        params = form_object(form, "params")
    if app.worklist is not None and "client_id" in params:
        app.worklist.note(params["client_id"])
    wanted = {"model": model, "image": str(uploaded or image), **params}
    say("monailabel.endpoints.infer:169", f"Infer Request: {wanted}")
    source = uploaded or _session_image(request) or app.datastore.image_path(image)
    with tempfile.NamedTemporaryFile(suffix=".nii.gz", delete=False) as target:
        result_file = Path(target.name)
    # Run on the event loop: like the real server, this one answers no other request meanwhile.
    result = infer(app.inferers[model], app.app_dir, source, result_file)
    if params.get("save_label") and image and not uploaded:
        tag = str(params.get("label_tag", "original"))
        app.datastore.save_label(image, result_file, tag, {"model": model, "params": result})
    if uploaded:
        uploaded.unlink(missing_ok=True)
    return _response(output, result, result_file)


def _session_image(request: Request) -> Path | None:
    name = request.query_params.get("session_id", "")
    if not name or Path(name).name != name:
        return None
    info = json.loads((app_of(request).sessions_dir / name / "session.json").read_text())
    return Path(info["image"])


def _response(output: str | None, result: dict[str, Any], file: Path) -> Response:
    remove = BackgroundTask(file.unlink, missing_ok=True)
    if output == "json":
        reply = answer(result)
        reply.background = remove
        return reply
    if output == "image":
        return FileResponse(
            file, media_type="application/octet-stream", filename=file.name, background=remove
        )
    if output == "dicom_seg":
        raise HTTPException(500, "DICOM SEG format is not supported in a non-DICOM datastore")
    boundary = uuid.uuid4().hex
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(result)}\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{file.name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n"
    )
    body = parts.encode() + file.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    return Response(body, media_type=f"multipart/form-data; boundary={boundary}", background=remove)
