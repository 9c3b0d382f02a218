"""Reads ssh's configuration for one host.

It ignores ForwardAgent for all hosts, and conditions that asyncssh can't read.
"""

from __future__ import annotations

import getpass
import os
import re
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.config import SSHClientConfig

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused

_UNSET: Any = ()  # asyncssh's value for an argument that is not given
_LONE = ("all", "canonical", "final")  # criteria of Match without an argument
_TIMES = ("connecttimeout", "serveraliveinterval", "serveralivecountmax")  # labeltui has its own


class ClientConfig(SSHClientConfig):
    """The settings of one host. ``warnings`` names the conditions that labeltui can't check."""

    warnings: list[str]
    _own = False  # whether the block is for hosts with such a name, not for every host

    def _match_host(self, option: str, args: list[str]) -> None:
        patterns = args[:]
        super()._match_host(option, args)
        self._own = self._matching and _names(patterns)

    def _match(self, option: str, args: list[str]) -> None:
        """Begin a Match block. If labeltui can't check a condition, it adds a warning and ignores the block."""
        criteria = _criteria(args)
        unknown = [one for one in criteria if not self._can_check(one[0].lstrip("!").lower())]
        args[:] = [word for one in criteria if one not in unknown for word in one] or ["all"]
        super()._match(option, args)
        if unknown and self._matching:
            self._matching = False
            words = ", ".join(" ".join(one) for one in unknown)
            self.warnings.append(
                f"{self._path}, line {self._line_no}: labeltui can't evaluate Match {words}, and ignores that block."
            )
        hosts = [one[1] for one in criteria if one[0].lower() in ("host", "originalhost") and len(one) > 1]
        self._own = self._matching and _names(hosts)

    def _can_check(self, criterion: str) -> bool:
        if criterion in (*_LONE, "exec"):
            return True
        return criterion != "localnetwork" and self._match_val(criterion) is not None

    def _forward_agent(self, option: str, args: list[str]) -> None:
        """Ignore ``ForwardAgent yes`` in a block that does not name its hosts.

        Below ``Host *``, every host could use the keys in the operator's agent.
        """
        if self._own or args[0].lower() in ("no", "false"):
            self._set_bool_or_str(option, args)
        else:
            args.clear()

    def parse(self, path: Path) -> None:
        """Read one file, also an included one. Raises Misused with the file, and the line if it is known."""
        own, before = self._own, self._line_no
        try:
            super().parse(path)
        except (ValueError, OSError) as error:
            said = str(error)
            place = "" if said.startswith(str(self._path)) else f"{self._path}: "
            raise Misused(
                Code.SSH_CONFIG, f"ssh's configuration can't be read: {place}{said}.", "Correct that line."
            ) from None
        self._own, self._line_no = own, before

    def _set_tokens(self) -> None:
        super()._set_tokens()
        options = self._options
        self._tokens["k"] = str(options.get("HostKeyAlias") or self._orig_host)
        self._tokens["j"] = str(options.get("ProxyJump") or "")

    def get_options(self, reload: bool) -> dict[str, object]:
        """Return all settings. asyncssh calls this before its second pass, which does not read the files again."""
        return self._options.copy()


ClientConfig._handlers = {
    **{name: one for name, one in SSHClientConfig._handlers.items() if name not in _TIMES},
    "host": ("Host", ClientConfig._match_host),
    "match": ("Match", ClientConfig._match),
    "forwardagent": ("ForwardAgent", ClientConfig._forward_agent),
}


class ReadOptions(asyncssh.SSHClientConnectionOptions):
    """Options for asyncssh with settings that labeltui has already read."""

    def __init__(self, settings: ClientConfig) -> None:
        self.config, self.kwargs = settings, {}


def read_config(config: Path | None, alias: str, user: str | None, port: int | None) -> ClientConfig:
    """Read the settings of a host. Raises Misused ``ssh_config`` for a line that can't be understood."""
    paths = [config] if config is not None and os.access(config, os.R_OK) else []
    for final in (False, True):
        settings = ClientConfig(
            _UNSET, False, False, final, getpass.getuser(), user or _UNSET, alias, port or _UNSET
        )
        settings.warnings = []
        for path in paths:
            settings.parse(path)
        if not settings.has_match_final():
            break
    return settings


def _criteria(args: list[str]) -> list[list[str]]:
    """Return the criteria of a Match line, each with its argument if it takes one."""
    found, left = [], args[:]
    while left:
        count = 1 if left[0].lstrip("!").lower() in _LONE else 2
        found.append(left[:count])
        left = left[count:]
    return found


def _names(patterns: list[str]) -> bool:
    """Whether a pattern contains a part of a host's name, so that it does not match every host."""
    every = ",".join(patterns).split(",")
    return any(re.search(r"\w", one) for one in every if not one.startswith("!"))
