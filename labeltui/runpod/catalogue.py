"""What RunPod offers and what the account has: GPUs, places, volumes, templates, keys, the bill."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from labeltui.domain.deploy.catalogue import DataCentre, GpuOffer, NetworkVolume, Template
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import BillingRecord
from labeltui.domain.pod.pod import Cloud
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import Failed, LabeltuiError
from labeltui.runpod import accountkeys, convert
from labeltui.runpod.problems import Doing, create_unclear
from labeltui.runpod.transport import Transport


class Catalogue:
    """The part of :class:`~labeltui.runpod.client.RunpodClient` that is not about pods; REST v2 only."""

    def __init__(self, transport: Transport, now: Callable[[], datetime]) -> None:
        self.transport = transport
        self._now = now

    async def gpu_offers(
        self, *, count: int = 1, cloud: Cloud | None = None, min_cuda: str | None = None
    ) -> tuple[GpuOffer, ...]:
        """GPUs with price and stock, for pods of ``count`` GPUs."""
        wishes = {
            "count": count if count != 1 else None,
            "cloud": cloud.value.upper() if cloud else None,
            "minCudaVersion": min_cuda,
        }
        listed = await self.transport.pages(
            "catalog/gpus",
            "gpus",
            "the list of GPUs",
            include="AVAILABILITY",
            product="POD",
            **_given(wishes),
        )
        return tuple(convert.gpu_offer(entry) for entry in listed)

    async def data_centres(self) -> tuple[DataCentre, ...]:
        """Data centres, with what is free in each."""
        listed = await self.transport.pages(
            "catalog/datacenters", "dataCenters", "the list of data centres", include="GPU_AVAILABILITY"
        )
        return tuple(convert.data_centre(entry) for entry in listed)

    async def templates(self) -> tuple[Template, ...]:
        """The account's own templates."""
        listed = await self.transport.pages("templates", "templates", "the list of templates")
        return tuple(convert.template(entry) for entry in listed)

    async def network_volumes(self) -> tuple[NetworkVolume, ...]:
        """The account's network volumes."""
        listed = await self.transport.pages(
            "network-volumes", "networkVolumes", "the list of network volumes"
        )
        return tuple(convert.network_volume(entry) for entry in listed)

    async def create_network_volume(self, name: str, size_gb: int, data_centre: str) -> NetworkVolume:
        """Make a network volume, and never two: one that has the name, size and place is taken for it."""
        wanted = (name, size_gb, data_centre)
        if (found := await self._volume(wanted)) is not None:
            return found
        body = {"name": name, "size": size_gb, "dataCenter": data_centre}
        try:
            answer = await self.transport.send(
                "POST", "network-volumes", "the new network volume", doing=Doing.CHANGE, body=body
            )
        except LabeltuiError as error:
            if not error.problem.code.unclear:
                raise
            if (found := await self._volume(wanted)) is None:
                raise create_unclear(f"the network volume {name}", error) from error
            return found
        return convert.network_volume(self.transport.parsed(answer))

    async def _volume(self, wanted: tuple[str, int, str]) -> NetworkVolume | None:
        volumes = await self.network_volumes()
        return next((v for v in volumes if (v.name, v.size_gb, v.data_centre) == wanted), None)

    async def ssh_keys(self) -> tuple[SshKey, ...]:
        """The public keys that new pods get."""
        return await accountkeys.read(self.transport)

    async def add_ssh_key(self, line: str) -> tuple[SshKey, ...]:
        """Add a public key to the account and keep all others. Existing pods do not get it."""
        return await accountkeys.add(self.transport, line)

    async def bill(self, since: datetime, pod_id: str | None = None) -> tuple[BillingRecord, ...]:
        """The bill by the hour since then."""
        document = await self.transport.get(
            "billing/pods",
            "the bill",
            bucketSize="hour",
            startTime=since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            **_given({"podId": pod_id}),
        )
        records = document.get("records") if isinstance(document, dict) else None
        if not isinstance(records, list):
            raise Failed(Code.RUNPOD_ANSWER, "RunPod's bill can not be read: it has no list of records.")
        read = (convert.billing_record(entry) for entry in records if isinstance(entry, dict))
        return tuple(record for record in read if record is not None)


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
