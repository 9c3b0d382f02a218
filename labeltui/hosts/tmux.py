"""Builds command lines for tmux, which runs shells that outlive the connection, and parses its output. No I/O.

labeltui has a tmux server of its own (socket ``labeltui``, no configuration file, no status line, no keys). So
it does not interfere with the operator's own tmux, not even if that runs inside the pane. Every session has one
shell.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

SOCKET = "labeltui"
PREFIX = "labeltui-"
_PATHS = 'PATH="$PATH:/usr/local/bin:/opt/homebrew/bin"; unset TMUX TMUX_PANE; '
_TMUX = f"tmux -u -L {SOCKET} -f /dev/null"
_FEATURES = "256:RGB:clipboard:ccolour:cstyle:focus:title:usstyle:overline:strikethrough:sync:bpaste:mouse"
_OPTIONS: tuple[tuple[str, str, str], ...] = (
    ("-s", "escape-time", "0"),
    ("-s", "focus-events", "on"),
    ("-s", "set-clipboard", "on"),
    ("-s", "exit-unattached", "off"),
    ("-s", "terminal-overrides", "*:Tc"),  # true colour before tmux 3.2
    ("-s", "terminal-features", f"xterm*:{_FEATURES}"),
    ("-g", "status", "off"),
    ("-g", "prefix", "None"),
    ("-g", "prefix2", "None"),
    ("-g", "mouse", "off"),  # programs still get the mouse if they ask for it
    ("-g", "set-titles", "on"),
    ("-g", "set-titles-string", "#{?#{==:#T,#{host}},,#T}"),
    ("-g", "destroy-unattached", "off"),
    ("-g", "bell-action", "any"),
    ("-g", "visual-bell", "off"),
    ("-gw", "window-size", "latest"),
    ("-gw", "automatic-rename", "off"),
    ("-gw", "allow-rename", "off"),
    ("-gw", "remain-on-exit", "off"),
    ("-gw", "monitor-bell", "on"),
)
_CHAIN = " \\; "
_LOGIN_SHELL = 'exec "${SHELL:-/bin/sh}" -l'
_LISTED = "#{session_name}\t#{session_attached}\t#{@labeltui_owner}\t#{@labeltui_label}"


@dataclass(frozen=True, slots=True)
class TmuxSession:
    """An existing session.

    ``owner`` is the console that attached to the session last, in the form of ``Shells.owner``.
    """

    number: int
    attached: bool
    owner: str = ""
    label: str = ""


def session_name(profile: str, number: int) -> str:
    """Return the session name of a profile's shell, without characters that tmux would change."""
    return f"{PREFIX}{re.sub(r'[^A-Za-z0-9_-]', '_', profile)}-{number}"


def prepare(name: str, columns: int, rows: int, *, command: str | None, history: int, owner: str) -> str:
    """Create the session if it does not exist. Prints ``absent`` (no tmux), ``there`` or ``made``."""
    inside = f"unset TMUX TMUX_PANE; {command or _LOGIN_SHELL}"
    new = f"new-session -d -s {name} -x {columns} -y {rows} -- /bin/sh -c {shlex.quote(inside)}"
    # A session gets the environment of the command that creates it, not that of the server's start.
    early = f"set-option -g history-limit {history} \\; set-option -q -g update-environment '*'"
    rest = [f"set-option -q {where} {option} {shlex.quote(value)}" for where, option, value in _OPTIONS]
    rest += [f"set-option -t ={name}: @labeltui_owner {shlex.quote(owner)}"]
    rest += ["unbind-key -a -T root", "unbind-key -a -T prefix"]  # last, because it fails the second time
    return (
        f'{_PATHS}cd "$HOME" || cd /; command -v tmux >/dev/null 2>&1 || {{ echo absent; exit 0; }}; '
        "kind=screen-256color; infocmp tmux-256color >/dev/null 2>&1 && kind=tmux-256color; "
        f"if {_TMUX} has-session -t ={name} 2>/dev/null; then echo there; "
        f'else {_TMUX} start-server \\; set-option -g default-terminal "$kind" \\; {early} \\; {new} '
        "</dev/null >/dev/null || exit 1; echo made; fi; "
        f"{_TMUX} {_CHAIN.join(rest)} </dev/null >/dev/null 2>&1; exit 0"
    )


