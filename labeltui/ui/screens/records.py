"""Searchable lists: the actions, the pod's events, the alerts, and the trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from labeltui.domain.pod.events import PodEvent
from labeltui.domain.state import Alert, SessionState
from labeltui.domain.training.record import TrainingRecord
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed
from labeltui.ui.contract import console_of
from labeltui.ui.presentation import words
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.trainings import epochs, option_text
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.picklist import Entry, PickList

if TYPE_CHECKING:
    from labeltui.session.history.journal import Entry as Done
    from labeltui.session.labels.deleted import DeletedStudy


class ActionLogScreen(PickList):
    """Lists actions as commands, newest first. Enter copies a command."""

    TITLE_TEXT = "action log"
    FOOT_TEXT = "type to search · enter copies the command · esc closes"

    def __init__(self, done: Sequence[Done], now: datetime) -> None:
        super().__init__(
            [_done(entry, now) for entry in reversed(done)] or [_nothing("Nothing has been done yet.")]
        )

    def pick(self) -> None:
        """Copy the command."""
        copy_answer(self)


class EventsScreen(PickList):
    """Lists the pod's events, newest first. Enter copies an event."""

    TITLE_TEXT = "what happened to the pod"
    FOOT_TEXT = "type to search · enter copies it · esc closes"

    def __init__(self, events: Sequence[PodEvent], now: datetime) -> None:
        super().__init__(
            [_event(event, now) for event in reversed(events)]
            or [_nothing("Nothing has happened to the pod yet.")]
        )

    def pick(self) -> None:
        """Copy the event."""
        copy_answer(self)


class AlertsScreen(PickList):
    """Lists the present alerts, newest first, then the alerts that have ended.

    Enter opens an alert's log line, or copies an alert that has none.
    """

    TITLE_TEXT = "alerts"
    FOOT_TEXT = "type to search · enter opens its log line, or copies it · esc closes"

    def __init__(self, alerts: Sequence[Alert], now: datetime, earlier: Sequence[Alert] = ()) -> None:
        self._present, self._earlier = tuple(alerts), tuple(earlier)
        self._alerts: dict[str, Alert] = {}
        self._stop: Callable[[], None] = lambda: None
        super().__init__(self._listed(now))

    def _listed(self, now: datetime) -> list[Entry]:
        over = [alert for alert in reversed(self._earlier) if alert not in self._present]
        self._alerts = {_answer(alert): alert for alert in (*self._present, *over)}
        present = [_alert(alert, now, _answer(alert)) for alert in reversed(self._present)]
        ended = [_alert(alert, now, _answer(alert)) for alert in over]
        heading = _nothing("Alerts that have ended, and alerts of earlier sessions:")
        return [*(present or [_nothing("Nothing needs attention.")]), *((heading, *ended) if ended else ())]

    def on_mount(self) -> None:
        """List the alerts, and every change of them."""
        super().on_mount()
        session = console_of(self).session
        if session is not None:
            self._stop = session.store.subscribe(self._changed)

    def on_unmount(self) -> None:
        """Unsubscribe."""
        self._stop()

    def _changed(self, state: SessionState, fields: Changed) -> None:
        if Fields.alerts not in fields or not self.is_mounted:
            return
        self._earlier += tuple(alert for alert in self._present if alert not in state.alerts)
        self._present = state.alerts
        self.replace(self._listed(console_of(self).clock()))

    def pick(self) -> None:
        """Open the log at the alert's line, or copy the alert."""
        chosen = self.chosen
        alert = self._alerts.get(chosen.answer or "") if chosen is not None else None
        if alert is None:
            return
        console = console_of(self)
        self.dismiss(None)
        if alert.log_line is None:
            console.copy(f"{alert.message} {alert.hint}".strip())
        else:
            console.open_log(alert.log_line)


class DeletionsScreen(PickList):
    """Lists studies and labels that were deleted. Enter returns the number of the chosen deletion, as text."""

    TITLE_TEXT = "what was deleted"
    FOOT_TEXT = "type to search · enter brings it back · esc closes"

    def __init__(self, records: Sequence[DeletedStudy], now: datetime) -> None:
        super().__init__([_deletion(record, now, f"{index}") for index, record in enumerate(records)])


