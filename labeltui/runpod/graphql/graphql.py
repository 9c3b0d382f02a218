"""Fetch balance, spend per hour and limit, which only GraphQL has, and pods while REST v2 is off.

The SDK's own functions paste values into queries unescaped, so a quotation mark in a name changes the query.
Here every value goes through :func:`literal`.
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
from labeltui.runpod.problems import no_capacity, pod_gone
from labeltui.runpod.replies import Purpose
from labeltui.runpod.wire import decimal


class Enum(StrEnum):
    """A GraphQL enum value, which is written without quotation marks."""

    SECURE = "SECURE"
    COMMUNITY = "COMMUNITY"


def literal(value: object) -> str:
    """Write a value as a GraphQL literal. Raises ValueError for a field name that is not an identifier."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, str):
        # GraphQL escapes strings as JSON does. Neither format allows lone surrogates.
        return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False).replace(
            "\x7f", "\\u007f"
        )
    if isinstance(value, Mapping):
        for name in value:
            if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
                raise ValueError("not a field name")
        return "{" + ", ".join(f"{name}: {literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    raise ValueError(f"GraphQL cannot hold a {type(value).__name__}")


class GraphQL:
    """The requests to GraphQL. All methods return domain objects and raise LabeltuiError."""

    def __init__(self, key: Secret, base: str, *, sdk: Sdk | None = None) -> None:
        self._sdk = sdk or Sdk(key, base)

    async def close(self) -> None:
        """End the SDK's process."""
        await self._sdk.close()

    async def account(self) -> Account:
        """Fetch the balance ($), the spend per hour and the spending limit (both $/h)."""
        query = "query { myself { email clientBalance currentSpendPerHr spendLimit } }"
        sent = _object((await self._sdk.query(query, "the request for the account's balance")).get("myself"))
        email = sent.get("email")
        return Account(
            balance=decimal(sent.get("clientBalance")),
            spend_per_hour=decimal(sent.get("currentSpendPerHr")),
            spend_limit=decimal(sent.get("spendLimit")),
            email=email if isinstance(email, str) else "",
        )

    async def pods(self, now: datetime) -> tuple[Pod, ...]:
        """List the account's pods, with ``now`` as their ``read_at``."""
        data = await self._sdk.query(
            f"query {{ myself {{ pods {graphql_pods.FIELDS} }} }}", "the request for the list of pods"
        )
        listed = _object(data.get("myself")).get("pods")
        entries = listed if isinstance(listed, list) else []
        return tuple(graphql_pods.pod(entry, now) for entry in entries if isinstance(entry, dict))

    async def pod(self, pod_id: str, now: datetime) -> Pod | None:
        """Fetch one pod. Returns None if the account has no pod with this id."""
        pod_input = literal({"podId": pod_id})
        data = await self._sdk.query(
            f"query {{ pod(input: {pod_input}) {graphql_pods.FIELDS} }}",
            "the request for the pod",
            Purpose.READ_POD,
        )
        entry = data.get("pod")
        return graphql_pods.pod(entry, now) if isinstance(entry, dict) else None

    async def create(self, spec: PodSpec, now: datetime) -> Pod:
        """Rent a pod. A failure with an ``unclear`` code leaves it unknown whether RunPod rented a pod."""
        pod_input = graphql_pods.create_input(spec)
        pod_input["cloudType"] = Enum(spec.cloud.value.upper())
        query = f"mutation {{ podFindAndDeployOnDemand(input: {literal(pod_input)}) {graphql_pods.FIELDS} }}"
        data = await self._sdk.query(query, "the request for a new pod", Purpose.CREATE)
        entry = data.get("podFindAndDeployOnDemand")
        if not isinstance(entry, dict):
            raise no_capacity("RunPod's answer is empty (null).")
        return graphql_pods.pod(entry, now)

    async def stop(self, pod_id: str, now: datetime) -> Pod:
        """Stop a pod. Raises ``runpod_pod_gone`` when RunPod answers null."""
        query = f"mutation {{ podStop(input: {literal({'podId': pod_id})}) {graphql_pods.FIELDS} }}"
        return self._changed(
            await self._sdk.query(query, "the request to stop the pod", Purpose.STOP), "podStop", now
        )

    async def resume(self, pod_id: str, gpu_count: int, now: datetime) -> Pod:
        """Start a stopped pod. A ``gpu_count`` of 0 starts the pod without a GPU, to fetch its data."""
        pod_input = literal({"podId": pod_id, "gpuCount": gpu_count})
        query = f"mutation {{ podResume(input: {pod_input}) {graphql_pods.FIELDS} }}"
        return self._changed(
            await self._sdk.query(query, "the request to start the pod", Purpose.START), "podResume", now
        )

    async def terminate(self, pod_id: str) -> None:
        """Destroy a pod. Succeeds if the pod is gone already."""
        query = f"mutation {{ podTerminate(input: {literal({'podId': pod_id})}) }}"
        try:
            await self._sdk.query(query, "the request to terminate the pod", Purpose.TERMINATE)
        except LabeltuiError as error:
            if error.problem.code != Code.RUNPOD_POD_GONE:
                raise

    def _changed(self, data: Mapping[str, Any], field: str, now: datetime) -> Pod:
        entry = data.get(field)
        if not isinstance(entry, dict):
            raise pod_gone("RunPod's answer is empty (null).")
        return graphql_pods.pod(entry, now)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
