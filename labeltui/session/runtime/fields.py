"""The fields of a session's state, each with its type and the only module that writes it.

The owner of a field asks the store for its writer (``store.own(Fields.host)``). A store returns each writer
only once, so no other module can write the field. Any module may read ``store.state``. A subscriber checks
which fields changed (``Fields.host in changed``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, TypeVar

from labeltui.domain.state import SessionState

T = TypeVar("T")


class Field(Generic[T]):
    """One field of :class:`SessionState`.

    ``read`` returns the field's value. ``owner`` is the module of this package that writes the field.
    """

    def __init__(self, read: Callable[[SessionState], T], owner: str) -> None:
        self.read = read
        self.owner = f"labeltui.{owner}"
        self.name = ""

    def __set_name__(self, _owner: type, name: str) -> None:
        """Store the name of the class attribute. SessionState has a field of the same name."""
        self.name = name

    def replaced(self, state: SessionState, value: T) -> SessionState:
        """Return a copy of the state with ``value`` in this field."""
        change: dict[str, Any] = {self.name: value}
        return replace(state, **change)

    def __repr__(self) -> str:
        return f"Fields.{self.name}"


class Fields:
    """Every field of the state except ``identity``, which never changes."""

    host = Field(lambda s: s.host, owner="session.connection.link")
    metrics = Field(lambda s: s.metrics, owner="session.connection.load")
    tunnel = Field(lambda s: s.tunnel, owner="session.connection.tunnel")
    consoles = Field(lambda s: s.consoles, owner="session.connection.consoles")
    prepared = Field(lambda s: s.prepared, owner="session.server.prepared")
    server = Field(lambda s: s.server, owner="session.server.process")
    log_errors = Field(lambda s: s.log_errors, owner="session.server.process")
    info = Field(lambda s: s.info, owner="session.server.pollers")
    queue = Field(lambda s: s.queue, owner="session.server.pollers")
    cut_off = Field(lambda s: s.cut_off, owner="session.studies.cut_off")
    worklist = Field(lambda s: s.worklist, owner="session.studies.worklist")
    training = Field(lambda s: s.training, owner="session.server.pollers")
    trainings = Field(lambda s: s.trainings, owner="session.history.trainings")
    session_began = Field(lambda s: s.session_began, owner="session.server.began")
    day_ended = Field(lambda s: s.day_ended, owner="session.day")
    report_written = Field(lambda s: s.report_written, owner="session.day")
    labels = Field(lambda s: s.labels, owner="session.labels.status")
    models = Field(lambda s: s.models, owner="session.models.home")
    pod = Field(lambda s: s.pod, owner="session.pod.account")
    pods = Field(lambda s: s.pods, owner="session.pod.account")
    account = Field(lambda s: s.account, owner="session.pod.account")
    requests_left = Field(lambda s: s.requests_left, owner="session.pod.account")
    pod_events = Field(lambda s: s.pod_events, owner="session.pod.events")
    loads = Field(lambda s: s.loads, owner="session.pod.events")
    spend = Field(lambda s: s.spend, owner="session.pod.spending")
    guard = Field(lambda s: s.guard, owner="session.pod.guard")
    invitations = Field(lambda s: s.invitations, owner="session.invitations")
    alerts = Field(lambda s: s.alerts, owner="session.runtime.store")
    demo_step = Field(lambda s: s.demo_step, owner="opening.autostart")


FIELDS: tuple[Field[Any], ...] = tuple(one for one in vars(Fields).values() if isinstance(one, Field))
"""Every field of :class:`Fields`."""
