"""labeltui's own file of ssh configuration: one Host per profile. One line in the user's file includes it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused
from labeltui.support.atomic import write_file

OWN = "labeltui.conf"
BACKUP = "config.before-labeltui"
HEAD = "# Written by labeltui: changes made here are lost. `labeltui ssh-config --remove` removes a Host block.\n"
_BEGIN, _END = "# labeltui begin {}", "# labeltui end {}"


@dataclass(frozen=True, slots=True)
class SshEntry:
    """The settings of one host. ``known_hosts`` are the files with its host key, labeltui's own first."""

    profile: str
    host: str
    port: int
    user: str
    known_hosts: tuple[Path, ...]
    key_alias: str = ""
    identities: tuple[Path, ...] = ()
    identities_only: bool = False
    jump: str = ""
    rented: bool = False  # the operator's agent is never forwarded to it

    @property
    def name(self) -> str:
        """``labeltui-PROFILE``, without characters that ssh would take for a pattern."""
        return "labeltui-" + (re.sub(r"[^A-Za-z0-9._-]+", "-", self.profile).strip("-") or "profile")

    def text(self) -> str:
        """The lines of its Host block. Raises Misused for a value that ssh's configuration can't hold."""
        values = [("HostName", word(self.host.replace("%", "%%"))), ("Port", str(self.port))]
        values += [("User", word(self.user))] if self.user else []
        values += [("IdentityFile", path(one)) for one in self.identities]
        values += [("IdentitiesOnly", "yes")] if self.identities_only else []
        values += [("UserKnownHostsFile", " ".join(path(one) for one in self.known_hosts))]
        values += [("HostKeyAlias", word(self.key_alias))] if self.key_alias else []
        values += [("StrictHostKeyChecking", "yes")]
        values += [("ProxyJump", word(self.jump))] if self.jump else []
        values += [("ForwardAgent", "no")] if self.rented else []
        return f"Host {self.name}\n" + "".join(f"    {name} {value}\n" for name, value in values)


def word(text: str) -> str:
    """Quote a value as one word of ssh's configuration. Raises Misused if that is not possible."""
    if not text or any(not char.isprintable() for char in text) or '"' in text or "\\" in text:
        raise Misused(
            Code.SSH_CONFIG_VALUE,
            f"{text!r} can't be written to ~/.ssh/config.",
            "Correct this value in the profile.",
        )
    return text if re.fullmatch(r"[A-Za-z0-9@:%._/,~\[\]+=-]+", text) else f'"{text}"'


def path(file: Path) -> str:
    """Quote a file name so that ssh expands nothing in it. Raises Misused if that is not possible."""
    text = str(file)
    if "${" in text:
        raise Misused(
            Code.SSH_CONFIG_VALUE, f"ssh would expand the {'${'} in {text!r}.", "Rename or move that file."
        )
    return word(text.replace("%", "%%"))


class SshFiles:
    """labeltui's configuration file, and the user's file with the line that includes it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path("~/.ssh").expanduser()
        self.own = self.folder / OWN
        self.config = self.folder / "config"

    def holds(self, profile: str) -> bool:
        """Whether labeltui's file has a Host for the profile."""
        return _BEGIN.format(_label(profile)) in self._read(self.own).splitlines()

    def put(self, entry: SshEntry) -> bool:
        """Write the profile's Host. False if the file has the same Host already."""
        label = _label(entry.profile)
        block = f"{_BEGIN.format(label)}\n{entry.text()}{_END.format(label)}\n"
        before = self._read(self.own)
        if block in before:
            return False
        rest = _without(before, label) or HEAD
        _replace(self.own, rest.rstrip("\n") + "\n\n" + block)
        return True

    def include(self) -> bool:
        """Include labeltui's file at the top of the user's, before the first Host. False if it was included already."""
        line, before = self._line(), self._read(self.config)
        if line in before.splitlines():
            return False
        if before:
            backup = self.folder / BACKUP
            if not backup.exists():
                _replace(backup, before)
        _replace(self.config, f"{line}\n\n{before}" if before else f"{line}\n")
        return True

    def take_away(self, profile: str) -> bool:
        """Remove the profile's Host.

        After the last one, remove labeltui's file and the line that includes it too. Returns False if the
        profile had no Host.
        """
        before = self._read(self.own)
        rest = _without(before, _label(profile))
        if rest == before:
            return False
        if _BEGIN.format("").rstrip() in rest:
            _replace(self.own, rest)
            return True
        config, line = self._read(self.config), self._line()
        if line in config.splitlines():
            after = config.replace(f"{line}\n\n", "", 1) if config.startswith(f"{line}\n\n") else config
            others = [one for one in after.splitlines(keepends=True) if one.rstrip("\n") != line]
            _replace(self.config, "".join(others))
        with suppress(FileNotFoundError):
            self.own.unlink()
        return True

    def _line(self) -> str:
        return f"Include {path(self.own)}"

    def _read(self, file: Path) -> str:
        try:
            return file.read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise Failed(
                Code.SSH_CONFIG,
                f"{file} can't be read: {error.strerror}.",
                "Check its owner and permissions.",
            ) from None


def _label(profile: str) -> str:
    """The profile's name for a comment, without line breaks."""
    return "".join(char if char.isprintable() else "?" for char in profile)


def _without(text: str, label: str) -> str:
    begin, end = _BEGIN.format(label), _END.format(label)
    others: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\n")
        if bare == begin:
            inside = True
        elif inside and bare == end:
            inside = False
        elif not inside:
            others.append(line)
    return "".join(others)


def _replace(file: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only. A link is followed. Raises Failed."""
    target = file.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(target, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise Failed(
            Code.SSH_CONFIG,
            f"{target} can't be written: {error.strerror}.",
            "Check its owner and permissions.",
        ) from None
