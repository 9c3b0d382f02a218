"""Runs `doctor`, and reads its document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labeltui.domain.problems import Failed
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import Desk

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def examine(it: Desk) -> Mapping[str, Any]:
    """The document, also of a failure: every check is a sentence, and what is not well has something to do."""
    try:
        document = await it.run("doctor")
    except Failed as error:
        document = error.document or {}
    assert [check for check in document["checks"] if not check["message"].endswith(".")] == []
    assert [c for c in document["checks"] if not c["hint"] and c["verdict"] not in ("ok", "unknown")] == []
    return document


def checks(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {check["part"]: check for check in document["checks"]}


def verdicts(document: Mapping[str, Any]) -> dict[str, str]:
    return {part: check["verdict"] for part, check in checks(document).items()}


async def healthy(it: Desk, **spec: Any) -> str:
    """A pod with our key, a guard and a server; its id."""
    FakeGuard(it.host)
    it.host.agent.metrics = {
        "cpu_pct": 1.0, "gpus": [{"index": 0, "name": "RTX A5000", "memory_used_mib": 0, "memory_total_mib": 24564}],
        "disk_total": 20 * 10**9, "disk_used": 2**30, "disk_path": "/workspace",
    }  # fmt: skip
    own = Path(f"{it.session.account.ssh_key}.pub").read_text().strip()  # noqa: ASYNC240 - a small file of the test's
    pod_id = await it.rent(public_keys=(own,), **spec)
    await it.session.link.ready()
    it.serve()
    await it.session.readiness.need_server()
    it.pin(pod_id)
    return pod_id
