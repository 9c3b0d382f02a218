"""Shows invited annotators as a row of the pod pane, and as rows of their list. Pure."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from labeltui.domain.invitations import Invitation, Invitations
from labeltui.domain.state import SessionState
from labeltui.ui.presentation import words
from labeltui.ui.presentation.fact import stale_age
from labeltui.ui.presentation.rows import row
from labeltui.ui.presentation.text import elide, fit, safe
from labeltui.ui.presentation.words import Tone, Word

NAME_CELLS, STATE_CELLS = 34, 20


def invited_word(one: Invitation) -> Word:
    """Return the word that says whether an annotator has access and is connected."""
    if not one.installed:
        return Word("▲", one.words, Tone.WARN)
    if one.connected is None:
        return words.UNKNOWN
    return Word("●", one.words, Tone.GOOD) if one.connected else Word("○", one.words, Tone.PLAIN)


def invited_line(state: SessionState, now: datetime, width: int) -> list[Content]:
    """Return the pod pane's row on invited annotators; empty if nobody is invited."""
    found = state.invitations.value
    if found is None or not found.all:
        return []
    old = stale_age(state.invitations, now)
    text = " · ".join(f"{safe(one.name)} {invited_word(one)}" for one in found.all)
    age = f" {old} old" if old else ""
    return [row("invited", (elide(text, max(8, width - 9 - len(age))), Tone.FAINT if old else Tone.PLAIN),
                (age, Tone.WARN))]  # fmt: skip


def invitations_title(state: SessionState, now: datetime) -> str:
    """Return the title of the list, with the age of an old reading and its reason."""
    old = stale_age(state.invitations, now)
    return "invited annotators" + (
        f" · {old} old: {safe(state.invitations.error or 'no answer')}" if old else ""
    )


def invitations_header() -> Content:
    """Return the header of the list."""
    return Content.styled(f"{'  name':<{NAME_CELLS}}{'state':<{STATE_CELLS}}invited", Tone.FAINT)


def invitation_row(one: Invitation, width: int, now: datetime, *, chosen: bool) -> Content:
    """Return an invitation's row: name, state, and the time since the invitation."""
    word = invited_word(one)
    since = f"{words.age(one.since, now)} ago" if one.since is not None else "?"
    cells = (fit(f"  {safe(one.name)}", NAME_CELLS), fit(str(word), STATE_CELLS), since)
    if chosen:
        plain = fit("".join(cells), width)
        return Content.styled(plain, "bold $block-cursor-foreground on $block-cursor-background")
    return Content.assemble((cells[0], Tone.PLAIN), (cells[1], word.tone), (cells[2], Tone.FAINT))


def about(found: Invitations | None) -> str:
    """Return the sentence above the list."""
    if found is None:
        return "Reading the keys on the host …"
    if not found.all:
        return "Nobody is invited. Press n to make an SSH key for an annotator, and the text to send."
    if found.missing:
        return "Some annotators have no access to this host. Press i to install their keys and see the new address."
    return " ".join(found.unclear())
