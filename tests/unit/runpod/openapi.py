"""RunPod's published OpenAPI, read in place because its licence does not allow copies."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests import contracts

URI = "urn:runpod"


@cache
def spec() -> Any:
    """Return the published document. Without it, the test is skipped, or fails in CI."""
    return json.loads(contracts.required("openapi/rest-v2.openapi.json").read_text("utf-8"))


def resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found = spec()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _registry() -> Registry[Any]:
    return Registry().with_resource(URI, Resource.from_contents(spec(), default_specification=DRAFT202012))


def _rebased(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            k: f"{URI}{v}" if k == "$ref" and isinstance(v, str) and v.startswith("#") else _rebased(v)
            for k, v in schema.items()
        }
    return [_rebased(item) for item in schema] if isinstance(schema, list) else schema


def faults(schema: Any, value: Any) -> list[str]:
    """Return the errors of a value against a schema."""
    validator = Draft202012Validator(_rebased(schema), registry=_registry(), format_checker=FormatChecker())
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(value)]


def operation(method: str, path: str) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """Return a route's template, operation and parameters. Fails for a route that is not published."""
    for template, item in spec()["paths"].items():
        pattern = re.sub(r"\\\{[^/]+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in item:
            found = item[method.lower()]
            shared = [*item.get("parameters", []), *found.get("parameters", [])]
            return template, found, [resolved(parameter) for parameter in shared]
    pytest.fail(f"RunPod publishes no {method} {path}")


def json_schema(holder: dict[str, Any]) -> Any:
    """The schema of a body, None when it has none."""
    content = resolved(holder).get("content", {})
    kinds = [kind for kind in content if "json" in kind]
    return content[kinds[0]]["schema"] if kinds else None


def examples(method: str, template: str, status: str) -> list[Any]:
    """The published examples of an answer."""
    answer = resolved(spec()["paths"][template][method.lower()]["responses"][status])
    return [
        example["value"]
        for kind in answer.get("content", {}).values()
        for example in kind.get("examples", {}).values()
    ]
