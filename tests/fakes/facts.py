"""What the recipe's probe finds on a host in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from labeltui.monailabel import pins
from labeltui.monailabel.probe import Facts
from labeltui.monailabel.recipe import VERIFIED
from tests.fakes.host import MemoryHost

EMPTY = Facts(
    "/root/labeltui", home="/root", python_version="3.11.7", has_venv=True, has_ensurepip=True,
    disk_free=100 * 10**9,
)  # fmt: skip
"""A host on which nothing is installed, and anything can be."""

INSTALLED = replace(
    EMPTY, venv=True, venv_pip=True, venv_python="3.11.7", verified=VERIFIED,
    packages={
        **{pin.name: pin.version for pin in (*pins.SERVER, *pins.PINNED)},
        "torch": "2.13.0+cpu", "torchvision": "0.28.0+cpu",
    },
    apps={"radiology": True, "monaibundle": True},
)  # fmt: skip
"""A host with everything that setup installs."""


def report_facts(host: MemoryHost, facts: Callable[[], Facts]) -> None:
    """Let the probe find this, each time anew."""

    def document() -> Mapping[str, Any]:
        found = facts()
        files = {"labeltui-verified": found.verified} if found.verified else {}
        return {**asdict(found), "venv_files": files, "site_files": []}

    def printed(_command: str, _stdin: bytes) -> bytes:
        return json.dumps(asdict(facts())).encode() + b"\n"

    host.on(r"^python3 - ", printed)
    host.agent.answers["probe"] = lambda _request: document()
