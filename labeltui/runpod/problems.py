"""Messages and hints for RunPod's refusals and failures, in one table by failure code.

See :mod:`labeltui.domain.offers` for the actions to offer for each code.
"""

from __future__ import annotations

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable

FAILURES: dict[Code, tuple[type[LabeltuiError], str, str]] = {
    Code.RUNPOD_SPEND_LIMIT: (
        Refused,
        "RunPod refused: with this pod the account would exceed its spending limit per hour.",
        "Stop another pod, choose a cheaper GPU, or ask RunPod for a higher limit.",
    ),
    Code.RUNPOD_NO_CREDIT: (
        Refused,
        "The RunPod account does not have enough credit for this pod.",
        "Add credit on RunPod's billing page: it must cover at least one hour of the pod.",
    ),
    Code.RUNPOD_NO_CAPACITY: (
        Failed,
        "RunPod has no free machine with this GPU and these settings.",
        "Choose the next GPU, any data centre or a smaller disk; or wait until a machine is free.",
    ),
    Code.RUNPOD_HOST_FULL: (
        Failed,
        "The pod's machine has no free GPU: others rented it while the pod was stopped.",
        "Retry later (`labeltui pod start --retry`), start it without a GPU to fetch data, or rent a new pod.",
    ),
    Code.RUNPOD_POD_GONE: (
        Failed,
        "The pod no longer exists.",
        "It was terminated, or belongs to another account; `labeltui pod list` shows the pods.",
    ),
    Code.RUNPOD_BAD_REQUEST: (
        Failed,
        "RunPod refused {what}{said}.",
        "If RunPod refuses every GPU, the request is wrong: check the disks and the data centre.",
    ),
    Code.RUNPOD_KEY_REFUSED: (
        Refused,
        "RunPod does not accept the API key.",
        "The key may be deleted, expired or incomplete. Make a new key in RunPod's settings.",
    ),
    Code.RUNPOD_POOL_FORBIDDEN: (
        Refused,
        "RunPod does not let this API key or account rent that machine{said}.",
        "Choose another GPU or the secure cloud, or use a key that may create pods.",
    ),
    Code.RUNPOD_KEY_SCOPE: (
        Refused,
        "The API key is valid, but its permissions do not allow {what}.",
        "Give the key permission to {need} in RunPod's settings, or use a key with all permissions.",
    ),
    Code.RUNPOD_NOT_FOUND: (
        Failed,
        "RunPod found nothing for {what}.",
        "The object may be deleted, or belong to another account.",
    ),
    Code.RUNPOD_IN_CLUSTER: (
        Refused,
        "The pod belongs to a cluster and cannot be changed on its own.",
        "Change the cluster on RunPod's website, or use another pod.",
    ),
    Code.RUNPOD_LOCKED: (
        Refused,
        "The pod is locked: it cannot be stopped or reset.",
        "Unlock it on RunPod's website, then try again.",
    ),
    Code.RUNPOD_NOT_NOW: (
        Refused,
        "The pod's present state does not allow {what}.",
        "The pod's state has changed since it was shown. Check the state.",
    ),
    Code.RUNPOD_API_OFF: (
        Failed,
        "RunPod has switched off the API that labeltui uses.",
        "Update labeltui. Pods may still be listed, started and stopped; GPUs, prices and volumes are not available.",
    ),
    Code.RUNPOD_TOO_LARGE: (
        Failed,
        "The request is too large for RunPod.",
        "Send files over SSH instead.",
    ),
    Code.RUNPOD_INVALID: (
        Failed,
        "RunPod says that the request is not valid: {reason}.",
        "Correct the field that RunPod names; the same request would fail again.",
    ),
    Code.RUNPOD_RATE_LIMITED: (
        Unreachable,
        "RunPod accepts no more requests from this account for {wait}.",
        "Try again after that; other programs on the same account share the limit.",
    ),
    Code.RUNPOD_EDGE_TIMEOUT: (
        Unreachable,
        "RunPod did not answer {what} in time.",
        "RunPod may have carried out the request nevertheless: check before you try again.",
    ),
    Code.RUNPOD_EDGE_ERROR: (
        Unreachable,
        "RunPod answered {what} with an error page (status {status}).",
        "RunPod may have an outage (see uptime.runpod.io): try again later.",
    ),
    Code.RUNPOD_SERVER_ERROR: (
        Failed,
        "RunPod had an internal error while it answered {what}.",
        "Try again in a minute; if the error stays, contact RunPod's support.",
    ),
    Code.RUNPOD_EDGE_BLOCKED: (
        Refused,
        "RunPod's firewall blocked the request.",
        "The cause is this network or its proxy, not the API key; wait, or use another network.",
    ),
    Code.RUNPOD_ANSWER: (
        Failed,
        "RunPod's answer to {what} cannot be used: it has status {status}.",
        "Check RUNPOD_API_BASE_URL and any proxy in between.",
    ),
    Code.RUNPOD_CREATE_UNCLEAR: (
        Unreachable,
        "It is unknown whether RunPod created {what}: RunPod did not answer, and does not list it yet.",
        "Check the list of pods first. If you try again, labeltui first searches for a pod of that name.",
    ),
    Code.RUNPOD_OUTCOME_UNCLEAR: (
        Unreachable,
        "It is unknown whether RunPod carried out this request: {what}.",
        "Check the pod's state; labeltui did not repeat the request.",
    ),
    Code.RUNPOD_STILL_THERE: (
        Failed,
        "RunPod still lists the pod {what}, although labeltui has terminated it.",
        "The pod may still cost money: terminate it again, and check RunPod's website.",
    ),
}
"""The class of error, message and hint of each code. :func:`failure` fills in the names in braces."""


