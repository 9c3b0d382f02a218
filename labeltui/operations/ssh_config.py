"""``ssh-config``: the session's host as ssh itself reaches it, with the key that we have pinned."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.actions.session import SshConfigParams
from labeltui.config.model import SshSection
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Misused, Refused, Unreachable
from labeltui.domain.state import Alert, Level
from labeltui.hosts.ssh_address import resolve, split
from labeltui.hosts.ssh_config_file import BACKUP, SshEntry, SshFiles
from labeltui.session.pod.host import PodHost, key_alias

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

KNOWN_HOSTS = Path("~/.ssh/known_hosts")


async def ssh_config(session: Session, params: SshConfigParams, report: Report) -> Document:
    """Show the Host for ssh; with ``write``, put it where ssh finds it; with ``remove``, take it away."""
    files = SshFiles()
    if session.read_only and (params.write or params.remove):
        raise Refused(
            Code.READ_ONLY, "This session is read-only: it writes no files of ssh.", "Leave --write out."
        )
    if params.remove:
        gone = await asyncio.to_thread(files.take_away, session.name)
        said = "Its Host is gone from ssh's configuration." if gone else "There was no Host of this profile."
        report.progress(said)
        return {"as_of": documents.moment(session.clock()), "message": said, "path": str(files.own)}
    entry = await entry_of(session)
    for line in entry.text().splitlines():
        report.emit({"line": line})
    said = f"`ssh {entry.name}` works once this is in ssh's configuration: --write puts it there."
    if params.write:
        said = await asyncio.to_thread(_written, files, entry)
    report.progress(said)
    return {
        "as_of": documents.moment(session.clock()),
        "host": entry.name,
        "address": f"{entry.user}@{entry.host}:{entry.port}",
        "message": said,
        "path": str(files.own),
        "written": params.write,
    }


def _written(files: SshFiles, entry: SshEntry) -> str:
    files.put(entry)
    added = files.include()
    where = f" A line at the top of {files.config} includes it; the file as it was is {BACKUP} beside it."
    return f"`ssh {entry.name}` works; so do scp, rsync and editors." + (where if added else "")


async def keep_true(session: Session) -> None:
    """Write the Host anew when it is there already: the address may have changed."""
    files = SshFiles()
    try:
        if not session.read_only and await asyncio.to_thread(files.holds, session.name):
            await asyncio.to_thread(files.put, await entry_of(session))
    except LabeltuiError as error:
        session.store.alert(
            Alert("ssh-config", Level.WARNING, f"ssh's own Host is out of date: {error.problem.message}",
                  "`labeltui ssh-config --write` tries again.", session.clock())
        )  # fmt: skip


async def entry_of(session: Session) -> SshEntry:
    """The session's host for ssh. Raises Misused for this machine, and what keeps a pod from being reached."""
    host = session.link.host
    if isinstance(host, PodHost):
        return await _of_pod(session, host)
    if session.profile.ssh is None:
        raise Misused(Code.NO_SSH, "This profile works on this machine: there is nothing to ssh to.", "")
    return await asyncio.to_thread(_of_section, session, session.profile.ssh)


async def _of_pod(session: Session, host: PodHost) -> SshEntry:
    pod = await session.rental.find()
    pinned = host.pinned(pod)
    if pinned is None:
        # Only a connection shows the key that is to be written down.
        if not session.started:
            await session.start(hold=False)
        await session.link.connected()
        pinned = host.pinned(pod)
    if pod.ssh is None or pinned is None:
        raise Unreachable(
            Code.POD_STARTING, f"{pod.name} has no ssh address now.", "Start it, or wait a minute."
        )
    key = session.rental.ssh_key
    return SshEntry(
        session.name,
        pod.ssh.host,
        pod.ssh.port,
        pod.ssh.user,
        (pinned,),
        key_alias(pinned),
        _keys(key),
        identities_only=bool(key),
    )


def _keys(key: str | None) -> tuple[Path, ...]:
    return (Path(key).expanduser(),) if key else ()


def _of_section(session: Session, ssh: SshSection) -> SshEntry:
    config = None if ssh.config == "none" else Path(ssh.config or "~/.ssh/config").expanduser()
    key = Path(ssh.key).expanduser() if ssh.key else None
    target = resolve(ssh.address, config, key)
    given = split(ssh.address)[0]
    extra = Path(ssh.known_hosts).expanduser() if ssh.known_hosts else KNOWN_HOSTS.expanduser()
    return SshEntry(
        session.name,
        target.host,
        target.port,
        given or target.user,
        (session.kept.known_hosts, extra),
        target.known_as if target.known_as != target.host else "",
        (key,) if key else tuple(one for one in target.identities if one.is_file()),
        identities_only=key is not None,
        jump=ssh.jump or target.jump or "",
    )
