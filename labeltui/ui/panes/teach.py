"""What an empty pane says: why it is empty, and the key that changes it."""

from __future__ import annotations

from collections.abc import Callable

from labeltui.domain.host import LinkState
from labeltui.domain.server import ServerState
from labeltui.domain.state import SessionState
from labeltui.ui.text import safe

Keys = Callable[[str], str]
"""The keys of an action, by its id."""


def without_server(state: SessionState, keys: Keys) -> list[str]:
    """Sentences for a pane that needs the server; empty while the server answers."""
    host, server = state.host.value, state.server.value
    if host is None or host.state is not LinkState.CONNECTED:
        word = "not connected" if host is None else str(host.state)
        return [f"The host is {word}.", f"{keys('reconnect')} tries again now; pane 1 says why."]
    if server is None:
        error = safe(state.server.error or "")
        return [error or "Looking whether a server runs on the host …"]
    if server.problem is not None and server.state is not ServerState.RUNNING:
        said = [safe(server.problem.message), safe(server.problem.hint)]
        if server.problem.detail:
            said.append(f"{keys('server.problem')} shows the evidence.")
        if server.problem.code == "not_installed":
            said.append(f"{keys('setup')} installs it, step by step.")
        return [line for line in said if line]
    if server.state is ServerState.STOPPED:
        return [
            "The server is stopped.",
            f"{keys('server.start')} starts it; {keys('server.options')} chooses app and models first.",
            f"MONAI Label is not on this host yet? {keys('setup')} installs it.",
        ]
    if server.state is ServerState.STARTING:
        phase = safe(server.phase)
        return ["The server is starting" + (f": {phase}" if phase else " …")]
    if server.state is ServerState.CRASHED:
        code = "" if server.exit_code is None else f" with exit code {server.exit_code}"
        return [
            f"The server crashed{code}.",
            f"{keys('server.start')} starts it again; pane 3 has its last words.",
        ]
    if server.state is ServerState.UNREACHABLE:
        return ["The server runs, but does not answer.", "Its log in pane 3 says what it does."]
    if server.state is ServerState.STOPPING:
        return ["The server is stopping …"]
    return []
