"""How the log pane shows single lines: hostile ones, coloured ones, progress bars, gaps."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree

from log_reader import SIZE, reading, record
from stand_in import NOW, connected, console


async def test_hostile_lines_are_text() -> None:
    hostile = "[red]x[/] \x1b]0;t\x07\x1b[2J\x1b[6n \u202e\x9b31m \x08\x00 $(touch pwned)"
    app = console(connected(), log=record(hostile) + b"\xff\xfe\xc3\n" + hostile.encode() + b"\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        for keys in ((), ("c",), ("w",), ("slash", *"[red", "backspace", "enter")):
            await reader.press(*keys)
            shot = app.export_screenshot()
            ElementTree.fromstring(shot)
            text = shot.replace("&#160;", " ")
            assert "[red]x[/] ␛]0;t␇␛[2J␛[6n \\u202e\\u009b31m ␈␀ $(touch pwned)" in text
            assert not re.search("[\x00-\x08\x0b-\x1f\x80-\x9f\u202e]", text)


async def test_colours_of_the_log_are_kept() -> None:
    app = console(connected(), log=b"\x1b[1;38;2;1;200;3mgreen\x1b[0m plain\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        segment = next(s for s in reader.view.render_line(0) if s.text == "green")
        assert segment.style is not None
        assert segment.style.bold
        assert segment.style.color is not None
        assert segment.style.color.get_truecolor() == (1, 200, 3)


async def test_a_progress_bar_is_one_changing_line() -> None:
    app = console(connected(), log=b"start\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        for percent in (10, 55, 99):
            reader.feed(b"\r%3d%%|##" % percent)
            await reader.until(lambda percent=percent: reader.messages == ["start", f"{percent}%|##"])  # type: ignore[misc]
        reader.feed(b"\r100%|##\nend\n")
        await reader.until(lambda: reader.messages == ["start", "100%|##", "end"])


async def test_a_gap_is_a_rule_between_lines() -> None:
    app = console(connected(), log=b"before\n")
    async with app.run_test(size=SIZE) as pilot:
        reader = await reading(pilot, app)
        reader.store.lost(NOW, "reset")
        await reader.until(lambda: "connection lost 17:02:48 ─" in reader.seen[1], "the open gap")
        reader.store.back(NOW + timedelta(seconds=7))
        reader.feed(b"after\n")
        await reader.until(lambda: reader.seen[2].strip() == "after", "the line after")
        assert "── connection lost 17:02:48 · back 17:02:55 (7 s) ──" in reader.seen[1]
        await reader.press("slash", *"after", "enter")
        assert "connection lost" in reader.seen[0], "a filter hides no gap"
