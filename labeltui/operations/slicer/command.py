"""``slicer``: open the tunnel, start Slicer connected to the server, and hold the tunnel while Slicer runs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.actions.slicer import SlicerParams
from labeltui.config.edit import set_values
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.host import URL_OPENS
from labeltui.domain.invitations import checked_name
from labeltui.domain.problems import Failed, Refused
from labeltui.domain.rules.ohif import ohif_url
from labeltui.domain.states import ServerState
from labeltui.operations.slicer.find import find_slicer, has_extension
from labeltui.operations.slicer.script import EXTENSION, start_code

if TYPE_CHECKING:
    from labeltui.domain.state import SessionState
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

URL_S = 15.0
QUICK_END_S = 2.0
"""A Slicer that ends with an error within this time did not start."""
CHECK_S = 1.0
SECRET = ("RUNPOD_API_KEY", "PYTHONHOME", "PYTHONPATH")
"""Variables that Slicer does not get: a key that it does not need, and paths that would break its own Python."""


async def slicer(session: Session, params: SlicerParams, report: Report) -> Document:
    """Start Slicer with the server's URL and the client id set, and the module MONAILabel open.

    In a console, return once Slicer runs. Elsewhere, hold the tunnel until Slicer ends. Raises Refused
    ``no_client_id``, Misused ``bad_name``, and Failed if Slicer, its extension or a display is missing.
    """
    client = _client_id(session, params)
    program = await asyncio.to_thread(_program, session, params, await _url(session))
    holds = not session.tunnel.hold
    await session.hold_tunnel()
    url = await _url(session)
    server = session.store.state.server.value
    running = server is not None and server.state is ServerState.RUNNING
    _store_client_id(session, client)
    process = await _start([str(program), "--python-code", start_code(url, client, connect=running)])
    document = {
        "as_of": documents.moment(session.clock()),
        "message": f"Slicer runs as {client}."
        if running
        else f"Slicer runs as {client}; the server does not run yet.",
        "program": str(program),
        "url": url,
        "client_id": client,
        "pid": process.pid,
        "ohif": ohif_url(session.store.state),
    }
    if not holds:
        return document
    report.progress(
        f"Slicer runs as {client}. The tunnel stays open until Slicer ends; ctrl+c closes only the tunnel"
    )
    await _hold(session, process, report)
    return {
        **document,
        "message": f"Slicer has ended with exit code {process.returncode}; the tunnel is closed.",
    }


def _client_id(session: Session, params: SlicerParams) -> str:
    name = params.as_ or session.profile.slicer.client_id
    if not name:
        raise Refused(
            Code.NO_CLIENT_ID,
            "Slicer needs your name: its own default, user-xyz, makes all annotators one person.",
            "Add --as NAME once; the profile stores it.",
        )
    return checked_name(name, session.profile.client_id)


def _store_client_id(session: Session, client: str) -> None:
    """Store the name in the profile, unless it has it or this session may not change it."""
    if session.profile.slicer.client_id == client:
        return
    section = session.profile.slicer.model_copy(update={"client_id": client})
    session.profile = session.profile.model_copy(update={"slicer": section})
    if session.config is not None and not session.read_only:
        set_values(session.config, {("profiles", session.name, "slicer", "client_id"): client})


def _program(session: Session, params: SlicerParams, url: str) -> Path:
    configured = session.profile.slicer.program
    program = find_slicer(configured)
    if program is None:
        what = f"There is no {configured}" if configured else "No 3D Slicer was found on this desk"
        raise Failed(
            Code.NO_SLICER, f"{what}.",
            "Install it from https://download.slicer.org, and in its Extensions Manager the extension MONAILabel. If it"
            " is installed, set `program` in the profile's section `slicer` to its path. Or start it yourself: "
            + _by_hand(session, params, url),
        )  # fmt: skip
    if not params.no_check and not has_extension(program):
        raise Failed(
            Code.NO_SLICER_EXTENSION, f"{program} has no extension {EXTENSION}.",
            f"In Slicer: View, Extensions Manager, search for {EXTENSION}, Install, Restart. Then start it from here"
            " again. If it is installed in another place, add --no-check.",
        )  # fmt: skip
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise Failed(
            Code.NO_DISPLAY, "This terminal has no display on which Slicer could open a window.",
            "Run labeltui on the machine at which you sit, or use `labeltui invite` for that machine.",
        )  # fmt: skip
    return program


def _by_hand(session: Session, params: SlicerParams, url: str) -> str:
    client = params.as_ or session.profile.slicer.client_id or "your name"
    where = "Edit, Application Settings, MONAI Label, Client/User-ID"
    return f"{where}: {client}; then the module {EXTENSION}, server: {url}, {URL_OPENS}."


async def _url(session: Session) -> str:
    """Return Slicer's URL as soon as the tunnel is open. Raises Failed if it does not open."""
    with suppress(TimeoutError):
        state = await session.store.wait_for(_has_tried, URL_S)
        if (url := _tunnel_url(state)) is not None:
            return url
    problem = session.tunnel.problem
    if problem is not None:
        raise Failed(problem.code, problem.message, problem.hint)
    raise Failed(Code.NO_TUNNEL, "The tunnel to the server did not open.", "See `labeltui doctor`.")


def _has_tried(state: SessionState) -> bool:
    """Whether the tunnel is open or has failed. A host is connected before that."""
    return _tunnel_url(state) is not None or (
        state.tunnel.value is not None and state.tunnel.value.problem is not None
    )


def _tunnel_url(state: SessionState) -> str | None:
    return state.tunnel.value.url if state.tunnel.value is not None else None


async def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start Slicer detached from this terminal. Raises Failed if it does not start, or ends at once with an error."""
    environment = {name: value for name, value in os.environ.items() if name not in SECRET}
    flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    try:
        process = await asyncio.to_thread(
            subprocess.Popen, argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment, start_new_session=True, creationflags=flags,
        )  # fmt: skip
    except OSError as error:
        raise Failed(
            Code.SLICER_ENDED, f"{argv[0]} can't be started: {error.strerror}.", "Start it once by itself."
        ) from None
    with suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(process.wait, QUICK_END_S)
    if process.returncode:
        raise Failed(
            Code.SLICER_ENDED, f"Slicer ended at once with exit code {process.returncode}.",
            f"Start {argv[0]} once by itself: it shows why.",
        )  # fmt: skip
    return process


async def _hold(session: Session, process: subprocess.Popen[bytes], report: Report) -> None:
    """Hold the tunnel until Slicer ends. Emits each change of the tunnel's state as a record."""
    reported = session.store.state.tunnel

    def changed(state: SessionState) -> bool:
        return state.tunnel.value != reported.value

    while process.poll() is None:
        with suppress(TimeoutError):
            reported = (await session.store.wait_for(changed, CHECK_S)).tunnel
            report.emit(documents.tunnel_document(reported, session.clock()))
