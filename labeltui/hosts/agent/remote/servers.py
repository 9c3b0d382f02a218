"""Finds the MONAI Label servers on this host, including those that labeltui did not start."""

from __future__ import annotations

from typing import Any

from labeltui.hosts.agent.remote.files import read_text
from labeltui.hosts.agent.remote.orphans import words_of
from labeltui.hosts.agent.remote.processes import is_live, processes

DEFAULT_PORT = 8000
EXPIRY = "MONAI_LABEL_DICOMWEB_CACHE_EXPIRY"
EXPIRY_S = 7200  # MONAI Label's default


def servers() -> list[dict[str, Any]]:
    """List this user's servers. ``dicomweb_cache_s`` is None for a folder of studies, or if it can't be read."""
    found = []
    for proc in processes():
        words = words_of(proc.pid) if is_live(proc) else []
        if "monailabel.main" in words and "start_server" in words:
            studies = option(words, "-s", "--studies")
            cache_s = expiry(proc.pid) if studies.startswith(("http://", "https://")) else None
            port = option(words, "-p", "--port")
            found.append({
                "pid": proc.pid, "port": int(port) if port.isdigit() else DEFAULT_PORT, "studies": studies,
                "dicomweb_cache_s": cache_s, "app": option(words, "-a", "--app") or None,
            })  # fmt: skip
    return found


def option(words: list[str], *names: str) -> str:
    """Return the last value of an option on a command line, given as ``-s X`` or ``--studies=X``. Empty without one."""
    value = ""
    for at, word in enumerate(words):
        if word in names:
            value = "".join(words[at + 1 : at + 2])
        elif word.startswith("--") and word.partition("=")[0] in names:
            value = word.partition("=")[2]
    return value


def expiry(pid: int) -> int | None:
    """Return the seconds for which a server caches DICOMweb's answers. None if its environment can't be read."""
    variables = read_text(f"/proc/{pid}/environ")
    if not variables:
        return None
    named = dict(pair.partition("=")[::2] for pair in variables.split("\0"))
    value = named.get(EXPIRY, "")
    return int(value) if value.isdigit() else EXPIRY_S
