"""Watches the profile's pod on RunPod and its cost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace

from labeltui.config.model import RunpodSection
from labeltui.domain.deploy.catalogue import NetworkVolume, described
from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Load, Pod, PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Refused
from labeltui.domain.reading import Reading
from labeltui.domain.rules.pod import ambiguous, no_pod_named, same_named
from labeltui.domain.state import RequestsLeft
from labeltui.runpod.client import RunpodClient
from labeltui.runpod.keys import FoundKey, Secret, find_key
from labeltui.session.clients import MakesRunpodClient
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store
from labeltui.session.runtime.supervise import Clock, Poller
from labeltui.support.subscribers import Subscribers

# Seconds between polls. RunPod counts requests, and its bill changes slowly.
CHANGING_S = 3.0
STEADY_S = 20.0
LIST_S = 10.0  # interval while the list is on the screen
VOLUMES_S = 600.0  # network volumes are rarely resized
ACCOUNT_S = 300.0
CHANGING = (PodStatus.PROVISIONING, PodStatus.STARTING)


@dataclass(frozen=True, slots=True)
class Access:
    """Access to an account other than the operator's, for the demo. ``url`` replaces the URL of RunPod's API."""

    url: str
    key: str = field(repr=False)


class PodAccount:
    """One account of RunPod, and the profile's pod, if the profile names one.

    No request is sent before its answer is needed. With ``access``, the account is that one instead of the
    account of the operator's API key. A ``demo`` without ``access`` has no account.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        section: RunpodSection | None,
        access: Access | None = None,
        make: MakesRunpodClient = RunpodClient,
        *,
        demo: bool = False,
    ) -> None:
        self.section, self._demo = section, demo
        self._make = make
        self._access = access
        self._clock = clock
        self._pod, self._requests_left = store.own(Fields.pod), store.own(Fields.requests_left)
        self.pod: Poller[Pod] = Poller(self._pod, self._poll_pod, self._pod_interval, clock)
        self.pods: Poller[tuple[Pod, ...]] = Poller(
            store.own(Fields.pods), self._poll_pods, lambda: self._paced(LIST_S), clock
        )
        self.balance: Poller[Account] = Poller(
            store.own(Fields.account), self._poll_balance, lambda: ACCOUNT_S, clock
        )
        self.on_event: Subscribers[[str, str]] = Subscribers()
        """Called with the kind and the text of each event of the pod's connection."""
        self.key: FoundKey | None = None  # None until the key is first needed
        self.known_id: str | None = None  # of the profile's pod, from an earlier session
        self._client: RunpodClient | None = None
        self._opening = asyncio.Lock()
        self._pod_id: str | None = None
        self._last: Pod | None = None
        self._volumes: tuple[float, dict[str, NetworkVolume]] | None = None
        self._adopted: tuple[str, str | None] | None = None

    @property
    def name(self) -> str:
        """Name or id of the pod rented in this session, else of the profile's pod; empty without a pod."""
        if self._adopted is not None:
            return self._adopted[0]
        return self.section.pod if self.section is not None else ""

    @property
    def ssh_key(self) -> str | None:
        """File of the private key for the pod. None means the keys that ssh would use."""
        own = self.section.key if self.section is not None else None
        return (self._adopted[1] if self._adopted is not None else None) or own or None

    def adopt(self, pod: Pod, key: str | None) -> None:
        """Work on this pod from now on. ``key`` is the file of its private key; None means the profile's key."""
        self._adopted = (pod.name, key)
        self._pod_id = self.known_id = pod.id
        self._last = pod
        reading: Reading[Pod] = Reading(pod, self._clock(), interval_s=CHANGING_S)
        self._pod.write(reading)  # a fresh reading: the old errors are of the previous pod
        self.wake()

    @property
    def pod_id(self) -> str | None:
        """The id of the profile's pod; None until the pod was found."""
        return self._pod_id

    async def client(self) -> RunpodClient:
        """Return the account's client. Raises Misused if there is no API key."""
        async with self._opening:
            if self._client is None:
                self._client = await self._open()
            return self._client

    async def _open(self) -> RunpodClient:
        section = self.section
        api = section.api if section else "auto"
        if self._access is not None:
            return self._make(
                Secret(self._access.key), base=self._access.url, api=api, team=None, now=self._clock
            )
        self.key = await self.operator_key()
        team = section.team if section else None
        return self._make(self.key.secret, base=None, api=api, team=team, now=self._clock)

    async def operator_key(self) -> FoundKey:
        """Find the operator's API key. No other code of a session reads the key, so a demo can't use it.

        Raises Refused ``demo_no_account`` in a demo, and the errors of :func:`find_key`.
        """
        self._refuse_demo()
        return await find_key(command=self.section.key_command if self.section else None)

    def _refuse_demo(self) -> None:
        if self._demo:
            raise Refused(
                Code.DEMO_NO_ACCOUNT, "This demo has no RunPod account.", "`labeltui demo` plays one."
            )

    async def find(self) -> Pod:
        """Read the profile's pod, by id or by name.

        Raises Failed ``no_pod`` if the pod is found neither by its id nor in the list. Both are tried,
        because a new pod may appear later in one of the two than in the other. Raises Misused
        ``pod_ambiguous`` if several pods have the name and none of them was used before.
        """
        name = self._pod_name()
        client = await self.client()
        found = await client.pod(self._pod_id) if self._pod_id is not None else None
        if found is None or found.status is PodStatus.TERMINATED:
            found = self._chosen(await client.pods(), name)
        if found is None:
            self._pod_id = None
            raise self._no_pod(name)
        self._pod_id = self.known_id = found.id
        self._last = (await self._sized((found,)))[0]
        self._publish_limits()
        return self._last

    async def refresh_pods(self) -> tuple[Pod, ...]:
        """Read every pod of the account, including the pods of clusters, and write them to the store."""
        pods = await self._poll_pods()
        self.pods.learned(pods)
        return pods

    async def owns(self, pod: Pod) -> bool:
        """Whether this is the profile's pod: it has that pod's id, or it is the only pod with that name."""
        if not self.name:
            return False
        if self._pod_id is None:
            try:
                await self.find()
            except LabeltuiError as error:
                if not error.problem.code.no_single_pod:
                    raise
        return pod.id in (self._pod_id, self.name)

    def report_event(self, kind: str, text: str) -> None:
        """Notify subscribers of an event that only the connection notices.

        ``kind`` and ``text`` describe the event.
        """
        self.on_event.notify(kind, text)

    def _pod_name(self) -> str:
        if not self.name:
            self._refuse_demo()
            raise no_pod_named()
        return self.name

    def _chosen(self, pods: tuple[Pod, ...], named: str) -> Pod | None:
        there = tuple(pod for pod in pods if pod.status is not PodStatus.TERMINATED)
        known = next((pod for pod in there if pod.id in (self._pod_id, self.known_id)), None)
        found = same_named(there, named)
        if known is not None and known in found:
            return known
        if len(found) > 1:
            raise ambiguous(named, found)
        return found[0] if found else None

    def _no_pod(self, named: str) -> Failed:
        return Failed(
            Code.NO_POD, f"There is no pod {named!r} in this account.",
            "`labeltui pod list` shows the pods. Correct the profile, or rent a new pod.",
            offers=("pods", "pod.options"),
        )  # fmt: skip

    async def _sized(self, pods: tuple[Pod, ...]) -> tuple[Pod, ...]:
        """Return the pods with the sizes of their network volumes, which are part of the price."""
        if not any(pod.network_volume_id for pod in pods):
            return pods
        now = asyncio.get_running_loop().time()
        if self._volumes is None or now - self._volumes[0] > VOLUMES_S:
            volumes = self._volumes[1] if self._volumes is not None else {}
            with suppress(LabeltuiError):  # on failure the price is shown as unknown
                volumes = {one.id: one for one in await (await self.client()).network_volumes()}
            self._volumes = (now, volumes)
        volumes = self._volumes[1]
        return tuple(described(pod, {}, volumes) for pod in pods)

    def wake(self) -> None:
        """Poll the pod now."""
        self.pod.wake()

    async def close(self) -> None:
        """Close the connections and the SDK's process."""
        if self._client is not None:
            await self._client.close()

    async def _poll_pod(self) -> Pod:
        try:
            return await self.find()
        except LabeltuiError as error:
            if error.problem.code == Code.RUNPOD_KEY_REFUSED:
                self.balance.wake()  # else the account would count as reached for minutes
            if error.problem.code != Code.NO_POD or self._last is None:
                raise
            # A pod that was found before and is gone now was terminated. That is a result, not a failure.
            return replace(
                self._last, status=PodStatus.TERMINATED, actions=(), ssh=None, ssh_proxy=None, load=Load(),
                uptime_s=None, read_at=self._clock(),
            )  # fmt: skip

    async def _poll_pods(self) -> tuple[Pod, ...]:
        client = await self.client()
        pods = await self._sized(await client.pods(clusters=True))
        self._publish_limits()
        return pods

    async def _poll_balance(self) -> Account:
        return await (await self.client()).account()

    def _pod_interval(self) -> float:
        pod = self._pod.value.value
        starting = pod is not None and (
            pod.status in CHANGING or (pod.status is PodStatus.RUNNING and pod.ssh is None)
        )
        return self._paced(CHANGING_S if starting else STEADY_S)

    def _paced(self, wanted: float) -> float:
        """Return the seconds between polls: ``wanted``, or more if few requests are left."""
        limits = self._client.limits if self._client is not None else None
        return wanted if limits is None else limits.interval_s(wanted)

    def _publish_limits(self) -> None:
        limits = self._client.limits if self._client is not None else None
        tight = limits.tightest() if limits is not None else None
        if tight is not None and tight.remaining is not None and tight.quota is not None:
            self._requests_left.write(RequestsLeft(tight.remaining, tight.quota, tight.name))
