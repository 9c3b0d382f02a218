"""The facts of the status strip, in three lengths each. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.content import Content

from labeltui.domain.reading import Reading
from labeltui.domain.state import Level, SessionState
from labeltui.domain.states import LinkState, ServerState, TrainState, TunnelState
from labeltui.ui.presentation import words
from labeltui.ui.presentation.absence import absence
from labeltui.ui.presentation.fact import GONE, LONG, MEDIUM, SHORT, Fact, stale_age
from labeltui.ui.presentation.text import safe
from labeltui.ui.presentation.words import Tone, Word

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.studies.study import StudyQueue

ENDED_TRAINING, LAST = -1, 7
"""Ranks of facts: a strip that is too long drops the fact with the lowest rank first.

Facts from ``LAST`` on go last.
"""
BRIEF_COLUMNS = 100
"""A narrower strip starts with the short texts, so that no fact moves when another one's text gets longer."""
ENDED = (TrainState.IDLE, TrainState.DONE, TrainState.STOPPED, TrainState.ERROR)


def _unknown(names: tuple[str, str, str], reading: Reading[Any]) -> Fact:
    text = f"{words.UNKNOWN.glyph} {'no answer' if reading.error else words.UNKNOWN.text}"
    return Fact(names, (text, text, words.UNKNOWN.glyph), "", Tone.FAINT)


def _fact(names: tuple[str, str, str], word: Word, texts: tuple[str, str, str], old: str) -> Fact:
    return Fact(names, texts, word.glyph, word.tone, old)


def _host(state: SessionState, now: datetime) -> Fact | None:
    """Return the state of the connection; None if it is well and the strip shows the rented pod."""
    names = ("host", "host", "host")
    host = state.host.value
    if host is None:
        return _unknown(names, state.host)
    if (
        why := absence(state)
    ) is not None:  # the pod's state is newer than the last attempt to connect and explains more
        return _fact(names, why.word, why.texts, stale_age(state.pod, now))
    well = host.state is LinkState.CONNECTED and not state.host.is_stale(now)
    if well and state.pod.value is not None:
        return None
    word = words.LINK[host.state]
    long = word.text
    if host.state is LinkState.CONNECTED and host.latency_ms is not None:
        long += f" {host.latency_ms:.0f} ms"
    if host.next_try_at is not None and host.state is LinkState.RECONNECTING:
        long += f", next try {words.duration((host.next_try_at - now).total_seconds())}"
    short = {"connected": "up", "reconnecting": "retry", "connecting": "wait"}.get(word.text, word.text)
    return _fact(names, word, (long, word.text, short), stale_age(state.host, now))


def _tunnel(state: SessionState, now: datetime) -> Fact | None:
    """Return the tunnel's state; None unless the host is connected and the tunnel has failed."""
    names = ("tunnel", "tunnel", "tun")
    tunnel, host = state.tunnel.value, state.host.value
    if tunnel is None or host is None or host.state is not LinkState.CONNECTED:
        return None  # no tunnel is possible, and the host's state says why
    if tunnel.state is not TunnelState.FAILED:
        return None
    word = words.TUNNEL[tunnel.state]
    port = "" if tunnel.local_port is None else f":{tunnel.local_port}"
    return _fact(
        names,
        word,
        (f"{word.text} {port}".strip(), port or word.text, port or word.text),
        stale_age(state.tunnel, now),
    )


def _server(state: SessionState, now: datetime) -> Fact:
    names = ("server", "server", "srv")
    server = state.server.value
    if server is None:
        return _unknown(names, state.server)
    word = words.server(server)
    version = f" {safe(server.version)}" if server.version and server.state is ServerState.RUNNING else ""
    exit_code = (
        f" exit {server.exit_code}"
        if server.state is ServerState.CRASHED and server.exit_code is not None
        else ""
    )
    short = {"running": "run", "unreachable": "lost", "starting": "start", "running, fails": "fails"}.get(
        word.text, word.text
    )
    return _fact(
        names, word, (word.text + version + exit_code, word.text, short), stale_age(state.server, now)
    )


def _training(state: SessionState, now: datetime) -> Fact:
    names = ("training", "train", "trn")
    training = state.training.value
    if training is None:
        return _unknown(names, state.training)
    word = words.TRAINING[training.state]
    texts = (word.text, word.text, word.text)
    if (
        training.state in (TrainState.RUNNING, TrainState.DONE, TrainState.STOPPED)
        and training.epoch is not None
    ):
        total = f"{training.total_epochs or '?'}"
        epochs = f"{training.epoch:>{len(total)}}/{total}"  # as wide at epoch 9 as at epoch 10
        best = f" best {training.best.value:.3f}" if training.best else ""
        brief = f" {training.best.value:.2f}".replace(" 0.", " .") if training.best else ""
        texts = (f"{word.text} {epochs}{best}", epochs + best, epochs + brief)
    return _fact(names, word, texts, stale_age(state.training, now))