class TrainingsScreen(PickList):
    """Lists trainings, newest first. Enter copies one as text."""

    TITLE_TEXT = "trainings"
    FOOT_TEXT = "type to search · enter copies it · esc closes"

    def __init__(self, trainings: Sequence[TrainingRecord], now: datetime) -> None:
        entries = [_training(record, now) for record in reversed(trainings)]
        super().__init__(entries or [_nothing("No training is known yet.")])

    def pick(self) -> None:
        """Copy the training."""
        copy_answer(self)


def copy_answer(screen: PickList) -> None:
    """Copy the answer of the entry under the cursor, and close the screen."""
    chosen = screen.chosen
    if chosen is not None and chosen.answer is not None:
        console_of(screen).copy(chosen.answer)
        screen.dismiss(None)


def _nothing(text: str) -> Entry:
    return Entry(Content.styled(text, Tone.FAINT), text, heading=True)


def _done(entry: Done, now: datetime) -> Entry:
    here = entry.at.astimezone()
    day = "" if here.date() == now.astimezone().date() else f"{here:%a %d %b} "
    glyph, tone = ("◌", Tone.BUSY) if entry.ok is None else ("✓", Tone.GOOD) if entry.ok else ("✗", Tone.BAD)
    content = Content.assemble(
        (f"{glyph} {day}{words.clock_time(entry.at)} ", tone),
        (f"{safe(entry.title)}", "bold $foreground"),
        (f"  {safe(entry.outcome or 'running')}\n", Tone.FAINT),
        ("  $ ", Tone.FAINT),
        (safe(entry.command), Tone.PLAIN),
    )
    return Entry(content, f"{entry.title} {entry.command} {entry.outcome}", entry.command)


def _event(event: PodEvent, now: datetime) -> Entry:
    at = event.at.astimezone()
    content = Content.assemble(
        (f"{at:%a %H:%M:%S} ", Tone.FAINT),
        (f"{words.age(event.at, now):>4} ago  ", Tone.FAINT),
        (safe(event.text), Tone.PLAIN),
    )
    return Entry(content, f"{event.text} {event.kind}", f"{at.isoformat(timespec='seconds')} {event.text}")


def _answer(alert: Alert) -> str:
    return f"{alert.at.isoformat()} {alert.key} {alert.message}"


def _alert(alert: Alert, now: datetime, answer: str) -> Entry:
    word = words.ALERT[alert.level]
    content = Content.assemble(
        (f"{word.glyph} {word.text:<8}", word.tone),
        (f"{words.age(alert.at, now):>4} ago  ", Tone.FAINT),
        (safe(alert.message), Tone.PLAIN),
        (f"\n  {safe(alert.hint)}" if alert.hint else "", Tone.FAINT),
        (f"\n  log, line {alert.log_line + 1:,}" if alert.log_line is not None else "", Tone.FAINT),
    )
    return Entry(content, f"{alert.message} {alert.hint} {word.text}", answer)


def _deletion(record: DeletedStudy, now: datetime, answer: str) -> Entry:
    tags = sorted(record.labels)
    count = f"{len(tags)} label{'s' if len(tags) > 1 else ''}" if record.image else "label"
    what = " and ".join(
        part
        for part in ("image" if record.image else "", f"{count} {', '.join(tags)}" if tags else "")
        if part
    )
    at = datetime.fromisoformat(record.at)
    content = Content.assemble(
        (safe(record.study), "bold $foreground"),
        (f"  {safe(what)}\n", Tone.PLAIN),
        (f"  deleted {words.age(at, now)} ago, {at.astimezone():%a %d %b %H:%M:%S}", Tone.FAINT),
    )
    return Entry(content, f"{record.study} {what}", answer)


def _training(record: TrainingRecord, now: datetime) -> Entry:
    word = words.UNKNOWN_END if record.state is None else words.TRAINING[record.state]
    best, at = record.best, record.started_at.astimezone()
    value = f"best {words.metric(best.value)} ({safe(best.metric)})" if best is not None else "no best value"
    head = f"{safe(record.model)}  {epochs(record)}  {value}"
    started = f"started {at:%a %d %b %H:%M:%S}, {words.age(record.started_at, now)} ago"
    more = [safe(record.problem), safe(record.model_file), option_text(record.options)]
    content = Content.assemble(
        (f"{word.glyph} {word.text:<8}", word.tone),
        (f"{head}\n", Tone.PLAIN),
        ("\n".join(f"  {line}" for line in (started, *more) if line), Tone.FAINT),
    )
    text = " ".join((word.text, head, started, *more))
    return Entry(content, text, text)
