"""``ssh-config``: writes the session's host and its pinned host key to OpenSSH's configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.actions.session import SshConfigParams
from labeltui.config.model import SshSection
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import LabeltuiError, Misused, Refused, Unreachable
from labeltui.domain.ssh_address import parse
from labeltui.domain.state import Alert, Level
from labeltui.hosts.ssh.address import resolve
from labeltui.hosts.ssh.config_file import BACKUP, SshEntry, SshFiles
from labeltui.session.pod.host import PodHost, key_alias

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

KNOWN_HOSTS = Path("~/.ssh/known_hosts")


async def ssh_config(session: Session, params: SshConfigParams, report: Report) -> Document:
    """Show the Host block. With ``write``, add it to the configuration of ssh; with ``remove``, remove it.

    Raises Refused in a read-only session, and the errors of :func:`entry_of`.
    """
    files = SshFiles()
    if session.read_only and (params.write or params.remove):
        raise Refused(
            Code.READ_ONLY,
            "This session is read-only, so it does not change ssh's configuration.",
            "Leave --write out.",
        )
    if params.remove:
        removed = await asyncio.to_thread(files.take_away, session.name)
        message = (
            "Removed the profile's Host block from ssh's configuration."
            if removed
            else "ssh's configuration had no Host block of this profile."
        )
        report.progress(message)
        return {"as_of": documents.moment(session.clock()), "message": message, "path": str(files.own)}
    entry = await entry_of(session)
    for line in entry.text().splitlines():
        report.emit({"line": line})
    message = f"`ssh {entry.name}` works once this block is in ssh's configuration; --write writes it there."
    if params.write:
        message = await asyncio.to_thread(_write, files, entry)
    report.progress(message)
    return {
        "as_of": documents.moment(session.clock()),
        "host": entry.name,
        "address": f"{entry.user}@{entry.host}:{entry.port}",
        "message": message,
        "path": str(files.own),
        "written": params.write,
    }


def _write(files: SshFiles, entry: SshEntry) -> str:
    """Write the Host block. Returns a message that says so."""
    files.put(entry)
    added = files.include()
    where = f" A new line at the top of {files.config} includes it; {BACKUP} is the file before this change."
    return f"`ssh {entry.name}` works now, and so do scp, rsync and editors." + (where if added else "")


async def keep_current(session: Session) -> None:
    """Write the Host block again if it was written before, because the address may have changed.

    Raises no error; a failure becomes an alert.
    """
    files = SshFiles()
    try:
        if not session.read_only and await asyncio.to_thread(files.holds, session.name):
            await asyncio.to_thread(files.put, await entry_of(session))
    except LabeltuiError as error:
        session.store.alert(
            Alert("ssh-config", Level.WARNING, f"The Host block in ~/.ssh is out of date: {error.problem.message}",
                  "`labeltui ssh-config --write` tries again.", session.clock())
        )  # fmt: skip


async def entry_of(session: Session) -> SshEntry:
    """Return the session's host as a Host block.

    Raises Misused ``no_ssh`` if the host is this machine, and Unreachable if its address is unknown.
    """
    host = session.link.host
    if isinstance(host, PodHost):
        return await _of_pod(session, host)
    if session.profile.ssh is None:
        raise Misused(Code.NO_SSH, "This profile uses this machine, which needs no ssh.", "")
    return await asyncio.to_thread(_of_section, session, session.profile.ssh)


async def _of_pod(session: Session, host: PodHost) -> SshEntry:
    pod = await session.account.find()
    pinned = host.pinned(pod)
    if pinned is None:
        # The host key is only known after a connection.
        if not session.started:
            await session.start(hold=False)
        await session.link.connected()
        pinned = host.pinned(pod)
    if pod.ssh is None or pinned is None:
        raise Unreachable(
            Code.POD_STARTING, f"{pod.name} has no ssh address now.", "Start the pod, or wait a minute."
        )
    key = session.account.ssh_key
    return SshEntry(
        session.name,
        pod.ssh.host,
        pod.ssh.port,
        pod.ssh.user,
        (pinned,),
        key_alias(pinned),
        _keys(key),
        identities_only=bool(key),
        rented=True,
    )


def _keys(key: str | None) -> tuple[Path, ...]:
    return (Path(key).expanduser(),) if key else ()


def _of_section(session: Session, ssh: SshSection) -> SshEntry:
    config = None if ssh.config == "none" else Path(ssh.config or "~/.ssh/config").expanduser()
    given = parse(ssh.address)
    named = ssh.key or given.key
    key = Path(named).expanduser() if named else None
    target = resolve(ssh.address, config, key)
    extra = Path(ssh.known_hosts).expanduser() if ssh.known_hosts else KNOWN_HOSTS.expanduser()
    return SshEntry(
        session.name,
        target.host,
        target.port,
        given.user or target.user,
        (session.state_folder.known_hosts, extra),
        target.known_as if target.known_as != target.host else "",
        (key,) if key else tuple(one for one in target.identities if one.is_file()),
        identities_only=key is not None,
        jump=ssh.jump or target.jump or "",
    )
