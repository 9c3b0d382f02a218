"""Texts for empty panes: why a pane is empty, and which key helps."""

from __future__ import annotations

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Problem
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState, ServerState
from labeltui.ui.presentation.absence import Keys, absence
from labeltui.ui.presentation.text import safe

_LINK = {
    "": "The host is not connected.",
    LinkState.OFFLINE: "The host is not connected.",
    LinkState.CONNECTING: "Connecting to the host …",
    LinkState.RECONNECTING: "The connection to the host was lost; labeltui is reconnecting.",
    LinkState.REFUSED: "The connection to the host was refused.",
}


def without_server(state: SessionState, keys: Keys) -> list[str]:
    """Return sentences for a pane that needs the server; empty while the server runs."""
    host, server = state.host.value, state.server.value
    if host is None or host.state is not LinkState.CONNECTED:
        if (why := absence(state, keys)) is not None:
            return [line for line in (why.reason, why.next) if line]
        sentences = _LINK["" if host is None else host.state]
        return [sentences, f"{keys('reconnect')} tries again now; pane 1 shows why."]
    if server is None:
        error = safe(state.server.error or "")
        return [error or "Checking whether a server runs on the host …"]
    if server.state is ServerState.RUNNING:
        return []
    return _failed(server, server.problem, keys) if server.problem is not None else _not_running(server, keys)


def _failed(server: ServerStatus, problem: Problem, keys: Keys) -> list[str]:
    sentences = [safe(problem.message), safe(problem.hint)]
    if problem.detail:
        sentences.append(f"{keys('server.problem')} shows the details.")
    if problem.code == Code.NOT_INSTALLED:
        sentences.append(f"{keys('setup')} installs MONAI Label.")
    elif server.state in (ServerState.STOPPED, ServerState.CRASHED):
        sentences.append(f"{keys('server.start')} starts the server again.")
    return [line for line in sentences if line]


def _not_running(server: ServerStatus, keys: Keys) -> list[str]:
    start = keys("server.start")
    code = "" if server.exit_code is None else f" with exit code {server.exit_code}"
    phase = f": {safe(server.phase)}" if server.phase else " …"
    return {
        ServerState.STOPPED: [
            "The server is stopped.",
            f"{start} starts it; {keys('server.options')} lets you choose app and models first.",
            f"If MONAI Label is not on this host yet, {keys('setup')} installs it.",
        ],
        ServerState.STARTING: [f"The server is starting{phase}"],
        ServerState.STOPPING: ["The server is stopping …"],
        ServerState.CRASHED: [
            f"The server crashed{code}.",
            f"{start} starts it again; pane 3 shows its last output.",
        ],
        ServerState.UNREACHABLE: [
            "The server runs, but does not answer.",
            "Its log is in pane 3.",
        ],
    }.get(server.state, [])


def why_empty(state: SessionState, keys: Keys) -> list[str]:
    """Return sentences that explain why the log has no lines, and which key helps."""
    sentences = without_server(state, keys)
    server = state.server.value
    if sentences or server is None:
        return sentences
    if server.state is ServerState.RUNNING and server.run_id is None:
        return [
            "labeltui did not start this server, so it reads the server's app.log.",
            "The rest of its output is in the terminal where it was started.",
        ]
    return ["The server has not printed anything yet."]
