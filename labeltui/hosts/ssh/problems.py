"""Converts asyncssh's login errors to problems with advice for the operator."""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Refused, Unreachable
from labeltui.hosts.base import Prompter
from labeltui.hosts.ssh.address import Target
from labeltui.hosts.ssh.auth import Deadline, Login
from labeltui.hosts.ssh.keys import algorithm, changed, known_hosts_line, remember, shown_key


def _hint_for_name(target: Target) -> str:
    """What to check if a name has no address. A name without a dot is mostly meant to be one of ssh's configuration."""
    if target.alias != target.host or "." in target.host:
        return "Check the spelling of the name, and the network."
    return (
        f"~/.ssh/config gives {target.host} no HostName either. Check that the file has a line `Host {target.host}`"
        " and its spelling, or give the machine's whole name."
    )


def login_problem(error: Exception, target: Target, login: Login) -> LabeltuiError | None:
    """Convert an error of asyncssh or of the socket to a problem. None for an error that is a bug in labeltui."""
    match error:
        case asyncssh.PermissionDenied():
            methods = ", ".join(name for name in login.methods if name != "none") or "nothing"
            return _login_refused(target, login, f"The host accepts: {methods}.")
        case socket.gaierror():
            return Unreachable(
                Code.DNS,
                f"No address was found for the host name {target.host}.",
                _hint_for_name(target),
            )
        case ConnectionRefusedError():
            return Unreachable(
                Code.REFUSED,
                f"{target.host} refuses connections on port {target.port}.",
                "Check the port, and that sshd runs on the host.",
            )
        case asyncssh.ChannelOpenError():
            return Unreachable(
                Code.REFUSED,
                f"The jump host can't reach {target.shown}: {error.reason}.",
                "Check the address of the host behind the jump host.",
            )
        case asyncssh.KeyExchangeFailed():
            return Failed(
                Code.KEY_EXCHANGE, f"{target.shown} and labeltui have no algorithm in common: {error}."
            )
        case asyncssh.DisconnectError() if login.methods and not isinstance(error, asyncssh.ConnectionLost):
            return _login_refused(target, login, f"The host's message: {error.reason}.")
        case OSError() | asyncssh.Error() | ValueError():
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            return Unreachable(
                Code.NETWORK,
                f"{target.shown} can't be reached: {reason or type(error).__name__}.",
                "Check the network.",
            )
    return None


def _login_refused(target: Target, login: Login, answer: str) -> Refused:
    """The refusal of a login, with the keys that were offered. ``answer`` is a sentence with the host's own message."""
    made = login.offers.made
    offered = {0: "No key was offered.", 1: f"One key was offered: {''.join(made)}."}.get(
        len(made), f"{len(made)} keys were offered: {', '.join(made)}."
    )
    message = f"{target.host} rejected the login of {target.user}. {answer} {offered}"
    if login.offers.left_out:
        problem = login.offers.left_out[0]
        return Refused(Code.LOGIN_FAILED, f"{message} {problem.message}", problem.hint)
    hint = (
        "Check the user name. If the right key was not offered, set `key` in the profile's ssh or runpod table."
        if made
        else "Make a key with ssh-keygen -t ed25519, or give the password when asked."
    )
    return Refused(Code.LOGIN_FAILED, message, hint)


async def decide_host_key(
    error: Exception,
    target: Target,
    login: Login,
    trusted: Sequence[tuple[str, Any]],
    prompter: Prompter,
    deadline: Deadline,
    own_known_hosts: Path,
) -> None:
    """Ask the operator whether to accept an unknown host key, and store an accepted one in ``own_known_hosts``.

    ``trusted`` are the keys that are stored for the host. Raises Refused ``host_key_revoked``, ``host_key_changed``
    or ``host_key_unknown``. The deadline is paused while the operator is asked.
    """
    key = login.shown_key
    if key is None:
        raise Refused(
            Code.HOST_KEY_REVOKED, f"The host key of {target.shown} is not accepted: {error}."
        ) from None
    if trusted:
        raise changed(key, trusted, target.shown) from None
    async with deadline.paused():
        accepted = await prompter.trust_host_key(shown_key(key, target.shown))
    if not accepted:
        raise _unknown(key, target, own_known_hosts, asked=accepted is not None) from None
    await asyncio.to_thread(remember, own_known_hosts, target.known_as, target.known_port, key)


def _unknown(key: Any, target: Target, own_known_hosts: Path, *, asked: bool) -> Refused:
    """The refusal of an unknown key. If nobody could be asked, its hint has the command that trusts the key."""
    message = f"The host key of {target.shown} is not known: {algorithm(key)} {key.get_fingerprint()}."
    hint = "Compare it with the host key on the machine. Then connect again and accept it."
    if not asked:
        line = shlex.quote(known_hosts_line(target.known_as, target.known_port, key))
        message += " There is no terminal to ask you whether to trust it."
        hint = (
            "Compare the fingerprint with that of the machine. To trust it, run the command once in a terminal and "
            f"type yes, or run: echo {line} >> {shlex.quote(str(own_known_hosts))}"
        )
    return Refused(Code.HOST_KEY_UNKNOWN, message, hint)
