"""The doctor's checks of RunPod: API key, scope, balance, pod, and connections to the pod."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from labeltui.domain.amounts import dollars, rate_text
from labeltui.domain.checks import Check, Verdict
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import Pod
from labeltui.domain.pod.ssh_key import SshKey
from labeltui.domain.problems import LabeltuiError
from labeltui.domain.rules.pod import called
from labeltui.hosts.ssh.own_keys import all_keys, read_public
from labeltui.runpod import exposure
from labeltui.runpod.keys import FoundKey, find_key
from labeltui.runpod.lifecycle import balance_problem, pod_problem
from labeltui.session.alerts import WARN_HOURS
from labeltui.session.pod.host import PodHost

if TYPE_CHECKING:
    from labeltui.runpod.client import RunpodClient
    from labeltui.session.session import Session

PART_S = 20.0  # the SDK alone takes seconds to import
KEY_S = 10.0
MONAI_LABEL = "/info/"
Add = Callable[[Check], None]


async def pod_checks(session: Session, add: Add, has_host: asyncio.Future[bool]) -> None:
    """Add every check of RunPod. The checks change nothing on RunPod and show no secret.

    As soon as it is known whether there is a machine to connect to, ``has_host`` gets the answer.
    """
    try:
        await _pod_checks(session, add, has_host)
    finally:
        if not has_host.done():
            has_host.set_result(False)


async def _pod_checks(session: Session, add: Add, has_host: asyncio.Future[bool]) -> None:
    try:
        client = await session.account.client()
    except LabeltuiError as error:
        add(Check("key", Verdict.WRONG, error.problem.message, error.problem.hint))
        return
    add(_key(session.account.key))
    scope = asyncio.create_task(_within("scope", _scope(client)))
    balance = asyncio.create_task(_within("balance", _balance(client, session)))
    pod, check = await _pod(session)
    add(check)
    # If RunPod does not answer, an open connection still shows that there is a machine.
    has_host.set_result(session.link.is_connected or (pod is not None and pod.status.is_up))
    more: list[Awaitable[Check | None]] = [scope, balance]
    if pod is not None and pod.status.is_up:
        more += [
            _within("public", _public(pod)),
            _within("ssh key", _ssh_key(session, client, pod)),
        ]
        add(_ssh(pod))
        host_key = _host_key(session, pod)
        if host_key is not None:
            add(host_key)
    for done in asyncio.as_completed(more):
        found = await done
        if found is not None:
            add(found)


async def key_check() -> Check:
    """Check, without a profile, whether there is an API key.

    The check says where the key was found and never shows it.
    """
    try:
        async with asyncio.timeout(KEY_S):
            key = await find_key()
    except TimeoutError:
        return Check(
            "key", Verdict.UNKNOWN, f"The search for RunPod's API key took longer than {KEY_S:.0f} s."
        )
    except LabeltuiError as error:
        if error.problem.code == Code.RUNPOD_NO_KEY:
            return Check("key", Verdict.OK, "There is no RunPod API key. Only pods of RunPod need one.")
        return Check("key", Verdict.WRONG, error.problem.message, error.problem.hint)
    return _key(key)


def _key(key: FoundKey | None) -> Check:
    if key is None:
        return Check("key", Verdict.OK, "The demo uses its own account.")
    if key.warning:
        return Check(
            "key",
            Verdict.WARNING,
            f"The API key is in {key.origin}. {key.warning}",
            "Make the file private with chmod 600.",
        )
    return Check("key", Verdict.OK, f"The API key is in {key.origin}.")


async def _within(part: str, check: Awaitable[Check | None]) -> Check | None:
    try:
        async with asyncio.timeout(PART_S):
            return await check
    except TimeoutError:
        return Check(part, Verdict.UNKNOWN, f"RunPod did not answer within {PART_S:.0f} s.", "Try again.")
    except LabeltuiError as error:
        return Check(part, Verdict.UNKNOWN, error.problem.message, error.problem.hint)


async def _scope(client: RunpodClient) -> Check:
    may = await client.may_change_pods()
    if may is None:
        return Check(
            "scope",
            Verdict.UNKNOWN,
            "Not checked whether the key may change pods, because a test would change a pod.",
        )
    return Check(
        "scope", Verdict.WARNING, "The API key may only read: it can't start, stop or rent pods.",
        "Make a key with write access if you need that.",
    )  # fmt: skip


async def _balance(client: RunpodClient, session: Session) -> Check:
    account = await client.account()
    if account.balance is None:
        return Check("balance", Verdict.UNKNOWN, "RunPod does not show the balance.")
    pod = session.store.state.pod.value
    problem = balance_problem(account, (pod,) if pod is not None else (), WARN_HOURS)
    if problem is not None:
        wrong = Verdict.WRONG if account.balance <= 0 else Verdict.WARNING
        return Check("balance", wrong, problem.message, problem.hint)
    left = account.hours_left
    lasts = "" if left is None else f", enough for {int(left)} hours at the current spending"
    return Check("balance", Verdict.OK, f"{dollars(account.balance)} of credit{lasts}.")


async def _pod(session: Session) -> tuple[Pod | None, Check]:
    try:
        async with asyncio.timeout(PART_S):
            pod = await session.account.find()
    except TimeoutError:
        return None, Check(
            "pod", Verdict.UNKNOWN, f"RunPod did not answer within {PART_S:.0f} s.", "Try again."
        )
    except LabeltuiError as error:
        return None, Check("pod", Verdict.WRONG, error.problem.message, error.problem.hint)
    problem = pod_problem(pod, session.clock())
    if problem is not None:
        return pod, Check("pod", Verdict.WRONG, problem.message, problem.hint)
    if not pod.status.is_up:
        message = f"{called(pod)} is {pod.status}, and costs {rate_text(pod.cost_per_hour_stopped)}."
        return pod, Check("pod", Verdict.WARNING, message, "Start it: `labeltui pod start`.")
    cost = "" if pod.cost_per_hour is None else f", for {rate_text(pod.cost_per_hour)}"
    gpu = f" with {pod.gpu_name}" if pod.gpu_name else ""
    return pod, Check("pod", Verdict.OK, f"{called(pod)} is {pod.status}{gpu}{cost}.")


async def _public(pod: Pod) -> Check | None:
    urls = [url for port in pod.ports if (url := pod.proxy_url(port.private))]
    if not urls:
        return Check("public", Verdict.OK, "No port of the pod is open to the internet without a password.")
    requests = [(url, path) for url in urls for path in ("/", MONAI_LABEL)]
    statuses = await asyncio.gather(*(exposure.answers(url, path) for url, path in requests))
    open_ = sorted({url for (url, _), status in zip(requests, statuses, strict=True) if status == 200})
    if open_:
        return Check(
            "public", Verdict.WRONG, f"{', '.join(open_)} answers everybody on the internet, without a password.",
            "Stop the program that uses this port, or make a new pod with 22/tcp only, which the tunnel reaches.",
        )  # fmt: skip
    answers = ", ".join(sorted({"nothing" if status is None else str(status) for status in statuses}))
    return Check(
        "public", Verdict.WARNING, f"{', '.join(urls)} is open to the internet. It answers now: {answers}.",
        "Any program that uses this port later will be public: make a new pod with 22/tcp only.",
    )  # fmt: skip


async def _ssh_key(session: Session, client: RunpodClient, pod: Pod) -> Check:
    named = session.account.ssh_key
    own = (await asyncio.to_thread(read_public, f"{named}.pub"),) if named else await all_keys()
    if not own:
        return Check(
            "ssh key", Verdict.WRONG, "This machine has no SSH key.", "Make a key: ssh-keygen -t ed25519."
        )
    mine = [SshKey(key.line) for key in own]
    inside = [SshKey(line) for line in pod.env.get("PUBLIC_KEY", "").splitlines() if line.strip()]
    if any(key.same_as(one) for key in mine for one in inside):
        return Check("ssh key", Verdict.OK, "The pod was made with this machine's SSH key.")
    account = await client.ssh_keys()
    if any(key.same_as(one) for key in mine for one in account):
        return Check(
            "ssh key", Verdict.WARNING, "The account has this machine's SSH key, but this pod was made without it.",
            "RunPod copies keys to new pods only: add it to ~/.ssh/authorized_keys in the pod, or make a new pod.",
        )  # fmt: skip
    return Check(
        "ssh key", Verdict.WARNING, "Neither the pod nor the account knows this machine's SSH key.",
        "Add the key with `labeltui pod keys --add FILE.pub`. RunPod copies it to new pods only.",
    )  # fmt: skip


def _ssh(pod: Pod) -> Check:
    if pod.ssh is not None:
        return Check("ssh", Verdict.OK, f"The pod's SSH address is {pod.ssh.address}.")
    if any(port.private == 22 and port.protocol == "tcp" for port in pod.ports):
        return Check("ssh", Verdict.WARNING, "The pod has no SSH address yet.", "Wait a minute or two.")
    return Check(
        "ssh", Verdict.WRONG, "The pod does not expose port 22/tcp: it has a proxy shell, but no tunnel.",
        "Make a new pod with 22/tcp; until then `labeltui shell --proxy` opens an emergency shell.",
    )  # fmt: skip


def _host_key(session: Session, pod: Pod) -> Check | None:
    host = session.link.host
    if not isinstance(host, PodHost):
        return None
    if host.pinned(pod) is None:
        message = "The host key of this container is not pinned yet."
        return Check("host key", Verdict.UNKNOWN, message, "The first connection pins the key.")
    how = "and its container log shows the same key" if host.vouched else "since an earlier connection"
    return Check("host key", Verdict.OK, f"The host key of this container is pinned, {how}.")
