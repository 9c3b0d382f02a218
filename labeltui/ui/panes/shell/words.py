"""The shell pane's texts: the state of a shell, reasons for a missing shell, and questions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from labeltui.domain.host import HostStatus
from labeltui.domain.states import LinkState
from labeltui.ui.presentation.text import safe

if TYPE_CHECKING:
    from labeltui.session.connection.shells import OpenShell
    from labeltui.ui.presentation.absence import Absence


class Phase(Enum):
    """The state of a shell."""

    NONE = "none"  # no shell has been opened yet
    OPENING = "opening"
    LIVE = "live"
    EXITED = "exited"
    LOST = "lost"


TAKEN_OVER = "another console took over the shell"
PROXY_LIMITS = "emergency shell: no file transfer, no tunnel"


def lifetime_text(opened: OpenShell | None) -> str:
    """Return the border's text that says whether the shell outlives the connection; empty without a shell."""
    if opened is None:
        return ""
    words = {"tmux": "kept running by tmux", "proxy": PROXY_LIMITS}
    return words.get(opened.lifetime.value, f"ends with the connection: {opened.no_tmux_reason}")


def standing(phase: Phase, ended: str, behind: int, *, in_tmux: bool, absent: Absence | None = None) -> str:
    """Return the state of a shell and the most useful key; empty before the shell runs.

    ``behind`` is the number of rows scrolled back. ``in_tmux`` is True if the shell continues in the host's
    tmux. ``absent`` is the reason why the host's pod can't be reached; then neither tmux nor a key can restore
    the shell.
    """
    if phase is Phase.LIVE:
        return f"▲ {behind} rows back · shift+pgdn · ctrl+f finds" if behind else "ctrl+] leaves"
    if phase is Phase.EXITED:
        return f"{ended} · enter {'shows it here again' if ended == TAKEN_OVER else 'starts a new one'}"
    if phase is Phase.LOST and absent is not None:
        return f"✕ {ended}: {absent.reason[:1].lower()}{absent.reason[1:].rstrip('.')}"
    if phase is Phase.LOST:
        return f"✕ {ended}{'; the shell continues in tmux' if in_tmux else ''} · enter reconnects now"
    return ""


def empty_text(
    host: HostStatus | None,
    phase: Phase,
    ended: str,
    *,
    reconnect: str,
    proxy_keys: str = "",
    absent: Absence | None = None,
) -> Sequence[str]:
    """Return sentences that explain why there is no shell yet.

    ``reconnect`` and ``proxy_keys`` are keys; ``proxy_keys`` is empty without a proxied shell. ``absent`` is
    the reason why the host's pod can't be reached.
    """
    state = None if host is None else host.state
    address = "the host" if host is None else safe(host.address)
    through = (
        (f"{proxy_keys} opens a shell through RunPod's proxy instead:", f"{PROXY_LIMITS}.")
        if proxy_keys
        else ()
    )
    if phase is Phase.EXITED:
        return (f"{safe(ended)[:1].upper()}{safe(ended)[1:]}.", "enter opens a new shell.")
    if phase is Phase.OPENING or state is LinkState.CONNECTED:
        return (f"Opening a shell on {address} …", *((safe(ended),) if ended else ()))
    if absent is not None:
        return (*filter(None, (absent.reason, absent.next)), *through)
    if state in (LinkState.CONNECTING, LinkState.RECONNECTING):
        detail = "" if host is None else safe(host.detail)
        return (f"Connecting to {address} …", *((detail,) if detail else ()), *through)
    if state is LinkState.REFUSED:
        return (f"{address} refused the connection; pane 1 shows why.", f"{reconnect} tries again.", *through)
    return (
        f"Not connected to {address}.",
        f"A shell opens here once the host is connected; {reconnect} connects now.",
        *through,
    )


def empty_proxy_text(phase: Phase, ended: str) -> Sequence[str]:
    """Return sentences that explain why the proxied shell is not open yet."""
    if phase is not Phase.OPENING and ended:
        return ("RunPod's proxy opened no shell:", safe(ended), "enter tries again.")
    return ("Opening a shell through RunPod's proxy …",)


def closing_question(program: str | None, *, in_tmux: bool) -> str:
    """Return the question before a shell is closed. ``program`` is None if the running program is unknown."""
    if program is None:
        return "Close this shell? labeltui can't see whether a program runs in it; closing would end the program."
    more = " (quitting labeltui does not)" if in_tmux else ""
    return f"Close this shell? {safe(program)} runs in it; closing ends the program{more}."


def copy_question(text: str) -> str:
    """Return the question for a program that wants to copy ``text`` to the clipboard."""
    start = safe(" ".join(text.split()))[:60]
    return (
        f"A program in the shell wants to put {len(text)} characters on your clipboard: “{start}”. "
        "Allow this, now and until you quit labeltui?"
    )


def paste_question(text: str) -> str:
    """Return the question before several lines are pasted into a program that runs each line at once."""
    lines = text.strip("\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"Paste {len(lines)} lines? The program in the shell runs each line as soon as it arrives."
