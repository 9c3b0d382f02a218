"""The GraphQL endpoint: graphql-core with the published schema, or with a minimal one of our own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, OperationType, build_schema, execute_sync, parse, validate
from graphql.utilities import get_operation_ast
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeltui.sandbox.runpod.api.graphql_fields import mutations, queries
from labeltui.sandbox.runpod.api.problems import problem
from labeltui.sandbox.runpod.api.query import world_of
from labeltui.sandbox.runpod.world.refusals import SOMETHING, Refusal
from labeltui.sandbox.runpod.world.requests import Invalid

CONTRACTS = "LABELTUI_CONTRACTS"
"""Variable that names the folder of the published contracts; they are read in place."""


def contracts() -> Path | None:
    """Return the folder of RunPod's published contracts; None if it does not exist."""
    repository = Path(__file__).resolve().parents[4]
    named = os.environ.get(CONTRACTS)
    folder = Path(named) if named else repository.parent / "shared" / "contracts"
    return folder / "runpod" if (folder / "runpod" / "schema.graphql").is_file() else None


@cache
def schema() -> Any:
    """Build the schema: the published one if available, otherwise the minimal one."""
    folder = contracts()
    ours = Path(__file__).with_name("minimal.graphql")
    return build_schema((folder / "schema.graphql" if folder else ours).read_text(encoding="utf-8"))


async def graphql(request: Request) -> Response:
    """Execute one GraphQL operation."""
    world = world_of(request)
    try:
        body = json.loads(await request.body())
        source, variables, name = body["query"], body.get("variables"), body.get("operationName")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _failed("POST body missing", "BAD_REQUEST")
    if not isinstance(source, str):
        return _failed("POST body missing", "BAD_REQUEST")
    try:
        document = parse(source)
    except GraphQLError as error:
        return _failed(error.message, "GRAPHQL_PARSE_FAILED")
    errors = validate(schema(), document)
    if errors or "__schema" in source:
        return _failed(errors[0].message if errors else "introspection is off", "GRAPHQL_VALIDATION_FAILED")
    operation = get_operation_ast(document, name)
    key = world.keys.get(request.headers.get("authorization", "").partition(" ")[2].strip())
    changing = operation is not None and operation.operation is OperationType.MUTATION
    if changing and (key is None or key.scope != "all"):
        return problem(403, "access denied")
    answers = mutations(world) if changing else queries(world)
    root = {field: _guarded(answers.get(field)) for field in _fields(changing)}
    done = execute_sync(schema(), document, root, variable_values=variables, operation_name=name)
    answer: dict[str, Any] = {"data": done.data}
    if done.errors:
        answer = {"errors": [error.formatted for error in done.errors], "data": done.data}
    return JSONResponse(answer)


def _fields(changing: bool) -> list[str]:
    root = schema().mutation_type if changing else schema().query_type
    return list(root.fields)


def _guarded(answer: Callable[..., Any] | None) -> Callable[..., Any]:
    """Make a resolver that turns refusals into GraphQL errors, and a missing ``answer`` into an internal error."""

    def resolve(_info: Any, **arguments: Any) -> Any:
        if answer is None:
            raise GraphQLError(SOMETHING, extensions={"code": "INTERNAL_SERVER_ERROR"})
        try:
            return answer(**arguments)
        except Refusal as refusal:
            if refusal.null:
                return None
            code = refusal.code or "RUNPOD"
            raise GraphQLError(refusal.detail, extensions={"code": code}) from None
        except Invalid as invalid:
            raise GraphQLError(str(invalid), extensions={"code": "BAD_USER_INPUT"}) from None

    return resolve


def _failed(message: str, code: str) -> Response:
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, 400)


ROUTES = [Route("/graphql", graphql, methods=["POST"])]