def sound_finals(state: SessionState, queue: StudyQueue) -> int | None:
    """Return the number of finished studies; None if it is unknown.

    Not counted are studies whose final label is damaged, and studies that lack their second reading.
    """
    copies, worklist = state.labels.value, state.worklist.value
    damaged = copies.damaged_finals if copies is not None else ()
    return queue.sound_finals(damaged, worklist.second if worklist is not None else ())


def finals_of_total(state: SessionState, queue: StudyQueue) -> str:
    """Return the counts as ``3/40``, with a question mark for an unknown one."""
    finals = sound_finals(state, queue)
    return "/".join("?" if count is None else str(count) for count in (finals, queue.total))


def server_counts(queue: StudyQueue) -> str:
    """Return the server's own counts as ``server: 3/40``. Empty if they are unknown or the same as labeltui's."""
    if not queue.server_differs:
        return ""
    counts = (queue.server_completed, queue.server_total)
    return "server: " + "/".join("?" if count is None else str(count) for count in counts)


def _queue(state: SessionState, now: datetime) -> Fact:
    names = ("queue", "queue", "q")
    queue = state.queue.value
    if queue is None:
        return _unknown(names, state.queue)
    unknown = queue.total is None and queue.completed is None
    done = (server_counts(queue) if unknown else "") or finals_of_total(state, queue)
    open_now = queue.open_studies.count
    long = f"{done} final" + (f", {open_now} open" if open_now else "")
    return Fact(names, (long, f"{done} final", done), "", Tone.PLAIN, stale_age(state.queue, now))


def _labels(state: SessionState, now: datetime) -> Fact | None:
    """Return the number of people's labels that are copied to this machine.

    Labels that models made are not counted, but one that can't be copied is named.

    The short text is empty unless labels remain to be copied or the number is stale.
    """
    copies = state.labels.value
    names = ("labels", "labels", "lab")
    if copies is None:
        return _unknown(names, state.labels) if state.labels.error else None
    old = stale_age(state.labels, now)
    counts = f"{copies.people_here}/{copies.people}"
    if not copies.reason and (copies.safe or not copies.copies):
        brief = counts if old else ""
        suffix = "here" if copies.copies else "here, not copied"
        return Fact(
            names if brief else (*names[:2], ""), (f"{counts} {suffix}", counts, brief), "", Tone.PLAIN, old
        )
    if not copies.reason:
        return Fact(names, (f"{counts} here, copying", counts, counts), "◌", Tone.BUSY, old)
    count = copies.concerned
    absent = f"{count} not copied" if count else "some may be missing"
    texts = (f"{absent}: {safe(copies.reason)}", absent, str(count or "?"))
    return Fact(names, texts, "✗", Tone.BAD, old)


def labels_here(state: SessionState, now: datetime) -> str:
    """Return the text for a pane's border that says how many labels are copied; empty if that is unknown."""
    fact = _labels(state, now)
    if fact is None or state.labels.value is None:
        return ""
    return f"labels {fact.texts[LONG]}" + (f" ({fact.old} old)" if fact.old else "")


def _log(state: SessionState) -> Fact | None:
    count = state.log_errors
    if not count:
        return None
    # The short text is empty: in a narrow strip, the log's tab shows the count.
    return Fact(("log", "log", ""), (words.plural(count, "error"), str(count), ""), "✗", Tone.BAD)


def _others(state: SessionState, now: datetime) -> Fact | None:
    """Return who else works on this host, and the action for which one of them has the lease; None if nobody does.

    The short text is empty unless an action runs.
    """
    others = state.consoles.value
    if not others:
        return None
    first = next((one for one in others if one.action), others[0])
    more = f" +{len(others) - 1}" if len(others) > 1 else ""
    name, does = safe(first.shown), safe(first.action)
    long = f"{name}: {does}" if does else name
    brief = "busy" if does else ""
    return Fact(
        ("also here", "also", "also" if brief else ""), (long + more, name + more, brief), "",
        Tone.BUSY if does else Tone.PLAIN, stale_age(state.consoles, now),
    )  # fmt: skip


def _alerts(state: SessionState) -> Fact:
    serious = [alert for alert in state.alerts if alert.level is not Level.INFO]
    if not serious:
        return Fact(("", "", ""), ("no alerts", "", ""), "", Tone.FAINT)
    worst = words.LEVEL[Level.ERROR if any(a.level is Level.ERROR for a in serious) else Level.WARNING]
    text = words.plural(len(serious), "alert")
    return Fact(("", "", ""), (text, text, str(len(serious))), worst.glyph, worst.tone)


