"""What a pod's state means for the operator: nothing to say, or a problem in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Pod, PodLogLine, PodStatus
from labeltui.domain.problems import Problem

SLOW_START_S = 20 * 60  # official images are many GB; slower than this is more often broken than slow
_PULL_FAILED = re.compile(
    r"(?i)manifest (unknown|for .* not found)|pull access denied|no such image|error pulling|failed to pull"
    r"|unauthorized: |toomanyrequests|no space left"
)


def pod_problem(pod: Pod, now: datetime, system_log: Iterable[PodLogLine] = ()) -> Problem | None:
    """What is wrong with a pod, going by its state, RunPod's text and the system log; None for nothing."""
    change = pod.last_change.lower()
    detail = pod.last_change or _tail(system_log)
    if change.startswith("outbid") and pod.status is not PodStatus.RUNNING:
        return Problem(
            Code.RUNPOD_OUTBID,
            "Somebody else paid more for the pod's machine: it was a spot pod.",
            "Make a new pod at the full price; spot pods are nothing for a session with people in it.",
            detail,
        )
    if pod.status is PodStatus.TERMINATED:
        who = "by RunPod" if change.startswith("terminated by runpod") else "here or elsewhere"
        return Problem(
            Code.RUNPOD_POD_GONE,
            f"The pod was terminated {who}; what was not on a network volume is lost.",
            "Make a new pod.",
            detail,
        )
    if pod.lost_its_gpu:
        return Problem(
            Code.RUNPOD_NO_GPU,
            "The pod runs, and costs, without a GPU: its host had none free.",
            "Fetch data and stop it; then try again later, or make a new pod on the network volume.",
            detail,
        )
    if change.startswith("exited by runpod") and pod.status is PodStatus.STOPPED:
        return Problem(
            Code.RUNPOD_EXITED_BY_RUNPOD,
            "RunPod stopped the pod, and does not say why: the image, the credit or the machine.",
            "Look at its system log and the balance, then start it again.",
            detail,
        )
    pull = next((line for line in system_log if _PULL_FAILED.search(line.text)), None)
    if pull is not None and pod.status in (PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.ERROR):
        return Problem(
            Code.RUNPOD_IMAGE_FAILED,
            "The pod's image can not be pulled.",
            "Check the image's name, and whether it needs a login; then make the pod anew.",
            pull.text,
        )
    return _stuck(pod, now, detail)


def public_problem(pod: Pod) -> Problem | None:
    """Ports that the whole web can reach while the pod runs; None where there are none."""
    urls = [url for port in pod.ports if (url := pod.proxy_url(port.private))]
    if not urls or not pod.status.is_up:
        return None
    return Problem(
        Code.RUNPOD_PUBLIC_PORT,
        f"{', '.join(urls)} is on the open web, without a password: whoever has the address gets in.",
        "Make the pod anew with 22/tcp alone, and reach its server by the tunnel.",
        offers=("doctor", "pods"),
    )


def _stuck(pod: Pod, now: datetime, detail: str) -> Problem | None:
    if pod.status is PodStatus.ERROR:
        return Problem(
            Code.RUNPOD_POD_ERROR,
            "The pod's container is in an error that RunPod can not mend.",
            "Look at its logs; start it again, or terminate it and make a new one.",
            detail,
        )
    since = pod.started_at or pod.created_at
    starts = pod.status in (PodStatus.PROVISIONING, PodStatus.STARTING)
    if starts and since is not None and (now - since).total_seconds() > SLOW_START_S:
        minutes = int((now - since).total_seconds() // 60)
        return Problem(
            Code.RUNPOD_START_SLOW,
            f"The pod has been starting, and costing, for {minutes} minutes.",
            "Its system log tells whether the image is still being pulled; stop it if nothing moves.",
            detail,
        )
    return None


def balance_problem(account: Account, pods: Iterable[Pod], warn_hours: Decimal) -> Problem | None:
    """Whether the credit ends soon, and what is lost when it does; None while there is enough."""
    left = account.hours_left
    empty = account.balance is not None and account.balance <= 0
    if not empty and (left is None or left >= warn_hours):
        return None
    doomed = [
        pod.name for pod in pods if pod.status is not PodStatus.TERMINATED and not pod.network_volume_id
    ]
    loss = (
        f"At zero RunPod terminates {', '.join(doomed)}, and all data there is lost."
        if doomed
        else "At zero RunPod stops the pods."
    )
    if empty or left is None:
        return Problem(
            Code.RUNPOD_BALANCE_EMPTY,
            f"The RunPod account has no credit left. {loss}",
            "Copy the labels; add credit now.",
        )
    hours = f"{int(left)} hours" if left >= 2 else f"{int(left * 60)} minutes"
    return Problem(
        Code.RUNPOD_BALANCE_LOW,
        f"The RunPod credit lasts for {hours} at what is spent now. {loss}",
        "Add credit on RunPod's billing page, or stop what is not needed.",
    )


def _tail(lines: Iterable[PodLogLine]) -> str:
    return "\n".join([line.text for line in lines][-3:])
