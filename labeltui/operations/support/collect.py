"""The files of a support bundle, as they are before redaction, and the secrets and names that this desk knows."""

from __future__ import annotations

import asyncio
import getpass
import importlib.metadata
import json
import os
import platform
import shlex
import socket
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from labeltui import __version__
from labeltui.actions import ACTIONS
from labeltui.config.secrets import looks_secret
from labeltui.domain.documents.consoles import consoles_document
from labeltui.domain.documents.documents import alert_document, moment
from labeltui.domain.documents.guard import guard_document
from labeltui.domain.documents.pod import pod_document
from labeltui.domain.documents.status import status_document
from labeltui.domain.literal import visible
from labeltui.domain.ssh_address import parse
from labeltui.operations.support.redaction import REMOVED
from labeltui.runpod.keys import VARIABLE
from labeltui.session.pod.events import event_document

if TYPE_CHECKING:
    from labeltui.session.session import Session

LINES = 500
LINE = 2000  # characters
TAIL_BYTES = 256 * 1024
PACKAGES = (
    "textual",
    "rich",
    "asyncssh",
    "httpx",
    "pydantic",
    "runpod",
    "bittty",
    "nibabel",
    "numpy",
    "pydicom",
)
FACTS = ("TERM", "TERM_PROGRAM", "COLORTERM", "LANG", "LC_ALL", "NO_COLOR", "WT_SESSION")
"""Environment variables whose values are saved."""
PRESENT = (
    "TMUX",
    "STY",
    "SSH_CONNECTION",
    "SSH_AUTH_SOCK",
    "DISPLAY",
    VARIABLE,
    "LABELTUI_STATE",
    "LABELTUI_CONFIG",
)
"""Environment variables of which only is saved whether they are set."""
COMMANDS = ("key_command", "command")
"""Keys of a profile whose values are commands, which may have secrets in any form."""


class File(NamedTuple):
    """One file of the bundle: text, or a value for JSON. ``about`` says in one line what it is."""

    name: str
    about: str
    content: Any


async def collect(session: Session) -> list[File]:
    """Return the files. Those without content, such as a crash report if nothing crashed, are left out."""
    earlier = await session.alert_history.earlier()
    await session.journal.load()
    state, now = session.store.state, session.clock()
    pod = state.pod.value
    status = {
        **status_document(state, now),
        "pod": None if pod is None else pod_document(pod),
        "guard": guard_document(state.guard, now),
        "consoles": consoles_document(state.consoles.value),
    }
    events = {
        "alerts": [alert_document(one) for one in (*state.alerts, *earlier)],
        "pod": [event_document(one) for one in state.pod_events],
        "actions": [
            {"at": moment(one.at), "action": one.title, "command": _words(one.command), "outcome": one.outcome,
             "ok": one.ok}
            for one in session.journal.entries
        ],
    }  # fmt: skip
    found = [
        File("about.json", "versions, system and terminal", about()),
        File("profile.json", "the profile's settings", _settings(session.profile.model_dump(mode="json"))),
        File("status.json", "server, training, queue, host and pod", status),
        File("events.json", "alerts, the pod's events, and the actions of this profile", events),
        File("server.log", f"the last {LINES} lines of the server's log", _server_log(session)),
    ]
    found += await asyncio.to_thread(_files_of, session.state_folder.folder)
    return [one for one in found if one.content]


def about() -> dict[str, Any]:
    """Return versions of labeltui, Python and packages, and facts on the system and the terminal."""
    versions = {}
    for name in PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "labeltui": __version__,
        "python": sys.version.split()[0],
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "encoding": sys.getfilesystemencoding(),
        "packages": versions,
        "environment": {name: os.environ[name] for name in FACTS if name in os.environ},
        "is_set": [name for name in PRESENT if os.environ.get(name)],
    }


def _settings(value: Any, key: str = "") -> Any:
    """Return settings without the values of ``env``, ``conf`` and commands, which may be secret in any form."""
    if isinstance(value, Mapping):
        hidden = key in ("env", "conf")
        return {name: REMOVED if hidden else _settings(one, name) for name, one in value.items()}
    return REMOVED if value and key in COMMANDS else value


