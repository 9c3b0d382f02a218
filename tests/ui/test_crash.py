"""A crash leaves a file without local variables, and says where it is."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from labeltui.ui.crash import crash_message
from tests.ui.fake_session import connected, console, wait_for

CANARY = "hunter2-canary"


async def test_a_crash_keeps_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    app = console(connected())
    shown: list[Any] = []
    monkeypatch.setattr(app, "panic", lambda *texts: (shown.extend(texts), app._close_messages_no_wait()))

    def crash() -> None:
        password = CANARY
        raise RuntimeError(f"boom {len(password)}")

    async def run() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            app.call_later(crash)
            await wait_for(pilot, lambda: shown, "the last words")

    with pytest.raises(RuntimeError, match="boom"):
        await run()
    check_file(tmp_path, str(shown[0]))


def check_file(folder: Path, shown: str) -> None:
    files = list(folder.glob("labeltui-crash-*.txt"))
    assert len(files) == 1
    text = files[0].read_text()
    assert "boom 14" in text
    assert "in crash" in text
    assert CANARY not in text.replace("password = CANARY", "")
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert str(files[0]) in shown


def test_the_crash_message_says_what_and_what_next() -> None:
    words = crash_message(ValueError("[red]x"), Path("/x/crash.txt"))
    assert "ValueError: [red]x" in words
    assert "/x/crash.txt" in words
    assert "open labeltui again" in words
