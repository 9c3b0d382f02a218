"""What to do about a problem with RunPod: ids of actions by the problem's code."""

from __future__ import annotations

OFFERS: dict[str, tuple[str, ...]] = {
    "runpod_no_key": ("doctor",),
    "runpod_bad_key": ("doctor",),
    "runpod_key_command": ("doctor",),
    "runpod_key_refused": ("doctor",),
    "runpod_key_scope": ("doctor",),
    "runpod_pool_forbidden": ("pod.gpus", "pod.create"),
    "runpod_no_credit": ("pod.billing",),
    "runpod_spend_limit": ("pod.billing", "pod.list"),
    "runpod_balance_empty": ("labels.pull", "pod.billing"),
    "runpod_balance_low": ("pod.billing", "pod.stop"),
    "runpod_no_capacity": ("pod.gpus", "pod.create"),
    "runpod_host_full": ("pod.start", "pod.create", "pod.show"),
    "runpod_no_gpu": ("pod.stop", "pod.start", "pod.create"),
    "runpod_outbid": ("pod.create",),
    "runpod_bad_request": ("pod.create",),
    "runpod_invalid": ("pod.create",),
    "runpod_pod_gone": ("pod.list", "pod.create"),
    "runpod_not_found": ("pod.list",),
    "runpod_not_now": ("pod.show",),
    "runpod_locked": ("pod.show",),
    "runpod_in_cluster": ("pod.list",),
    "runpod_api_off": ("doctor",),
    "runpod_rate_limited": ("pod.show",),
    "runpod_too_large": (),
    "runpod_server_error": ("pod.show",),
    "runpod_edge_blocked": ("doctor",),
    "runpod_edge_error": ("pod.show", "doctor"),
    "runpod_edge_timeout": ("pod.show",),
    "runpod_timeout": ("pod.show", "doctor"),
    "runpod_unreachable": ("doctor",),
    "runpod_dropped": ("pod.show", "doctor"),
    "runpod_answer": ("doctor",),
    "runpod_create_unclear": ("pod.list", "pod.create"),
    "runpod_outcome_unclear": ("pod.show",),
    "runpod_still_there": ("pod.terminate", "pod.show"),
    "runpod_exited_by_runpod": ("pod.logs", "pod.start"),
    "runpod_pod_error": ("pod.logs", "pod.start", "pod.terminate"),
    "runpod_image_failed": ("pod.logs", "pod.create", "pod.terminate"),
    "runpod_no_candidate": ("pod.gpus",),
    "runpod_start_slow": ("pod.logs", "pod.stop", "pod.show"),
    "runpod_needs_v2": ("pod.stop", "pod.start"),
    "runpod_sdk_missing": ("doctor",),
    "runpod_sdk_failed": ("doctor",),
    "runpod_graphql_changed": ("doctor",),
    "runpod_keys_unread": ("pod.keys",),
    "runpod_keys_lost": ("pod.keys",),
}


def offers(code: str) -> tuple[str, ...]:
    """Ids of the actions that may help with the problem of that code, best first."""
    return OFFERS.get(code, ())
