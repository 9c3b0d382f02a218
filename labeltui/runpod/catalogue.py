"""Requests for RunPod's catalogue (GPUs, data centres) and the account's volumes, keys and bill."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from labeltui.domain.deploy.catalogue import DataCentre, GpuOffer, NetworkVolume
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import BillingRecord
from labeltui.domain.pod.pod import Cloud
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.runpod import accountkeys, convert
from labeltui.runpod.problems import create_unclear
from labeltui.runpod.replies import Purpose
from labeltui.runpod.transport import Transport


class Catalogue:
    """The requests of :class:`~labeltui.runpod.client.RunpodClient` that need no pod. They use REST v2 only."""

    def __init__(self, transport: Transport, now: Callable[[], datetime]) -> None:
        self.transport = transport
        self._now = now

    async def gpu_offers(
        self, *, count: int = 1, cloud: Cloud | None = None, min_cuda: str | None = None
    ) -> tuple[GpuOffer, ...]:
        """Fetch GPU types with prices ($/h for one GPU) and stock, for pods of ``count`` GPUs."""
        filters = {
            "count": count if count != 1 else None,
            "cloud": cloud.value.upper() if cloud else None,
            "minCudaVersion": min_cuda,
        }
        listed = await self.transport.pages(
            "catalog/gpus",
            "gpus",
            "the request for the list of GPUs",
            include="AVAILABILITY",
            product="POD",
            **_without_none(filters),
        )
        return tuple(convert.gpu_offer(entry) for entry in listed)

    async def data_centres(self) -> tuple[DataCentre, ...]:
        """Fetch all data centres, each with its stock by GPU id."""
        listed = await self.transport.pages(
            "catalog/datacenters",
            "dataCenters",
            "the request for the list of data centres",
            include="GPU_AVAILABILITY",
        )
        return tuple(convert.data_centre(entry) for entry in listed)

    async def network_volumes(self) -> tuple[NetworkVolume, ...]:
        """Fetch the account's network volumes, in all data centres."""
        listed = await self.transport.pages(
            "network-volumes", "networkVolumes", "the request for the list of network volumes"
        )
        return tuple(convert.network_volume(entry) for entry in listed)

    async def create_network_volume(self, name: str, size_gb: int, data_centre: str) -> NetworkVolume:
        """Create a network volume, or return an existing one with the same name, size and data centre.

        Raises ``runpod_create_unclear`` if RunPod's answer is lost and the list lacks the volume.
        """
        key = (name, size_gb, data_centre)
        if (found := await self._volume(key)) is not None:
            return found
        body = {"name": name, "size": size_gb, "dataCenter": data_centre}
        try:
            answer = await self.transport.send(
                "POST",
                "network-volumes",
                "the request for a new network volume",
                purpose=Purpose.CHANGE,
                body=body,
            )
        except LabeltuiError as error:
            if not error.problem.code.unclear:
                raise
            if (found := await self._volume(key)) is None:
                raise create_unclear(f"the network volume {name}", error) from error
            return found
        return convert.network_volume(self.transport.parsed(answer))

    async def _volume(self, key: tuple[str, int, str]) -> NetworkVolume | None:
        volumes = await self.network_volumes()
        return next((v for v in volumes if (v.name, v.size_gb, v.data_centre) == key), None)

    async def ssh_keys(self) -> tuple[SshKey, ...]:
        """Fetch the public keys that RunPod gives to new pods."""
        return await accountkeys.read(self.transport)

    async def add_ssh_key(self, line: str) -> tuple[SshKey, ...]:
        """Add a public key to the account's keys. Existing pods do not get the new key."""
        return await accountkeys.add(self.transport, line)

    async def bill(self, since: datetime, pod_id: str | None = None) -> tuple[BillingRecord, ...]:
        """Fetch the bill in buckets of one hour. ``pod_id`` limits the bill to one pod."""
        document = await self.transport.get(
            "billing/pods",
            "the request for the bill",
            bucketSize="hour",
            startTime=since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            **_without_none({"podId": pod_id}),
        )
        records = document.get("records") if isinstance(document, dict) else None
        if not isinstance(records, list):
            raise Failed(Code.RUNPOD_ANSWER, "RunPod's bill cannot be read: it has no list of records.")
        read = (convert.billing_record(entry) for entry in records if isinstance(entry, dict))
        return tuple(record for record in read if record is not None)


def _without_none(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
