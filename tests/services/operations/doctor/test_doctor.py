"""The doctor: every part says how it is and what to do, in seconds, whatever is missing; and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from labeltui import cli
from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.problems import LabeltuiError
from labeltui.runpod import exposure
from labeltui.sandbox.runpod.emulator import Emulator
from labeltui.session.session import Session
from tests.actions import RecordingReport, run_confirmed
from tests.services.emulated_session import GPU


async def verdicts(
    session: Session, report: RecordingReport | None = None
) -> tuple[dict[str, str], Mapping[str, Any]]:
    """The verdict of each part, and the document."""
    document: Mapping[str, Any] = {}
    try:
        document = await run_confirmed(session, "doctor", report)
    except LabeltuiError as error:
        document = error.document or {}
    assert all(check["message"].endswith(".") for check in document["checks"])
    assert all(check["hint"] or check["verdict"] in ("ok", "unknown") for check in document["checks"])
    return {check["part"]: check["verdict"] for check in document["checks"]}, document


async def rented(session: Session, **settings: Any) -> None:
    client = await session.account.client()
    own = Path(f"{session.account.ssh_key}.pub").read_text().strip()  # noqa: ASYNC240
    await client.create_once(PodSpec("annot", f"NVIDIA {GPU}", public_keys=(own,), **settings))
    session.link.reconnect()  # there was no pod before
    await session.link.ready(40)


@pytest.mark.slow
async def test_a_pod_that_is_well(session: Session, emulator: Emulator) -> None:
    await rented(session)
    before = {pod.id: pod.status for pod in emulator.world.pods.values()}
    found, document = await verdicts(session)
    assert found["scope"] == "unknown"
    for part in ("key", "balance", "pod", "public", "ssh key", "ssh", "host key", "host", "agent"):
        assert found[part] == "ok", document
    assert {"monailabel", "disk", "gpu", "server", "tunnel", "labels"} <= set(found)
    assert {pod.id: pod.status for pod in emulator.world.pods.values()} == before
    assert emulator.key not in json.dumps(document)


@pytest.fixture
def stranger() -> Iterator[str]:
    """A web server that answers to anybody at /info/, and sends all others elsewhere."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" not in self.headers
            self.send_response(200 if self.path == "/info/" else 302)
            self.send_header("Location", "/login")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_a_stranger_asks_without_a_key_and_follows_nothing(stranger: str) -> None:
    assert await exposure.answers(stranger, "/info/") == 200
    assert await exposure.answers(stranger) == 302
    assert await exposure.answers("http://127.0.0.1:1") is None
    assert await exposure.answers("no address") is None


def test_with_nothing_configured_it_still_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    argv = ["doctor", "--json", "--config", str(tmp_path / "none.toml")]
    with suppress(SystemExit):
        assert cli.main(argv, console=lambda _: 0) == 1
    document = json.loads(capsys.readouterr().out)
    found = {check["part"]: check["verdict"] for check in document["checks"]}
    assert found == {"profile": "wrong", "key": "ok"}
    assert document["error"]["hint"]
