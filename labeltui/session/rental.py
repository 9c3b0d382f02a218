"""The rented machine and what it costs: RunPod's pod of a profile, watched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from labeltui.config.model import RunpodSection
from labeltui.domain.money import Account
from labeltui.domain.pod import Pod, PodStatus
from labeltui.domain.problems import Failed, Misused
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import Secret, find_key
from labeltui.session.store import Store
from labeltui.session.supervise import Clock, Poller

# Seconds between looks: RunPod counts requests, and its bill is slow to change.
CHANGING_S = 3.0
STEADY_S = 20.0
ACCOUNT_S = 300.0
CHANGING = (PodStatus.PROVISIONING, PodStatus.STARTING)


@dataclass(frozen=True, slots=True)
class Access:
    """An account other than the operator's own: the demo's. ``url`` stands for RunPod's API."""

    url: str
    key: str = field(repr=False)


class Rental:
    """One account, and the pod that the profile names (if it names one). Nothing is asked before it is needed.

    ``access`` leads to another account than the one that the operator's own key opens.
    """

    def __init__(
        self, store: Store, clock: Clock, section: RunpodSection | None, access: Access | None = None
    ) -> None:
        self.section = section
        self._access = access
        self._clock = clock
        self.pod: Poller[Pod] = Poller(store, "pod", self._poll_pod, self._pod_interval, clock)
        self.account: Poller[Account] = Poller(store, "account", self._poll_account, lambda: ACCOUNT_S, clock)
        self._store = store
        self._client: RunpodClient | None = None
        self._opening = asyncio.Lock()
        self._pod_id: str | None = None

    async def client(self) -> RunpodClient:
        """The account's client. Raises Misused when there is no API key."""
        async with self._opening:
            if self._client is None:
                self._client = await self._open()
            return self._client

    async def _open(self) -> RunpodClient:
        section = self.section
        api = section.api if section else "auto"
        if self._access is not None:
            return RunpodClient(Secret(self._access.key), base=self._access.url, api=api, now=self._clock)
        key = await find_key(command=section.key_command if section else None)
        return RunpodClient(key.secret, api=api, now=self._clock)

    async def find(self) -> Pod:
        """The profile's pod as it is now, by id or by name. Raises Failed ``no_pod`` when it is not there."""
        if self.section is None:
            raise Misused(
                "no_pod_named", "This profile names no pod.", "Add [profiles.NAME.runpod] with pod = \"...\"."
            )  # fmt: skip
        client = await self.client()
        if self._pod_id is not None:
            found = await client.pod(self._pod_id)
        else:
            pods = await client.pods()
            found = next((p for p in pods if self.section.pod in (p.id, p.name)), None)
        if found is None or found.status is PodStatus.TERMINATED:
            self._pod_id = None
            raise Failed(
                "no_pod", f"There is no pod {self.section.pod!r} in this account.",
                "`labeltui pod list` shows those there are; correct the profile, or make a new pod.",
            )  # fmt: skip
        self._pod_id = found.id
        return found

    def wake(self) -> None:
        """Look at the pod now."""
        self.pod.wake()

    async def close(self) -> None:
        """Give connections and the SDK's process back."""
        if self._client is not None:
            await self._client.close()

    async def _poll_pod(self) -> Pod:
        return await self.find()

    async def _poll_account(self) -> Account:
        return await (await self.client()).account()

    def _pod_interval(self) -> float:
        pod = self._store.state.pod.value
        return CHANGING_S if pod is not None and pod.status in CHANGING else STEADY_S
