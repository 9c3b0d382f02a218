"""Checks every request and answer against RunPod's published OpenAPI, which is read in place and never copied."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from labeltui.sandbox.runpod.api.graphql import contracts

# What RunPod added after the published document, or checks beside it: see the notes that lie with it.
LATER_PARAMETERS = {"limit", "cursor"}


def folder() -> Path | None:
    return contracts()


@cache
def document() -> dict[str, Any] | None:
    found = folder()
    if found is None:
        return None
    return json.loads((found / "openapi" / "rest-v2.openapi.json").read_text())


def operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """Return the template and the operation that a request is for."""
    for template, item in (document() or {})["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in item:
            return template, item[method.lower()]
    raise AssertionError(f"{method} {path} is not published")


def _resolve(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    """Validate a value against a schema of the document. Returns the errors."""
    whole = {**(document() or {}), "$schema": Draft202012Validator.META_SCHEMA["$id"], **schema}
    validator = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def check_answer(response: httpx.Response, body: bytes) -> None:
    """Raise for an answer that violates the published API."""
    request = response.request
    template, published = operation(request.method, request.url.path)
    answers = published["responses"]
    answer = _resolve(answers.get(str(response.status_code)) or answers["default"])
    where = f"{request.method} {template} {response.status_code}"
    unauthenticated = response.status_code == 401
    if answer.get("headers") and not unauthenticated:
        missing = [name for name in answer["headers"] if name not in response.headers]
        assert not missing, f"{where}: no {missing}"
    kind = response.headers.get("content-type", "").partition(";")[0]
    if not answer.get("content"):
        assert body == b"", where
        return
    assert kind in answer["content"], f"{where}: {kind}"
    if kind.endswith("json"):
        wrong = problems(answer["content"][kind]["schema"], json.loads(body))
        assert not wrong, f"{where}: {wrong}"


def check_request(request: httpx.Request) -> None:
    """Raise for a request whose query or body violates the published API."""
    template, published = operation(request.method, request.url.path)
    known = {
        parameter["name"]
        for parameter in map(_resolve, published.get("parameters", []))
        if parameter["in"] == "query"
    }
    unknown = set(request.url.params) - known - LATER_PARAMETERS
    assert not unknown, f"{template}: {unknown}"
    if request.content:
        schema = published["requestBody"]["content"]["application/json"]["schema"]
        wrong = problems(schema, json.loads(request.content))
        assert not wrong, f"{request.method} {template}: {wrong}"
