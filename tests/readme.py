"""Write the lists of keys in README.md and labeltui/MANUAL.md from the action registry and the panes.

``python -m tests.readme``. A test fails if a list is not what this writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from labeltui.actions import ACTIONS, LEADERS, Action
from labeltui.ui.keys import KeyMap, shown
from labeltui.ui.panes.log.pane import LogPane
from labeltui.ui.panes.pane_keys import PaneKey
from labeltui.ui.panes.queue.pane import QueuePane

ROOT = Path(__file__).parents[1]
README, MANUAL = ROOT / "README.md", ROOT / "labeltui/MANUAL.md"
_KEYS = re.compile(r"(<!-- keys: [^\n]*-->\n).*?(<!-- end of keys -->)", re.DOTALL)
_DIRECT = KeyMap()
_FIRST_HOUR = (
    "z",
    "tab",
    "escape",
    "H",
    "P",
    "D",
    "R",
    "W",
    "B",
    "L",
    "a",
    "ctrl+t",
    "Z",
    "y",
    "ctrl+p",
    "q",
)
"""The keys without a leader that README lists; the manual lists all."""


def pane_keys() -> Mapping[str, tuple[PaneKey, ...]]:
    """The keys of the panes that have more than the ones for moving."""
    return {"server log": tuple(LogPane().pane_keys), "study queue": tuple(QueuePane().pane_keys)}


def briefly() -> str:
    """One row for each leader and pane, with the titles of the actions."""
    focus = [action for action in ACTIONS if action.key in "12345" and not action.leader and action.key]
    direct = [action for key in _FIRST_HOUR if (action := _DIRECT.direct[key])]
    rows = [
        ("anywhere", f"`1` … `5` focus {', '.join(action.title.lower() for action in focus)}"),
        ("", _titles(direct)),
    ]
    rows += [
        (f"`{shown(leader)}` {name}, then", _titles(_DIRECT.leaders[leader].values()))
        for leader, name in LEADERS.items()
    ]
    rows += [
        (f"in the {name}", ", ".join(f"`{key.hint[0]}` {key.text}" for key in keys if key.footer))
        for name, keys in pane_keys().items()
    ]
    return _table(("", "keys"), rows)


def in_full() -> str:
    """A row for each key, with the help of its action."""
    rows = [
        (f"`{_DIRECT.keys_of(action)}`", action.title, action.help)
        for leader in ("", *LEADERS)
        for action in ACTIONS
        if action.leader == leader and _DIRECT.keys_of(action)
    ]
    rows += [
        (" ".join(f"`{shown(one)}`" for one in key.keys), f"in the {name}", key.text)
        for name, keys in pane_keys().items()
        for key in keys
    ]
    return _table(("key", "action", "what it does"), rows)


def with_keys(text: str, table: str) -> str:
    """The text of a page, with the list of keys between its marks replaced."""
    replaced, count = _KEYS.subn(lambda found: f"{found[1]}{table}{found[2]}", text)
    if count != 1:
        raise ValueError("the page has no marks of the list of keys")
    return replaced


def pages() -> Mapping[Path, str]:
    """Both pages as they should be."""
    return {
        path: with_keys(path.read_text(encoding="utf-8"), table)
        for path, table in ((README, briefly()), (MANUAL, in_full()))
    }


def _titles(actions: Iterable[Action]) -> str:
    return ", ".join(
        f"`{shown(action.key)}` {action.title[:1].lower()}{action.title[1:]}" for action in actions
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
