"""Derive problems to show to the operator from the state of a pod or an account."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from labeltui.domain.failure_codes import Code
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Pod, PodLogLine, PodStatus
from labeltui.domain.problems import Problem

SLOW_START_S = 20 * 60  # official images are many GB; after this time the start has most likely failed
_PULL_FAILED = re.compile(
    r"(?i)manifest (unknown|for .* not found)|pull access denied|no such image|error pulling|failed to pull"
    r"|unauthorized: |toomanyrequests|no space left|disk quota exceeded"
)


def pod_problem(pod: Pod, now: datetime, system_log: Iterable[PodLogLine] = ()) -> Problem | None:
    """Derive a pod's problem from its status, RunPod's text and the system log. None if there is none."""
    change = pod.last_change.lower()
    detail = pod.last_change or _tail(system_log)
    if change.startswith("outbid") and pod.status is not PodStatus.RUNNING:
        return Problem(
            Code.RUNPOD_OUTBID,
            "This was a spot pod, and RunPod gave its machine to somebody who paid more.",
            "Rent a new pod at the full price; spot pods are not suitable for annotation sessions.",
            detail,
        )
    if pod.status is PodStatus.TERMINATED:
        who = "by RunPod" if change.startswith("terminated by runpod") else "by a user of this account"
        return Problem(
            Code.RUNPOD_POD_GONE,
            f"The pod was terminated {who}; everything outside a network volume is lost.",
            "Rent a new pod.",
            detail,
        )
    if pod.lost_its_gpu:
        return Problem(
            Code.RUNPOD_NO_GPU,
            "The pod runs and costs money without a GPU, because its machine had no free GPU.",
            "Copy its data and stop it. Then start it later, or rent a new pod with the same network volume.",
            detail,
        )
    if change.startswith("exited by runpod") and pod.status is PodStatus.STOPPED:
        return Problem(
            Code.RUNPOD_EXITED_BY_RUNPOD,
            "RunPod stopped the pod and gave no reason. The cause may be the image, the credit or the machine.",
            "Check the pod's system log and the account's balance, then start the pod again.",
            detail,
        )
    pull = next((line for line in system_log if _PULL_FAILED.search(line.text)), None)
    if pull is not None and pod.status in (PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.ERROR):
        return Problem(
            Code.RUNPOD_IMAGE_FAILED,
            "The pod's container image cannot be downloaded.",
            "Check the image name and whether it needs a login, then rent a new pod.",
            pull.text,
        )
    return _stuck(pod, now, detail)


def public_problem(pod: Pod) -> Problem | None:
    """Return a problem if a running pod exposes web ports to the internet; None otherwise."""
    urls = [url for port in pod.ports if (url := pod.proxy_url(port.private))]
    if not urls or not pod.status.is_up:
        return None
    return Problem(
        Code.RUNPOD_PUBLIC_PORT,
        f"Anybody on the internet can open {', '.join(urls)}: there is no password.",
        "Rent a new pod with the port 22/tcp only, and reach its server through the tunnel.",
        offers=("doctor", "pods"),
    )


def _stuck(pod: Pod, now: datetime, detail: str) -> Problem | None:
    if pod.status is PodStatus.ERROR:
        return Problem(
            Code.RUNPOD_POD_ERROR,
            "The pod's container failed, and RunPod cannot repair it.",
            "Check the pod's logs. Start it again, or terminate it and rent a new pod.",
            detail,
        )
    since = pod.started_at or pod.created_at
    starts = pod.status in (PodStatus.PROVISIONING, PodStatus.STARTING)
    if starts and since is not None and (now - since).total_seconds() > SLOW_START_S:
        minutes = int((now - since).total_seconds() // 60)
        return Problem(
            Code.RUNPOD_START_SLOW,
            f"The pod has been starting for {minutes} minutes, and costs money.",
            "The pod's system log shows whether the image is still downloading. If not, stop the pod.",
            detail,
        )
    return None


def balance_problem(account: Account, pods: Iterable[Pod], warn_hours: Decimal) -> Problem | None:
    """Return a problem that names the data that would be lost, if the credit ends within ``warn_hours``; else None."""
    left = account.hours_left
    empty = account.balance is not None and account.balance <= 0
    if not empty and (left is None or left >= warn_hours):
        return None
    doomed = [
        pod.name for pod in pods if pod.status is not PodStatus.TERMINATED and not pod.network_volume_id
    ]
    loss = (
        f"When it is used up, RunPod terminates {', '.join(doomed)}, and all data there is lost."
        if doomed
        else "When it is used up, RunPod stops the pods."
    )
    if empty or left is None:
        return Problem(
            Code.RUNPOD_BALANCE_EMPTY,
            f"The RunPod account has no credit left. {loss}",
            "Copy the labels and add credit now.",
        )
    hours = f"{int(left)} hours" if left >= 2 else f"{int(left * 60)} minutes"
    return Problem(
        Code.RUNPOD_BALANCE_LOW,
        f"The RunPod credit lasts {hours} at the present spending. {loss}",
        "Add credit on RunPod's billing page, or stop pods that you do not need.",
    )


def _tail(lines: Iterable[PodLogLine]) -> str:
    return "\n".join([line.text for line in lines][-3:])
