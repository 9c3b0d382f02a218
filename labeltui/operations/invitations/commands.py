"""``invite``, ``invite list``, ``invite revoke`` and ``invite install``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labeltui.actions.invitations import InviteParams, RevokeParams
from labeltui.actions.params import NoParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.documents.invitations import invitation_rows
from labeltui.domain.failure_codes import Code
from labeltui.domain.invitations import Invitation, Invitations, checked_name, names
from labeltui.domain.problems import Failed, Refused
from labeltui.hosts.agent.messages import InvitedKeys
from labeltui.hosts.ssh.own_keys import new_pair
from labeltui.operations.invitations.place import place_of, refuse_demo
from labeltui.operations.invitations.text import Slicer, invitation_text
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

INFO_S = 10.0


async def invite(session: Session, params: InviteParams, _report: Report) -> Document:
    """Add a new key to the host. Returns a document whose ``text`` has the private key. The key is stored nowhere else.

    Raises Misused ``bad_name``, Refused ``exists`` for an invited name unless ``replace`` is set, and the
    errors of :func:`place_of`.
    """
    refuse_demo(session)
    name = checked_name(params.name, session.profile.client_id)
    found = await session.invitations.refresh()
    before = found.find(name)
    if before is not None and not params.replace:
        raise Refused(
            Code.EXISTS, f"{before.name} is invited already.",
            "Add --replace to revoke that invitation and make a new key.",
        )  # fmt: skip
    place, warnings = await place_of(session, found)
    place.check()
    if before is not None:
        await session.invitations.revoke(before)
    private, public = await asyncio.to_thread(new_pair, f"labeltui-invitation:{name}")
    found = await session.invitations.add(name, public, session.profile.server.port)
    text = invitation_text(place, await _slicer(session, name), private)
    again = f" The earlier key of {before.name} is revoked." if before is not None else ""
    return {
        "as_of": moment(session.clock()),
        "name": name,
        "message": f"{name} is invited.{again} The text has the private key, and is not shown again.",
        "address": f"{place.user}@{place.host}:{place.port}",
        "url": f"http://127.0.0.1:{session.profile.server.port}/",
        "warnings": [*warnings, *found.warnings()],
        "text": text,
    }


async def invite_list(session: Session, _params: NoParams, _report: Report) -> Document:
    """List the invitations of this desk and of the host."""
    refuse_demo(session)
    found = await session.invitations.refresh()
    return {
        "as_of": moment(session.clock()),
        "connections": found.connections,
        "invitations": invitation_rows(found),
        "warnings": [*(found.warnings() if found.installed else ()), *found.unclear()],
    }


async def invite_revoke(session: Session, params: RevokeParams, _report: Report) -> Document:
    """Remove a key from the host and from the history, and end its connections.

    Raises Failed ``not_found``, and ``still_alive`` with the same document if a connection could not be ended.
    """
    refuse_demo(session)
    found = await session.invitations.refresh()
    invitation = found.find(params.name)
    if invitation is None:
        hint = f"There are: {names(found.all)}." if found.all else "Nobody is invited."
        raise Failed(Code.NOT_FOUND, f"{params.name!r} is not invited.", hint)
    answer = await session.invitations.revoke(invitation)
    document = {
        "as_of": moment(session.clock()),
        "name": invitation.name,
        "message": _revoked_text(invitation, answer),
        "was_installed": answer.removed > 0,
        "cut": answer.cut,
        "of_unknown_key": answer.unclear,
        "left": answer.left,
    }
    if not answer.left:
        return document
    error = {
        "code": Code.STILL_ALIVE,
        "message": document["message"],
        "hint": "End it on the host, as its user.",
    }
    raise Failed.of_document({**document, "error": error})


def _revoked_text(invitation: Invitation, answer: InvitedKeys) -> str:
    if not answer.removed:
        return f"The invitation of {invitation.name} is revoked. This host did not have its key."
    text = f"{invitation.name} can't connect any more."
    if answer.host.connections is None:
        return f"{text} Whether {invitation.name} is still connected is unknown: the host does not show its sshd."
    if answer.cut:
        text += f" {_connections(answer.cut)} cut."
    if answer.unclear:
        text += f" The host does not show the key of {answer.unclear} of them: others connect again by themselves."
    return text + (f" {_connections(answer.left)} still there." if answer.left else "")


def _connections(count: int) -> str:
    return "1 connection is" if count == 1 else f"{count} connections are"


async def invite_install(session: Session, _params: NoParams, _report: Report) -> Document:
    """Add the keys that this desk knows and the host lacks. Returns ``text`` with the host's address for each name."""
    refuse_demo(session)
    found = await session.invitations.refresh()
    place, warnings = await place_of(session, found)
    place.check()
    missing = found.missing
    for one in missing:
        found = await session.invitations.add(one.name, one.key, session.profile.server.port)
    texts = [invitation_text(place, await _slicer(session, one.name)) for one in found.installed]
    return {
        "as_of": moment(session.clock()),
        "message": _installed_text(found, missing),
        "installed": [one.name for one in missing],
        "warnings": [*warnings, *found.warnings()] if found.installed else [],
        "text": "\n".join(texts),
    }


def _installed_text(found: Invitations, missing: tuple[Invitation, ...]) -> str:
    if not found.all:
        return "Nobody is invited yet."
    if not missing:
        return f"Everybody that you invited already has access to this host: {names(found.installed)}."
    return f"These annotators now have access to this host: {names(missing)}."


async def _slicer(session: Session, name: str) -> Slicer:
    """Return the values that the annotator enters in Slicer. The strategy comes from the server, if one runs."""
    port = session.profile.server.port
    if session.store.state.info.value is None and session.tunnel.base_url is not None:
        await session.readiness.first_readings(Fields.info, deadline_s=INFO_S)
    info = session.store.state.info.value
    return Slicer(port, name, info.strategies[0] if info is not None and info.strategies else "")