def failure(code: Code, detail: str = "", **known: object) -> LabeltuiError:
    """Make the failure for ``code``. ``known`` fills in message and hint; ``detail`` is RunPod's text."""
    kind, message, hint = FAILURES[code]
    return kind(code, message.format_map(known), hint.format_map(known), detail)


def api_off(detail: str = "") -> LabeltuiError:
    """``runpod_api_off``: RunPod has switched this API off."""
    return failure(Code.RUNPOD_API_OFF, detail)


def no_capacity(detail: str = "") -> LabeltuiError:
    """``runpod_no_capacity``: no machine with the requested settings is free."""
    return failure(Code.RUNPOD_NO_CAPACITY, detail)


def pod_gone(detail: str = "") -> LabeltuiError:
    """``runpod_pod_gone``: the account does not have this pod."""
    return failure(Code.RUNPOD_POD_GONE, detail)


def rate_limited(seconds: float | None, detail: str = "") -> LabeltuiError:
    """``runpod_rate_limited``: wait ``seconds``, or "a while" if None because RunPod gave no time."""
    wait = "a while" if seconds is None else f"{max(1, round(seconds))} s"
    return failure(Code.RUNPOD_RATE_LIMITED, detail, wait=wait)


def create_unclear(name: str, cause: LabeltuiError) -> LabeltuiError:
    """``runpod_create_unclear``: it is unknown whether RunPod created ``name``."""
    return failure(Code.RUNPOD_CREATE_UNCLEAR, cause.problem.message, what=name)


def outcome_unclear(what: str, cause: LabeltuiError) -> LabeltuiError:
    """``runpod_outcome_unclear``: it is unknown whether RunPod carried out the action ``what``."""
    return failure(Code.RUNPOD_OUTCOME_UNCLEAR, cause.problem.message, what=what)


def timed_out(what: str, seconds: float, detail: str = "") -> LabeltuiError:
    """``runpod_timeout``: RunPod may have received the request ``what``, but did not answer in ``seconds``."""
    return Unreachable(
        Code.RUNPOD_TIMEOUT,
        f"RunPod has not answered {what} within {seconds:.0f} s.",
        "RunPod may be slow, or the connection lost: try again.",
        detail,
    )


def unreachable(base: str, detail: str = "") -> LabeltuiError:
    """``runpod_unreachable``: no connection was made, so RunPod did not receive the request."""
    return Unreachable(
        Code.RUNPOD_UNREACHABLE,
        f"RunPod cannot be reached at {base}.",
        "Check this machine's network. Meanwhile, pods keep running and cost money.",
        detail,
    )


def dropped(what: str, detail: str = "", *, by: str = "The connection to RunPod broke") -> LabeltuiError:
    """``runpod_dropped``: the connection broke; RunPod may have carried out the request ``what``."""
    return Unreachable(
        Code.RUNPOD_DROPPED,
        f"{by} before the answer to {what} was complete.",
        "Check the network, then try again.",
        detail,
    )


def unusable(what: str, why: str, detail: str = "") -> LabeltuiError:
    """``runpod_answer``: RunPod reported success, but the content of the answer is not usable."""
    return Failed(
        Code.RUNPOD_ANSWER,
        f"RunPod's answer to {what} cannot be used: {why}.",
        "Check RUNPOD_API_BASE_URL and any proxy in between; or update labeltui.",
        detail,
    )


def still_there(pod_id: str) -> LabeltuiError:
    """``runpod_still_there``: the pod was terminated but is still listed."""
    return failure(Code.RUNPOD_STILL_THERE, what=pod_id)
