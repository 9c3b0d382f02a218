"""Lists all keys, from the action registry and from the panes."""

from __future__ import annotations

from textual.content import Content

from labeltui.actions import ACTIONS, LEADERS, Action
from labeltui.ui.contract import Console
from labeltui.ui.frame.frame import TITLES
from labeltui.ui.frame.layout import PANES
from labeltui.ui.keys import shown
from labeltui.ui.presentation.words import Tone
from labeltui.ui.screens.dialogs.picklist import Entry, PickList


def entries(app: Console) -> list[Entry]:
    """Return entries for the focused pane's keys, the actions by leader, and the other panes' keys."""
    groups: list[tuple[str, list[Action]]] = [
        (f"{shown(leader)} {name}", [a for a in ACTIONS if a.leader == leader])
        for leader, name in LEADERS.items()
    ]
    groups.append(("console", [a for a in ACTIONS if not a.leader and app.keymap.keys_of(a)]))
    groups.append(("without a key", [a for a in ACTIONS if not app.keymap.keys_of(a) and offered(a)]))
    found: list[Entry] = []
    current = app.current_pane
    for name in (current, *(name for name in PANES if name != current)):
        pane = app.panes.get(name)
        if pane is not None:
            found.append(_heading(f"in {TITLES[name]}"))
            found += [_pane_key(key, text, name) for key, text in pane.help_keys()]
    here = [i for i, e in enumerate(found) if e.heading]
    split = here[1] if len(here) > 1 else len(found)
    listed: list[Entry] = []
    for title, actions in groups:
        if actions:
            listed.append(_heading(title))
            listed += [_action(app, action) for action in actions]
    return found[:split] + listed + found[split:]


def offered(action: Action) -> bool:
    """Return whether the console lists an action without a key. False for command-line actions."""
    return action.console != "" or action.id in ("setup", "doctor", "studies.next")


def _heading(title: str) -> Entry:
    return Entry(Content.styled(title, "bold $text-primary"), title, heading=True)


def _pane_key(key: str, text: str, pane: str) -> Entry:
    line = Content.assemble((f"  {key:<9} ", "bold $text-accent"), text)
    return Entry(line, f"{key} {text} {pane}")


def _action(app: Console, action: Action) -> Entry:
    keys, why = app.keymap.keys_of(action), app.dispatcher.why_not(action)
    head: tuple[str, str] = (f"  {keys:<9} ", "bold $text-accent" if why is None else Tone.FAINT)
    title: tuple[str, str] = (f"{action.title:<23} ", Tone.PLAIN if why is None else Tone.FAINT)
    tail: tuple[str, str] = (action.help, Tone.FAINT) if why is None else (f"not now: {why}", Tone.WARN)
    return Entry(
        Content.assemble(head, title, tail), f"{keys} {action.title} {action.help} {action.id}", action.id
    )


class HelpScreen(PickList):
    """Lists all keys. Enter runs the action under the cursor."""

    TITLE_TEXT = "every key"
    FOOT_TEXT = "type to search · enter runs the action · esc closes"
