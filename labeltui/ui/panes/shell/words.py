"""What the shell pane says: how a shell stands, why there is none, what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from labeltui.domain.host import HostStatus, LinkState
from labeltui.ui.presentation.text import safe

if TYPE_CHECKING:
    from labeltui.session.connection.shells import OpenShell
    from labeltui.ui.presentation.absence import Absence


class Phase(Enum):
    """How a shell stands."""

    NONE = "none"  # there has not been one yet
    OPENING = "opening"
    LIVE = "live"
    EXITED = "exited"
    LOST = "lost"


TAKEN_WORDS = "another console took over the shell"
DOOR_WORDS = "emergency shell: no file transfer, no tunnel"


def kept_words(opened: OpenShell | None) -> str:
    """What the shell outlives, in few words for the border."""
    if opened is None:
        return ""
    words = {"tmux": "kept alive by tmux", "proxy": DOOR_WORDS}
    return words.get(opened.lifetime.value, f"ends with the connection: {opened.no_tmux_reason}")


def standing(phase: Phase, ended: str, behind: int, *, kept: bool, absent: Absence | None = None) -> str:
    """How it stands, and the key that matters now; ``kept``: the host's tmux has it.

    ``absent``: why the host's pod can't be reached: no key brings that shell back then, and no tmux has it.
    """
    if phase is Phase.LIVE:
        return f"▲ {behind} rows back · shift+pgdn · ctrl+f finds" if behind else "ctrl+] leaves"
    if phase is Phase.EXITED:
        return f"{ended} · enter {'takes it back' if ended == TAKEN_WORDS else 'starts a new one'}"
    if phase is Phase.LOST and absent is not None:
        return f"✕ {ended}: {absent.said[:1].lower()}{absent.said[1:].rstrip('.')}"
    if phase is Phase.LOST:
        return f"✕ {ended}{'; shell runs on in tmux' if kept else ''} · enter reconnects now"
    return ""


def teaching(
    host: HostStatus | None,
    phase: Phase,
    ended: str,
    *,
    reconnect: str,
    door: str = "",
    absent: Absence | None = None,
) -> Sequence[str]:
    """Why there is no shell yet; ``reconnect`` and ``door`` are the keys, the latter only where there is a door.

    ``absent``: why the host's pod can't have one.
    """
    state = None if host is None else host.state
    address = "the host" if host is None else safe(host.address)
    through = (f"{door} opens a shell through RunPod's proxy instead:", f"{DOOR_WORDS}.") if door else ()
    if phase is Phase.EXITED:
        return (f"{safe(ended)[:1].upper()}{safe(ended)[1:]}.", "enter opens a new one.")
    if phase is Phase.OPENING or state is LinkState.CONNECTED:
        return (f"Opening a shell on {address} …", *((safe(ended),) if ended else ()))
    if absent is not None:
        return (*filter(None, (absent.said, absent.next)), *through)
    if state in (LinkState.CONNECTING, LinkState.RECONNECTING):
        detail = "" if host is None else safe(host.detail)
        return (f"Connecting to {address} …", *((detail,) if detail else ()), *through)
    if state is LinkState.REFUSED:
        return (f"{address} refused the connection; pane 1 shows why.", f"{reconnect} tries again.", *through)
    return (
        f"Not connected to {address}.",
        f"A shell opens here once it is connected; {reconnect} connects now.",
        *through,
    )


def teaching_door(phase: Phase, ended: str) -> Sequence[str]:
    """Why there is no shell through the proxy yet."""
    if phase is not Phase.OPENING and ended:
        return ("RunPod's proxy opened no shell:", safe(ended), "enter tries again.")
    return ("Opening a shell through RunPod's proxy …",)


def closing_question(program: str | None, *, kept: bool) -> str:
    """What is asked before a shell is closed; ``program`` None: it can't be seen what runs in it."""
    if program is None:
        return "Close this shell? labeltui can't see whether a program runs in it; closing would end it."
    more = " (quitting labeltui does not)" if kept else ""
    return f"Close this shell? {safe(program)} runs in it; closing ends it{more}."


def copy_question(text: str) -> str:
    """What is asked when a program wants text on the clipboard."""
    start = safe(" ".join(text.split()))[:60]
    return (
        f"A program in the shell wants to put {len(text)} characters on your clipboard: “{start}”. "
        "Allow this, now and until you quit labeltui?"
    )


def paste_question(text: str) -> str:
    """What is asked before several lines are typed into a program that takes each at once."""
    lines = text.strip("\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"Paste {len(lines)} lines? The program in the shell runs each line as soon as it arrives."
