"""The log pane's copies and files, the alerts that lead to it, and the text of an empty log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labeltui.domain.state import Alert, Level, SessionState
from tests.ui.fake_session import NOW, connected, console, dead, fresh, stopped, wait_for
from tests.ui.panes.log.log_reader import HEAD, MANY, SIZE, open_log, record
from tests.ui.screen_text import screen_text


async def test_copy() -> None:
    app = console(connected(), log=record("Saving \x1b[31mlabel\x1b[0m") + b"last\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("y")
        assert app.clipboard == "last"
        await reader.press("k", "y")
        assert app.clipboard == (HEAD % b"INFO").decode() + "Saving label"
        assert "copied" in app.last_flash


def taken(folder: Path) -> tuple[bytes, int]:
    """Content and mode of the only file; it is gone afterwards."""
    (saved,) = folder.iterdir()
    found = saved.read_bytes(), saved.stat().st_mode & 0o777
    saved.unlink()
    return found


async def test_what_is_shown_is_saved_for_the_reader_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = console(connected(), log=MANY)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("slash", *"line 4.7$", "enter")
        await reader.press("S")
        await reader.until(lambda: "saved" in screen_text(app), "the file")
        assert taken(tmp_path) == (b"".join(b"line 4%d7\n" % n for n in range(10)), 0o600)
        await reader.press("ctrl+s")
        await reader.until(
            lambda: list(tmp_path.iterdir()),
            "all of it, though filtered",
        )
        assert taken(tmp_path) == (MANY, 0o600)
        await reader.press("escape", "S")
        await reader.until(lambda: list(tmp_path.iterdir()), "all of it")
        assert taken(tmp_path) == (MANY, 0o600)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (stopped(), "s s starts it"),
        (dead(), "connection to the host was refused"),
        (connected(), "has not printed anything yet"),
        (
            replace(connected(), server=fresh(replace(connected().server.value, run_id=None))),
            "did not start this server",
        ),
    ],
)
async def test_an_empty_log_teaches(state: SessionState, said: str) -> None:
    app = console(state, log=b"")
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        text = app.export_screenshot().replace("&#160;", " ")
        assert said in text
        assert not reader.pane.hints()
        reader.feed(b"hello\n")
        app.paint()
        await reader.until(lambda: reader.messages == ["hello"], "the first line")
        await reader.until(lambda: app.frame_screen.focused is reader.view, "the keyboard goes to the lines")


async def test_an_alert_opens_the_log_at_its_line_and_the_line_says_what_it_means() -> None:
    lines = [b"line %d\n" % number for number in range(300)]
    lines[120] = b"torch.OutOfMemoryError: CUDA out of memory.\n"
    alert = Alert("log:gpu_memory", Level.ERROR, "The GPU had no memory.", "End it.", NOW, 120)
    app = console(replace(connected(), alerts=(alert,)), log=b"".join(lines))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("slash", *"line", "enter")
        assert not reader.pane.has_class("-means")
        await reader.press("1", "a")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "AlertsScreen")
        await reader.press("enter")
        await reader.until(lambda: reader.view.cursor == 120, "the line")
        await reader.until(lambda: app.frame_screen.focused is reader.view, "the keyboard")
        await reader.until(lambda: "GPU ran out of memory" in str(reader.pane.query_one(".means").render()))
        assert reader.pane.has_class("-means")
        await reader.press("j")
        means = reader.pane.query_one(".means")
        await reader.until(lambda: not str(means.render()).strip(), "a line that means nothing")


async def test_an_alert_without_a_line_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    alert = Alert("host", Level.ERROR, "It went.", "It comes back.", NOW)
    app = console(replace(connected(), alerts=(alert,)), log=MANY)
    copied: list[str] = []
    monkeypatch.setattr(app, "copy", copied.append)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        await reader.press("a")
        await wait_for(pilot, lambda: type(app.screen).__name__ == "AlertsScreen")
        await reader.press("enter")
        await wait_for(pilot, lambda: copied == ["It went. It comes back."])


async def test_the_mouse_marks_what_is_copied() -> None:
    app = console(connected(), log=record("first") + record("second 漢字 line") + record("third"))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)
        first = reader.screen_rows[1].index("second")
        await pilot.mouse_down(reader.view, offset=(first, 1))
        await pilot.hover(reader.view, offset=(first + 11, 1))
        await pilot.mouse_up(reader.view, offset=(first + 11, 1))
        await reader.until(lambda: reader.view.text_selection is not None, "what is marked")
        await reader.press("y")
        assert app.clipboard == "second 漢字 ", "with what is under the mouse"
        marked = reader.view.screen.get_component_rich_style("screen--selection").bgcolor
        row = reader.view.render_lines(reader.view.size.region)[1]
        assert "".join(s.text for s in row if s.style and s.style.bgcolor == marked) == "second 漢字 "
        await pilot.mouse_down(reader.view, offset=(first, 0))
        await pilot.hover(reader.view, offset=(first + 5, 1))
        await pilot.mouse_up(reader.view, offset=(first + 5, 1))
        await reader.press("y")
        assert app.clipboard == "first\n17:02:20 I datastore      second"
        reader.feed(record("fourth"))
        await reader.until(lambda: "fourth" in "".join(reader.screen_rows), "what came meanwhile")
        await reader.press("j", "y")
        assert "fourth" in app.clipboard, "moving on forgets what was marked"
