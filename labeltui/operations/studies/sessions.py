"""``sessions``: images that Slicer sent to the server for an inference, without adding them to the studies."""

from __future__ import annotations

import json
import posixpath
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labeltui.actions.params import NoParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError
from labeltui.monailabel.rest import model_of
from labeltui.monailabel.wire import SessionInfo

if TYPE_CHECKING:
    from labeltui.hosts.agent.client import AgentClient
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

FOLDER, VARIABLE = "~/.cache/monailabel/sessions", "MONAI_LABEL_SESSION_PATH"
"""MONAI Label's folder of sessions on the host, and the variable of the profile that names another one."""
MOST = 500


async def sessions(session: Session, _params: NoParams, _report: Report) -> Document:
    """List the sessions on the host, the newest first.

    MONAI Label has no request for it, so the folder is read. It needs no server: an image stays on the host until a
    server that runs has found its session expired.
    """
    await session.reach(30)
    agent = await session.link.ready()
    folder = session.profile.server.env.get(VARIABLE) or FOLDER
    try:
        names = await agent.list_folder(folder)
    except LabeltuiError as error:
        if error.problem.code != Code.NOT_FOUND:
            raise
        names = ()
    now = session.clock()
    listed = [one for name in names[:MOST] if (one := await _session(agent, folder, name, now)) is not None]
    listed.sort(key=lambda one: str(one["created_at"]), reverse=True)
    count = "1 session" if len(listed) == 1 else f"{len(listed)} sessions"
    more = f"; {len(names) - MOST} more are not listed" if len(names) > MOST else ""
    return {
        "as_of": documents.moment(now),
        "message": f"{count} in {folder}{more}",
        "folder": folder,
        "sessions": listed,
    }


async def _session(agent: AgentClient, folder: str, name: str, now: datetime) -> dict[str, Any] | None:
    """Return one session. None if it has ended meanwhile, or its document can't be read."""
    try:
        text = (await agent.read(f"{folder}/{name}/meta.info")).decode("utf-8", "replace")
        info = model_of(SessionInfo, json.loads(text), "meta.info")
        image = posixpath.basename(info.image)
        facts = await agent.stat(f"{folder}/{name}/{image}")
    except (LabeltuiError, ValueError):
        return None
    ends = None if info.last_access_ts is None else info.last_access_ts + (info.expiry or 0)
    return {
        "id": name,
        "image": image,
        "size": None if facts.is_dir else facts.size,
        "created_at": _moment(info.create_ts),
        "used_at": _moment(info.last_access_ts),
        "expires_at": _moment(ends),
        "expired": ends is not None and ends < now.timestamp(),
    }


def _moment(seconds: float | None) -> str | None:
    try:
        return None if seconds is None else documents.moment(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None
