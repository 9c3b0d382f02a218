"""An operator who looks at another window is notified, and one who is present is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from textual import events

from labeltui.domain.guard.status import GuardStatus
from labeltui.domain.state import Alert, Level
from labeltui.ui.app import Console
from labeltui.ui.frame.notify import PRESENT, Notifier, notification
from tests.fakes.store import put
from tests.ui.fake_session import NOW, FakeSession, fresh, settled, wait_for
from tests.ui.sample_pods import with_pod

HOSTILE = "study \x1b]0;x\x07;a is open\x9c at ana"


@pytest.mark.parametrize(
    ("environment", "begins"),
    [
        ({"TERM_PROGRAM": "iTerm.app"}, "\x1b]9;"),
        ({"TERM": "xterm-kitty"}, "\x1b]99;;"),
        ({"TERM_PROGRAM": "ghostty"}, "\x1b]777;notify;"),
        ({"TERM_PROGRAM": "WezTerm"}, "\x1b]777;notify;"),
        ({"TERM": "foot-extra"}, "\x1b]777;notify;"),
        ({"WT_SESSION": "1"}, "\x1b]777;notify;"),
        ({"TERM_PROGRAM": "tmux", "TMUX": "/tmp/x", "LC_TERMINAL": "iTerm2"}, "\x1bPtmux;\x1b\x1b]9;"),
        ({"TERM": "xterm-256color"}, ""),
        ({"TERM_PROGRAM": "Apple_Terminal"}, ""),
    ],
)
def test_each_terminal_gets_the_sequence_that_it_takes_and_no_other(
    environment: dict[str, str], begins: str
) -> None:
    sequence = notification(HOSTILE, environment)
    assert bool(sequence) == bool(begins)
    assert sequence.startswith(begins)
    text = sequence.removeprefix(begins).removesuffix("\x1b\\").removesuffix("\x1b\x1b\\")
    assert not any(character in text for character in "\x1b\x07\x9c")


def test_nothing_is_written_while_the_console_has_the_focus_or_a_key_was_just_typed() -> None:
    written: list[str] = []
    notifier = Notifier(written.append, {})
    notifier.noticed(events.Key("j", "j"), NOW)
    notifier.notify("a", NOW)
    assert written == []
    notifier.notify("b", NOW + PRESENT)
    assert written == ["\x1b[22;2t\x1b]2;labeltui: b\x1b\\\x07"]
    notifier.noticed(events.AppFocus(), NOW)
    assert written.pop() == "\x1b[23;2t", "the title is restored"
    notifier.notify("c", NOW + timedelta(hours=1))
    assert len(written) == 1
    notifier.noticed(events.AppBlur(), NOW)
    notifier.notify("d", NOW)
    assert "labeltui: d" in written[-1]


async def test_alerts_that_matter_and_a_near_stop_notify(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Console, "_write_to_terminal", lambda _app, text: written.append(text))
    session = FakeSession(replace(with_pod(), alerts=()))
    app = Console(session=session, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await app.on_event(events.AppBlur())
        seen = []
        for key, level in (
            ("training", Level.INFO), ("server", Level.ERROR), ("shared:a", Level.WARNING),
            ("labels", Level.ERROR), ("history", Level.WARNING),
        ):  # fmt: skip
            put(session.store, alerts=(Alert(key, level, f"[{key}]", "", NOW),))
            seen.append(f"[{key}]")
        put(session.store, guard=fresh(GuardStatus("warning", "", cause="idle", left_s=300.0)))
        await wait_for(pilot, lambda: "about to be stopped" in "".join(written))
    text = "".join(written)
    assert all(name in text for name in seen[:-1])
    assert "[history]" not in text
    assert text.endswith("\x1b[23;2t"), "the title is restored at the end"