def attach(name: str) -> str:
    """Attach this terminal to the session and detach all others."""
    return f"{_PATHS}exec {_TMUX} attach-session -d -t ={name}"


def listing() -> str:
    """List the sessions. Prints nothing if there are none or there is no tmux."""
    return f"{_PATHS}{_TMUX} list-sessions -F {shlex.quote(_LISTED)} 2>/dev/null || true"


def parse_listing(text: str, profile: str) -> tuple[TmuxSession, ...]:
    """Return the sessions of ``profile`` in the output of :func:`listing`, sorted by number."""
    prefix = session_name(profile, 0)[:-1]
    found = []
    for line in text.splitlines():
        name, attached, owner, label, *_ = (*line.split("\t"), "", "", "", "")
        number = name.removeprefix(prefix)
        if name.startswith(prefix) and number.isascii() and number.isdigit() and len(number) < 4:
            found.append(TmuxSession(int(number), attached not in ("", "0"), owner, label))
    return tuple(sorted(found, key=lambda one: one.number))


def exists(name: str) -> str:
    """Exit with 0 if the session exists."""
    return f"{_PATHS}{_TMUX} has-session -t ={name} 2>/dev/null"


def relabel(name: str, label: str) -> str:
    """Store the operator's name for the session."""
    return f"{_PATHS}{_TMUX} set-option -t ={name}: @labeltui_label {shlex.quote(label)}"


def kill(name: str) -> str:
    """End the session and everything that runs in it."""
    return f"{_PATHS}{_TMUX} kill-session -t ={name} 2>/dev/null || true"


def scrollback(name: str, lines: int) -> str:
    """Print the session's last ``lines`` lines and its screen, with colours. Wrapped lines are joined."""
    return f"{_PATHS}{_TMUX} capture-pane -p -e -J -S -{lines} -t ={name}:"


def on_alternate_screen(name: str) -> str:
    """Print ``1`` if the program in the session uses the alternate screen."""
    return f"{_PATHS}{_TMUX} display-message -p -t ={name}: '#{{alternate_on}}'"


def foreground(name: str) -> str:
    """Print the name of the program that runs in the session's shell. Prints nothing at the prompt."""
    wanted = "'#{pane_pid} #{pane_current_command}'"
    return (
        f"{_PATHS}p=$({_TMUX} display-message -p -t ={name}: {wanted}) || exit 1; pid=${{p%% *}}; "
        "if [ -r /proc/$pid/stat ]; then g=$(sed 's/^.*) //' /proc/$pid/stat | cut -d' ' -f6); "
        "else g=$(ps -o tpgid= -p $pid | tr -d ' '); fi; "
        '[ "$g" = "$pid" ] || printf "%s\\n" "${p#* }"'
    )


_LEAVES = b"\x1b[?1049l"  # only tmux itself sends it, at its end; programs switch screens inside tmux
_CLEARS = b"\x1b[H\x1b[2J"


class Farewell:
    """Removes the last message of a tmux client from its output, and reports how the session ended."""

    def __init__(self) -> None:
        self.message = b""

    def take(self, data: bytes) -> bytes:
        """Return the part of ``data`` that the terminal should show."""
        if self.message:
            self.message += data[:200]
            return b""
        at = data.find(_LEAVES)
        if at < 0:
            return data
        self.message = data[at:][:400]
        clear = data.rfind(_CLEARS, 0, at)
        return data[: at if clear < 0 else clear]

    @property
    def detached(self) -> bool:
        """Whether another client has attached to the session. The shell continues there."""
        return b"[detached" in self.message

    @property
    def exited(self) -> bool:
        """Whether the shell has exited."""
        return b"[exited]" in self.message
