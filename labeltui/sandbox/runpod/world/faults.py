"""Faults by name. An armed fault takes effect at its next ``times`` matching occasions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. ``parameters`` lists its parameters except ``times`` and the occasion's filters."""

    name: str
    occasion: str
    effect: str
    parameters: tuple[str, ...] = ()


_ALL = (
    Kind(
        "no_capacity",
        "create",
        "No instance is free: 400 in v2, error or null in GraphQL.",
        ("detail", "null"),
    ),
    Kind("no_resources", "create", "The machine has too few resources for the pod: 400."),
    Kind("over_limit", "create", "The pod would exceed the spending limit: 402."),
    Kind("something_wrong", "create", "500, with RunPod's general error message."),
    Kind("image_refused", "create", "The pod is EXITED by RunPod two seconds after the rent."),
    Kind("stuck_pulling", "create", "The download of the image never ends."),
    Kind("slow_start", "start", "Everything until RUNNING takes `factor` times as long.", ("factor",)),
    Kind("host_full", "start", "The host has no free GPU: 400; the pod stays stopped."),
    Kind("zero_gpu", "start", "The pod comes back without a GPU."),
    Kind("fails_to_start", "start", "The container ends in ERROR instead of RUNNING."),
    Kind(
        "stale_address",
        "start",
        "The API reports the old port for `seconds` (90) after a start.",
        ("seconds",),
    ),
    Kind("no_ports", "start", "RUNNING, but no port is ever mapped."),
    Kind("no_sshd", "start", "A port is mapped, and connections to it are refused."),
    Kind("no_fingerprints", "start", "The image prints no host keys."),
    Kind("terminate_ignored", "terminate", "204, but the pod goes on running and costing."),
    Kind("hidden", "get", "404 although the pod is there."),
    Kind(
        "list_lag", "list", "New pods are missing, and terminated ones listed, for `seconds`.", ("seconds",)
    ),
    Kind("short_pages", "list", "Pages hold one entry, whatever the limit."),
    Kind("runtime_null", "read", "A running pod's runtime is null in this one answer."),
    Kind("answer_lost", "http", "The request is carried out, then the connection is cut without an answer."),
    Kind("cut", "http", "The connection is cut before the request is carried out."),
    Kind(
        "hang",
        "http",
        "No answer comes until the client gives up; with `done` the request is carried out.",
        ("done",),
    ),
    Kind("delay", "http", "The answer comes `seconds` late.", ("seconds",)),
    Kind(
        "status",
        "http",
        "This `status`, as problem, error, message, empty or html (`shape`).",
        ("status", "shape", "detail", "retry_after"),
    ),
    Kind("garbage", "http", "200 with incomplete JSON."),
    Kind("log_cut", "log", "The log stream ends after `lines` lines.", ("lines",)),
)

FAULTS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
"""Every fault by name."""

_FILTERS = {
    "create": ("name", "gpu", "center"),
    "start": ("pod",),
    "terminate": ("pod",),
    "get": ("pod",),
    "read": ("pod",),
    "list": (),
    "http": ("method", "path"),
    "log": ("pod",),
}


class UnknownFault(ValueError):
    """The fault or parameter does not exist. The message lists the existing ones."""


@dataclass(slots=True)
class Armed:
    """A fault that waits for its occasion. If ``times`` is None, the fault applies until cleared."""

    name: str
    times: int | None
    only: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    def fits(self, facts: dict[str, str]) -> bool:
        """Return True if the filters match. ``path`` is a regular expression; other values must be equal."""
        for name, wanted in self.only.items():
            fact = facts.get(name, "")
            if not (re.search(wanted, fact) if name == "path" else wanted == fact):
                return False
        return True


class Faults:
    """The armed faults, oldest first."""

    def __init__(self) -> None:
        self.armed: list[Armed] = []

    def arm(self, name: str, /, *, times: int | None = 1, **parameters: Any) -> None:
        """Arm a fault for its next ``times`` occasions. Raises :class:`UnknownFault`."""
        kind = FAULTS.get(name)
        if kind is None:
            raise UnknownFault(f"no fault {name!r}; there are: {', '.join(FAULTS)}")
        filters = _FILTERS[kind.occasion]
        wrong = set(parameters) - set(filters) - set(kind.parameters)
        if wrong:
            raise UnknownFault(
                f"{name} takes no {', '.join(sorted(wrong))}; it takes {kind.parameters + filters}"
            )
        only = {key: str(value) for key, value in parameters.items() if key in filters}
        rest = {key: value for key, value in parameters.items() if key not in filters}
        self.armed.append(Armed(name, times, only, rest))

    def take(self, name: str, /, **facts: str) -> dict[str, Any] | None:
        """Use the first armed fault ``name`` that fits ``facts`` once. Returns its parameters, or None."""
        for fault in self.armed:
            if fault.name == name and fault.fits(facts):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.armed.remove(fault)
                return fault.parameters
        return None

    def clear(self, name: str | None = None) -> None:
        """Remove all faults called ``name``, or all faults if None."""
        self.armed = [fault for fault in self.armed if name is not None and fault.name != name]
