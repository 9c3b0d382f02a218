"""What only RunPod's GraphQL has (balance, spend per hour, limit), and pods when REST v2 is switched off.

The SDK's own functions paste values into queries as they are, so a quotation mark in a name changes what is
asked for. Here every value goes through :func:`literal`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Pod
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod.graphql import pods as graphql_pods
from labeltui.runpod.graphql.sdk import Sdk
from labeltui.runpod.keys import Secret
from labeltui.runpod.problems import Doing, no_capacity, pod_gone
from labeltui.runpod.wire import decimal


class Enum(StrEnum):
    """A word of GraphQL's own, written without quotation marks."""

    SECURE = "SECURE"
    COMMUNITY = "COMMUNITY"


def literal(value: object) -> str:
    """A value as GraphQL writes it. Raises ValueError for a field name that is none."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, str):
        # JSON's escapes are GraphQL's; lone surrogates are no text in either.
        return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )
    if isinstance(value, Mapping):
        for name in value:
            if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
                raise ValueError("no name of a field")
        return "{" + ", ".join(f"{name}: {literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    raise ValueError(f"GraphQL has no {type(value).__name__}")


class GraphQL:
    """Questions and commands over GraphQL; values of the domain back. Raises LabeltuiError."""

    def __init__(self, key: Secret, base: str, *, sdk: Sdk | None = None) -> None:
        self._sdk = sdk or Sdk(key, base)

    async def close(self) -> None:
        """End the SDK's process."""
        await self._sdk.close()

    async def account(self) -> Account:
        """Balance, spend per hour and its limit."""
        query = "query { myself { email clientBalance currentSpendPerHr spendLimit } }"
        told = _object((await self._sdk.query(query, "the account's balance")).get("myself"))
        email = told.get("email")
        return Account(
            balance=decimal(told.get("clientBalance")),
            spend_per_hour=decimal(told.get("currentSpendPerHr")),
            spend_limit=decimal(told.get("spendLimit")),
            email=email if isinstance(email, str) else "",
        )

    async def pods(self, now: datetime) -> tuple[Pod, ...]:
        """All pods of the account."""
        data = await self._sdk.query(
            f"query {{ myself {{ pods {graphql_pods.FIELDS} }} }}", "the list of pods"
        )
        listed = _object(data.get("myself")).get("pods")
        entries = listed if isinstance(listed, list) else []
        return tuple(graphql_pods.pod(entry, now) for entry in entries if isinstance(entry, dict))

    async def pod(self, pod_id: str, now: datetime) -> Pod | None:
        """One pod, or None when there is none of that id."""
        wanted = literal({"podId": pod_id})
        data = await self._sdk.query(f"query {{ pod(input: {wanted}) {graphql_pods.FIELDS} }}", "the pod")
        entry = data.get("pod")
        return graphql_pods.pod(entry, now) if isinstance(entry, dict) else None

    async def create(self, spec: PodSpec, now: datetime) -> Pod:
        """Rent a pod. Whether it was rented is unknown after a failure whose code is ``unclear``."""
        wanted = graphql_pods.create_input(spec)
        wanted["cloudType"] = Enum(spec.cloud.value.upper())
        query = f"mutation {{ podFindAndDeployOnDemand(input: {literal(wanted)}) {graphql_pods.FIELDS} }}"
        data = await self._sdk.query(query, "the new pod", Doing.CREATE)
        entry = data.get("podFindAndDeployOnDemand")
        if not isinstance(entry, dict):
            raise no_capacity("GraphQL answered null.")
        return graphql_pods.pod(entry, now)

    async def stop(self, pod_id: str, now: datetime) -> Pod:
        """Stop a pod."""
        query = f"mutation {{ podStop(input: {literal({'podId': pod_id})}) {graphql_pods.FIELDS} }}"
        return self._changed(await self._sdk.query(query, "stop the pod", Doing.STOP), "podStop", now)

    async def resume(self, pod_id: str, gpu_count: int, now: datetime) -> Pod:
        """Start a pod with as many GPUs as it had, or with none to fetch data."""
        wanted = literal({"podId": pod_id, "gpuCount": gpu_count})
        query = f"mutation {{ podResume(input: {wanted}) {graphql_pods.FIELDS} }}"
        return self._changed(await self._sdk.query(query, "start the pod", Doing.START), "podResume", now)

    async def terminate(self, pod_id: str) -> None:
        """Destroy a pod; one that is gone already is success."""
        query = f"mutation {{ podTerminate(input: {literal({'podId': pod_id})}) }}"
        try:
            await self._sdk.query(query, "terminate the pod", Doing.TERMINATE)
        except LabeltuiError as error:
            if error.problem.code != Code.RUNPOD_POD_GONE:
                raise

    def _changed(self, data: Mapping[str, Any], field: str, now: datetime) -> Pod:
        entry = data.get(field)
        if not isinstance(entry, dict):
            raise pod_gone("GraphQL answered null.")
        return graphql_pods.pod(entry, now)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
