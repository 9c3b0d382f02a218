"""The lines above the queue: the progress of the labelling, or the reason why no study is listed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.content import Content

from labeltui.domain.rules.pace import expected_end, labels_left, pace
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.studies.study import StudyQueue
from labeltui.ui.panes.empty import without_server
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.rows import wrapped
from labeltui.ui.presentation.strip import finals_of_total, sound_finals
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone
from labeltui.ui.widgets.bar import bar

SHORTEST_BAR = 12


def head(
    state: SessionState, now: datetime, width: int, keys_of: Callable[[str], str], none_matches: bool
) -> list[Content]:
    """Return how many studies are finished, or why no study is listed. ``none_matches``: a filter hides all."""
    queue = state.queue.value
    lines = missing(state, width, keys_of)
    if not lines and queue is not None:
        lines = progress(state, queue, now, width) + batch(state, width, keys_of)
        if none_matches:
            lines += wrapped("No study matches the filter. esc shows all studies.", width, Tone.WARN)
    return lines


def missing(state: SessionState, width: int, keys_of: Callable[[str], str]) -> list[Content]:
    """Return lines that explain why no study is listed; empty if there are studies."""
    queue = state.queue.value
    if queue is not None and queue.studies:
        return []
    sentences = without_server(state, keys_of)
    if not sentences and queue is None:
        sentences = [safe(state.queue.error or "Reading the queue …")]
    elif not sentences and queue is not None and not queue.listed:
        sentences = [
            f"{finals_of_total(state, queue).replace('/', ' of ')} studies are final.",
            safe(f"{queue.source_problem} A study is listed here once somebody has opened it.".strip()),
        ]
    elif not sentences and queue is not None and queue.modality:
        sentences = [
            safe(
                queue.filtered_out or f"The DICOMweb server has no series of the modality {queue.modality}."
            ),
            f"Stop the server ({keys_of('server.stop')}), and start it for another modality "
            f"({keys_of('server.options')}).",
        ]
    elif not sentences:
        sentences = [
            "There are no studies in the folder yet.",
            f"Upload files from this machine ({keys_of('queue.upload')}). Files in it are listed by themselves.",
        ]
    lines: list[Content] = []
    for index, text in enumerate(sentences):
        lines += Content.styled(text, Tone.PLAIN if index == 0 else Tone.FAINT).wrap(max(10, width))
    return lines


def progress(state: SessionState, queue: StudyQueue, now: datetime, width: int) -> list[Content]:
    """Return the bar of finished studies, and a line for a problem with the list."""
    finals = sound_finals(state, queue)
    share = 100.0 * finals / queue.total if queue.total and finals is not None else None
    tone = Tone.FAINT if stale_age(state.queue, now) else Tone.GOOD
    number = "" if share is None else f" {share:.0f}% final"
    outlook = _outlook(state, queue, finals, now)
    text = " · ".join(part for part in (number, outlook) if part)
    if width - len(text) >= SHORTEST_BAR:
        lines = [Content.assemble(bar(share, width - len(text), tone), (text, tone))]
    else:
        lines = [
            Content.assemble(bar(share, max(4, width - len(number)), tone), (number, tone)),
            Content.styled(elide(outlook, width), Tone.FAINT),
        ]
    if queue.source_problem:
        lines.append(Content.styled(elide(safe(queue.source_problem), width), Tone.WARN))
    return lines


def batch(state: SessionState, width: int, keys_of: Callable[[str], str]) -> list[Content]:
    """Return a line on the batch inference that runs, whoever started it; empty if none runs."""
    run = state.server.value.batch if state.server.value is not None else None
    if run is None:
        return []
    keys, left = keys_of("infer.stop"), "" if run.left_s is None else f", {words.duration(run.left_s)} left"
    done = f"{run.done} of {run.total}{left}" if run.total else "loads"
    text = f"{safe(run.model)} infers studies: {done} · {keys} stops it"
    if len(text) > width:
        text = f"infers {done.replace(' of ', '/')} · {keys} stops"
    tone = Tone.FAINT if state.server.error else Tone.BUSY
    return [Content.styled(elide(text, width), tone)]


def _outlook(state: SessionState, queue: StudyQueue, finals: int | None, now: datetime) -> str:
    """Return the number of studies left, the labels per hour, and the time at which the last label is expected.

    While no server runs, no time is given.
    """
    if finals is None or queue.total is None:
        return ""
    left, going = queue.total - finals, pace(state, now)
    per_hour = going.per_hour if going is not None else None
    server = state.server.value
    serves = server is not None and server.state is ServerState.RUNNING
    end = expected_end(labels_left(state, left), per_hour, now) if serves else None
    parts = (
        f"{left} left",
        "" if per_hour is None else f"{per_hour:.1f}/h",
        f"done {_day(end, now)}" if end else "",
    )
    return " · ".join(part for part in parts if part)


def _day(at: datetime, now: datetime) -> str:
    """Format a time: of today as ``18:40``, of the next six days as ``Tue 18:40``, else as the date."""
    at, now = at.astimezone(), now.astimezone()
    days = (at.date() - now.date()).days
    return f"{at:%H:%M}" if days == 0 else f"{at:%a %H:%M}" if days < 7 else f"{at:%d %b %Y}"
