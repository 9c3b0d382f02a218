"""The facts that the recipe's probe reports of a host in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from labeltui.monailabel.installation import pins
from labeltui.monailabel.installation.probe import STANDIN_FILE, VERIFIED_FILE, Facts
from labeltui.monailabel.installation.recipe import VERIFIED
from tests.fakes.host import MemoryHost

EMPTY = Facts(
    "/root/labeltui", home="/root", python_version="3.11.7", has_venv=True, has_ensurepip=True,
    disk_free=100 * 10**9,
)  # fmt: skip
"""A host without MONAI Label on which everything can be installed."""

INSTALLED = replace(
    EMPTY, venv_found=True, venv_pip=True, venv_made_by="3.11.7", venv_python="3.11.7", verified=VERIFIED,
    packages={
        **{pin.name: pin.version for pin in (*pins.SERVER, *pins.PINNED)},
        "torch": "2.13.0+cpu", "torchvision": "0.28.0+cpu",
    },
    apps={"radiology": True, "monaibundle": True},
)  # fmt: skip
"""A host with everything that setup installs."""


def report_facts(host: MemoryHost, facts: Callable[[], Facts]) -> None:
    """Let the probe report the result of ``facts``, which is called each time."""

    def found(_request: Mapping[str, Any]) -> Mapping[str, Any]:
        now = facts()
        files = {VERIFIED_FILE: now.verified} if now.verified else {}
        files |= {STANDIN_FILE: ""} if now.standin else {}
        return {**asdict(now), "venv_files": files, "site_files": []}

    host.agent.answers["probe"] = found
