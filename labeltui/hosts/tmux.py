"""The command lines by which a host's tmux keeps shells, and what it answers. Pure.

labeltui has a tmux server of its own (socket ``labeltui``, no configuration file, no status line, no keys), so that
the operator's own tmux and its configuration are theirs, in the pane too. Every session holds one shell.
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
    ("-g", "mouse", "off"),  # what a program asks of the mouse is passed on all the same
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
    """A session that is there. ``owner`` is the console that attached to it last, as it named itself."""

    number: int
    attached: bool
    owner: str = ""
    label: str = ""


def session_name(profile: str, number: int) -> str:
    """The name of a profile's shell: the same at each start, and one that tmux takes as it is."""
    return f"{PREFIX}{re.sub(r'[^A-Za-z0-9_-]', '_', profile)}-{number}"


def prepare(name: str, columns: int, rows: int, *, command: str | None, history: int, owner: str) -> str:
    """Make the session where it is not there yet. Prints ``absent`` (no tmux), ``there`` or ``made``."""
    inside = f"unset TMUX TMUX_PANE; {command or _LOGIN_SHELL}"
    new = f"new-session -d -s {name} -x {columns} -y {rows} -- /bin/sh -c {shlex.quote(inside)}"
    # a session gets the environment of whoever asks for it, not that of whoever happened to start the server
    early = f"set-option -g history-limit {history} \\; set-option -q -g update-environment '*'"
    rest = [f"set-option -q {where} {option} {shlex.quote(value)}" for where, option, value in _OPTIONS]
    rest += [f"set-option -t ={name}: @labeltui_owner {shlex.quote(owner)}"]
    rest += ["unbind-key -a -T root", "unbind-key -a -T prefix"]  # last: the second time there are none
    return (
        f'{_PATHS}cd "$HOME" || cd /; command -v tmux >/dev/null 2>&1 || {{ echo absent; exit 0; }}; '
        "kind=screen-256color; infocmp tmux-256color >/dev/null 2>&1 && kind=tmux-256color; "
        f"if {_TMUX} has-session -t ={name} 2>/dev/null; then echo there; "
        f'else {_TMUX} start-server \\; set-option -g default-terminal "$kind" \\; {early} \\; {new} '
        "</dev/null >/dev/null || exit 1; echo made; fi; "
        f"{_TMUX} {_CHAIN.join(rest)} </dev/null >/dev/null 2>&1; exit 0"
    )


def attach(name: str) -> str:
    """Show the session on this terminal, and nowhere else any more."""
    return f"{_PATHS}exec {_TMUX} attach-session -d -t ={name}"


def listing() -> str:
    """List the sessions; nothing where there are none, or no tmux."""
    return f"{_PATHS}{_TMUX} list-sessions -F {shlex.quote(_LISTED)} 2>/dev/null || true"


def parse_listing(text: str, profile: str) -> tuple[TmuxSession, ...]:
    """The shells of ``profile`` among what :func:`listing` printed, by number."""
    prefix = session_name(profile, 0)[:-1]
    found = []
    for line in text.splitlines():
        name, attached, owner, label, *_ = (*line.split("\t"), "", "", "", "")
        number = name.removeprefix(prefix)
        if name.startswith(prefix) and number.isascii() and number.isdigit() and len(number) < 4:
            found.append(TmuxSession(int(number), attached not in ("", "0"), owner, label))
    return tuple(sorted(found, key=lambda kept: kept.number))


def exists(name: str) -> str:
    """Exit code 0 when the session is there."""
    return f"{_PATHS}{_TMUX} has-session -t ={name} 2>/dev/null"


def relabel(name: str, label: str) -> str:
    """Keep the operator's name for it."""
    return f"{_PATHS}{_TMUX} set-option -t ={name}: @labeltui_label {shlex.quote(label)}"


def kill(name: str) -> str:
    """End the session with what runs in it."""
    return f"{_PATHS}{_TMUX} kill-session -t ={name} 2>/dev/null || true"


def scrollback(name: str, lines: int) -> str:
    """Print the session's last lines and its screen, with colours, wrapped lines joined."""
    return f"{_PATHS}{_TMUX} capture-pane -p -e -J -S -{lines} -t ={name}:"


def whole_screen(name: str) -> str:
    """Print ``1`` while the program in it has the whole screen."""
    return f"{_PATHS}{_TMUX} display-message -p -t ={name}: '#{{alternate_on}}'"


def foreground(name: str) -> str:
    """Print the name of the program that runs in the session's shell; nothing when it waits at its prompt."""
    told = "'#{pane_pid} #{pane_current_command}'"
    return (
        f"{_PATHS}p=$({_TMUX} display-message -p -t ={name}: {told}) || exit 1; pid=${{p%% *}}; "
        "if [ -r /proc/$pid/stat ]; then g=$(sed 's/^.*) //' /proc/$pid/stat | cut -d' ' -f6); "
        "else g=$(ps -o tpgid= -p $pid | tr -d ' '); fi; "
        '[ "$g" = "$pid" ] || printf "%s\\n" "${p#* }"'
    )


_LEAVES = b"\x1b[?1049l"  # programs in a session switch screens inside tmux: this is tmux itself, leaving
_CLEARS = b"\x1b[H\x1b[2J"


class Farewell:
    """What a client of tmux prints when it ends is kept off the screen, and understood."""

    def __init__(self) -> None:
        self.said = b""

    def take(self, data: bytes) -> bytes:
        """What the terminal should see of ``data``."""
        if self.said:
            self.said += data[:200]
            return b""
        at = data.find(_LEAVES)
        if at < 0:
            return data
        self.said = data[at:][:400]
        clear = data.rfind(_CLEARS, 0, at)
        return data[: at if clear < 0 else clear]

    @property
    def detached(self) -> bool:
        """Another client has taken the session; the shell goes on there."""
        return b"[detached" in self.said

    @property
    def exited(self) -> bool:
        """The shell ended by itself."""
        return b"[exited]" in self.said