def _words(command: str) -> str:
    """Return a command with its options, but without their values and without names."""
    try:
        words = shlex.split(command)
    except ValueError:
        return REMOVED
    known = {"labeltui", *(word for action in ACTIONS for word in action.command)}
    shown = (word.partition("=")[0] if word.startswith("--") else word for word in words)
    return " ".join(word if word.startswith("--") or word in known else "…" for word in shown)


def _server_log(session: Session) -> str:
    lines = [line[: 4 * LINE].decode("utf-8", "replace") for line in session.log.tail(LINES)]
    return "\n".join(lines)


def _files_of(folder: Path) -> list[File]:
    crash = newest_crash()
    return [
        File("labeltui.log", "the end of labeltui's own log", _tail(folder / "labeltui.log")),
        File(
            "crash.txt",
            "the newest crash of labeltui on this desk",
            "" if crash is None else _tail(crash),
        ),
    ]


def newest_crash() -> Path | None:
    """Return the newest crash report of this user; None if there is none."""
    found: list[tuple[float, Path]] = []
    own = getattr(os, "getuid", lambda: None)()  # Windows has no such number, and a folder for each user
    for path in Path(tempfile.gettempdir()).glob("labeltui-crash-*.txt"):
        with suppress(OSError):
            facts = path.lstat()
            if stat.S_ISREG(facts.st_mode) and own in (None, facts.st_uid):
                found.append((facts.st_mtime, path))
    return max(found)[1] if found else None


def _tail(path: Path) -> str:
    """Return the whole lines at the end of a file; empty if it can't be read. Half a line may hide half a secret."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            data = file.read(TAIL_BYTES)
    except OSError:
        return ""
    return (data if size <= TAIL_BYTES else data.partition(b"\n")[2]).decode("utf-8", "replace")


def known_secrets(session: Session) -> set[str]:
    """Return the secrets that this desk knows: of its environment, of the profile, and RunPod's key."""
    server = session.profile.server
    found = {value for name, value in os.environ.items() if looks_secret(name) or name.endswith("_KEY")}
    found.update(server.env.values())
    found.update(value for name, value in server.conf.items() if looks_secret(name))
    if server.dicomweb_password_env:
        found.add(os.environ.get(server.dicomweb_password_env, ""))
    return {one.strip() for one in found} - {""}


async def known_names(session: Session) -> dict[str, set[str]]:
    """Return the names of hosts, studies and people that the session knows."""
    state, profile = session.store.state, session.profile
    hosts = {session.name, socket.gethostname(), (profile.runpod.pod if profile.runpod else "")}
    people = {profile.client_id, profile.slicer.client_id or "", Path.home().name}
    with suppress(KeyError, OSError, ImportError):
        people.add(getpass.getuser())
    if profile.ssh is not None:
        for address in filter(None, (profile.ssh.address, profile.ssh.jump)):
            parsed = parse(address)
            hosts.add(parsed.host)
            people.add(parsed.user or "")
    for pod in (state.pod.value, *(state.pods.value or ())):
        if pod is not None:
            hosts |= {pod.name, pod.id}
    studies: set[str] = set()
    for study in state.queue.value.studies if state.queue.value is not None else ():
        studies |= {study.id, study.name or ""}
        people |= {*study.openers, *study.authors.values(), *(one.client for one in study.fetches)}
    for event in await session.study_history.load():
        studies.add(event.study)
        people.add(event.client)
    for entry, _file in session.labels.folder.index.versions():
        studies.add(entry.study)
        people.add(entry.who)
    for console in state.consoles.value or ():
        people.update(console.who.split("@"))
        people.add(console.client_id)
    people.update(_invited(session))
    return {"host": hosts, "study": studies, "person": people}


def _invited(session: Session) -> Iterable[str]:
    invitations = session.store.state.invitations.value
    return (one.name for one in invitations.all) if invitations is not None else ()


def as_bytes(content: Any) -> bytes:
    """Return a redacted file's content as it is saved: JSON, or lines that no terminal interprets.

    Lines are cut here and not before: half a secret would not have been removed.
    """
    if isinstance(content, str):
        text = "".join(f"{visible(line[:LINE])}\n" for line in content.splitlines())
    else:
        text = json.dumps(content, indent=2, default=str) + "\n"
    return text.encode("utf-8", "replace")
