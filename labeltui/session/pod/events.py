"""Detects events of the pod, including those that labeltui did not cause.

Stores the events, raises alerts, and reconnects if the pod's address changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from labeltui.domain.documents.documents import moment
from labeltui.domain.pod.events import PodEvent, changes
from labeltui.domain.pod.load import LoadSample, appended, of_agent, of_runpod
from labeltui.domain.pod.pod import Pod, PodStatus, SshEndpoint
from labeltui.domain.problems import Misused
from labeltui.domain.ssh_address import SSH_PORT, parse
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.session.connection.link import Link
from labeltui.session.pod.account import PodAccount
from labeltui.session.pod.stops import PodStops
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock

MAX_EVENTS = 200
PREVIOUS = "pod-seen"
EVENTS = "pod-events"
PINNED = "pinned"  # the connection reports it when it accepts the host keys of a new container
ALERTS: Mapping[str, Level] = {
    "migrated": Level.WARNING,
    "moved": Level.WARNING,
    "stopped": Level.WARNING,
    "address": Level.INFO,
}
"""Kinds of events that also raise an alert. A problem of the pod itself raises its own alert."""


class PodWatch:
    """Compares each reading of the profile's pod with the previous one, which may be from an earlier session."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        state: StateFolder,
        account: PodAccount,
        link: Link,
        stops: PodStops,
    ) -> None:
        self._store = store
        self._events, self._loads = store.own(Fields.pod_events), store.own(Fields.loads)
        self._stops = stops
        self._clock = clock
        self._state = state
        self._link = link
        self._before: Pod | None = None
        self._begun = False
        self._stores = False
        self._account = account
        account.on_event.add(self._on_account_event)
        store.subscribe(self._on_store)

    def begin(self, *, store: bool) -> None:
        """Load the events of earlier sessions. With ``store``, new events are written to the state folder."""
        if self._begun:
            return
        self._begun, self._stores = True, store
        self._before = _previous_pod(self._state.read(PREVIOUS))
        if self._before is not None:
            self._account.known_id = self._before.id
        listed = self._state.read(EVENTS).get("events", [])
        entries = listed if isinstance(listed, list) else []
        events = [event for one in entries if (event := _event(one)) is not None]
        self._events.write((*events, *self._events.value)[-MAX_EVENTS:])

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if Fields.metrics in changed and state.metrics.value is not None and state.metrics.error is None:
            self._sample(of_agent(state.metrics.value, state.metrics.as_of or self._clock()))
        if Fields.pod in changed and state.pod.value is not None and state.pod.error is None:
            self._pod(state.pod.value)

    def _sample(self, sample: LoadSample | None) -> None:
        if sample is not None:
            self._loads.write(appended(self._loads.value, sample))

    def _pod(self, pod: Pod) -> None:
        before, self._before = self._before, pod
        metrics = self._store.state.metrics
        if metrics.value is None or metrics.is_stale(self._clock()):
            self._sample(of_runpod(pod))
        if pod.status.is_up:
            self._store.dismiss("pod:stopped")
        happened = changes(before, pod, self._clock()) if before is not None else ()
        happened = tuple(event for event in happened if not self._already_reported(event, pod))
        asked = before is not None and self._stops.explain_end(before)
        self._note(happened, asked=asked)
        if before is None or happened:
            self._write()
        self._reconnect_if_moved(before, pod)

    def _reconnect_if_moved(self, before: Pod | None, pod: Pod) -> None:
        """Check the connection if the pod's address changed. A connection that still answers is not closed."""
        if pod.ssh is None or before is None:
            return
        if before.ssh != pod.ssh or before.id != pod.id:
            self._link.recheck("pod_stopped")

    def _already_reported(self, event: PodEvent, pod: Pod) -> bool:
        """Whether the connection has already reported this container."""
        begun = pod.container_started_at
        newest = _newest(self._events.value)
        return (
            event.kind == "restarted"
            and begun is not None
            and newest is not None
            and newest.kind == PINNED
            and newest.at >= begun
        )

    def _on_account_event(self, kind: str, text: str) -> None:
        events = self._events.value
        newest = _newest(events)
        if (
            kind == PINNED and newest is not None and newest.kind == "restarted"
        ):  # both events are of the same container, so merge them
            better = replace(newest, kind=kind, text=text)
            self._events.write(tuple(better if one is newest else one for one in events))
        else:
            self._note((PodEvent(self._clock(), kind, text),))
        self._write()

    def _note(self, happened: tuple[PodEvent, ...], *, asked: bool = False) -> None:
        """Store events, and raise their alerts.

        ``asked`` is True if the operator requested the stop of this container.
        """
        if not happened:
            return
        self._events.write((*self._events.value, *happened)[-MAX_EVENTS:])
        for event in happened:
            level = ALERTS.get(event.kind)
            if level is not None and not (event.kind == "stopped" and asked):
                self._store.alert(Alert(f"pod:{event.kind}", level, event.text, _hint(event.kind), event.at))

    def _write(self) -> None:
        if not self._stores:
            return
        self._state.write(EVENTS, {"events": [event_document(event) for event in self._events.value]})
        if self._before is not None:
            self._state.write(PREVIOUS, _pod_document(self._before))


def _newest(events: tuple[PodEvent, ...]) -> PodEvent | None:
    """Return the newest event that reports a new container; None if there is none.

    Such an event is ``restarted`` if RunPod reported the container, or ``pinned`` if its host keys did.
    """
    return next((one for one in reversed(events) if one.kind in ("restarted", PINNED)), None)


def _hint(kind: str) -> str:
    return {
        "stopped": "RunPod, the guard or somebody else stopped the pod, not this labeltui. Start it with p s.",
        "migrated": "The pod was created again or moved. labeltui finds it by its name.",
        "address": "labeltui reconnects. `labeltui ssh-config --write` updates ssh's configuration too.",
    }.get(kind, "")


def event_document(event: PodEvent) -> dict[str, Any]:
    """Return one event as a document, as ``pod events --json`` prints it."""
    return {"at": moment(event.at), "kind": event.kind, "text": event.text}


def _event(document: Any) -> PodEvent | None:
    try:
        return PodEvent(datetime.fromisoformat(document["at"]), str(document["kind"]), str(document["text"]))
    except (TypeError, KeyError, ValueError):
        return None


def _pod_document(pod: Pod) -> dict[str, Any]:
    return {
        "id": pod.id,
        "name": pod.name,
        "status": pod.status.value,
        "at": moment(pod.read_at),
        "data_centre": pod.data_centre,
        "started_at": pod.started_at.isoformat()
        if pod.started_at
        else None,  # to the microsecond, since it identifies the start
        "ssh": pod.ssh.address if pod.ssh else None,
    }


def _previous_pod(document: Mapping[str, Any]) -> Pod | None:
    """Return the pod as the last session stored it.

    None if nothing usable is stored, or if the pod was terminated.
    """
    try:
        started = document["started_at"]
        pod = Pod(
            str(document["id"]),
            str(document["name"]),
            PodStatus(document["status"]),
            datetime.fromisoformat(document["at"]),
            data_centre=document["data_centre"],
            started_at=datetime.fromisoformat(started) if started else None,
            ssh=_endpoint(document["ssh"]),
        )
    except (KeyError, TypeError, ValueError, Misused):
        return None
    return None if pod.status is PodStatus.TERMINATED else pod


def _endpoint(address: str | None) -> SshEndpoint | None:
    if not address:
        return None
    found = parse(address)
    return SshEndpoint(found.host, found.port or SSH_PORT, found.user or "root")