def facts(state: SessionState, now: datetime) -> tuple[Fact, ...]:
    """Return the facts of the strip, left to right."""
    return tuple(fact for fact, _, _ in _ranked(state, now))


def _ranked(state: SessionState, now: datetime) -> list[tuple[Fact, int, int]]:
    """Return the facts, each with a rank for shortening it and a rank for dropping it. The lowest rank goes first."""
    training = state.training.value
    ended = training is not None and training.state in ENDED
    shown = [
        ("pane.pod", _pod(state, now), 6, 9),
        ("pane.pod", _guard(state, now), 5, 8),
        (
            "pane.pod",
            _host(state, now),
            0,
            LAST if ended else 0,
        ),  # a training that runs shows that the host is there
        ("pane.pod", _tunnel(state, now), 3, 6),
        ("pane.log", _server(state, now), 2, 3),
        ("pane.training", _training(state, now), 4, ENDED_TRAINING if ended else 5),
        ("pane.queue", _queue(state, now), 1, 1),
        ("pane.queue", _labels(state, now), 5, 2),  # its short text is empty
        ("pane.log", _log(state), 5, 6),
        ("pane.pod", _others(state, now), 1, 3),
        ("alerts", _alerts(state), 5, 6),
    ]
    return [
        (replace(fact, action=action), turn, worth) for action, fact, turn, worth in shown if fact is not None
    ]


def _can_go(fact: Fact, worth: int, stage: int) -> bool:
    """Whether a strip that is still too long drops the fact. Pod and guard are the last to go."""
    well = fact.tone in (Tone.GOOD, Tone.PLAIN)
    if stage == 0:
        ended = worth == ENDED_TRAINING and fact.tone is not Tone.BAD
        return worth < LAST and (ended or (well and not fact.old))
    if stage == 1:
        return worth < LAST and (worth == ENDED_TRAINING or well or fact.tone is Tone.FAINT)
    return well and not fact.old


def identity(state: SessionState, length: int) -> Content:
    """Return the profile's name, with ``DEMO`` and ``READ-ONLY`` if they apply."""
    parts: list[tuple[str, str]] = [(f" {safe(state.identity.profile)} ", "bold reverse $text-primary")]
    if state.identity.demo:
        scenario = f" {safe(state.identity.scenario)}" if state.identity.scenario and length == LONG else ""
        parts.append((f" DEMO{scenario} ", "bold reverse $text-warning"))
    if state.identity.read_only:
        parts.append((" READ-ONLY " if length < SHORT else " RO ", "bold reverse $text-accent"))
    return Content.assemble(*parts)


def _pod(state: SessionState, now: datetime) -> Fact | None:
    if state.pod.value is None and state.pod.error is None:
        return None
    from labeltui.ui.presentation.money import pod_fact  # noqa: PLC0415 - only where something is rented; it needs this module

    return pod_fact(state, now)


def _guard(state: SessionState, now: datetime) -> Fact | None:
    if state.guard.value is None and state.guard.error is None:
        return None
    from labeltui.ui.presentation.guard import guard_fact  # noqa: PLC0415 - as above

    return guard_fact(state, now)


def strip_line(state: SessionState, now: datetime, width: int) -> Content:
    """Fit the facts on one line of ``width`` cells: shorten them by rank, then drop those that report no problem."""
    ranked = _ranked(state, now)
    shown = tuple(fact for fact, _, _ in ranked)
    order = sorted(range(len(ranked)), key=lambda position: ranked[position][1])
    lengths = [SHORT if width < BRIEF_COLUMNS else LONG] * len(shown)
    line = _joined(state, shown, lengths, " │ " if width >= BRIEF_COLUMNS else "  ")
    for length in (MEDIUM, SHORT):
        for position in order:
            if line.cell_length <= width:
                return line
            lengths[position] = length
            line = _joined(state, shown, lengths, " │ ")
    if line.cell_length <= width:
        return line
    line = _joined(state, shown, lengths, "  ")
    # Drop facts that report no trouble, so that no alert is cut off.
    order.sort(key=lambda position: ranked[position][2])
    for stage in range(3):
        for position in order:
            if line.cell_length <= width:
                return line
            if _can_go(shown[position], ranked[position][2], stage):
                lengths[position] = GONE
                line = _joined(state, shown, lengths, "  ")
    return line


def _joined(state: SessionState, shown: tuple[Fact, ...], lengths: list[int], gap: str) -> Content:
    items = [fact.at(length) for fact, length in zip(shown, lengths, strict=True)]
    separator = Content.styled(gap, "$border-blurred")
    return (
        identity(state, min(max(lengths), SHORT))
        + " "
        + separator.join([item for item in items if item.plain])
    )
