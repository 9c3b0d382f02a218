"""Guards the operator's clipboard: asks before a program copies, and before several lines are pasted."""

from __future__ import annotations

from textual.widget import Widget

from labeltui.ui.contract import console_of
from labeltui.ui.messages import Flash
from labeltui.ui.panes.shell import words
from labeltui.ui.panes.shell.view import ShellView


class Permission:
    """Whether programs in any shell may copy. ``given`` is None until the operator has answered."""

    def __init__(self) -> None:
        self.given: bool | None = None
        self.offered: str | None = None  # the text to copy, while the question is open


class Clipboard:
    """Connects one tab's shell with the operator's clipboard."""

    def __init__(self, tab: Widget, view: ShellView, permission: Permission) -> None:
        self._tab, self._view, self._permission = tab, view, permission

    def copied(self, text: str) -> None:
        """Copy a program's text (OSC 52) to the operator's clipboard. Asks the operator the first time."""
        permission = self._permission
        if permission.given:
            self._tab.app.copy_to_clipboard(text)
            self._tab.post_message(Flash(f"a program in the shell copied {len(text)} characters"))
        elif permission.given is None and permission.offered is None:
            permission.offered = text

            def answered(yes: bool) -> None:
                permission.given, offered, permission.offered = yes, permission.offered, None
                if yes and offered is not None:
                    self.copied(offered)

            console_of(self._tab).confirm("Copy", words.copy_question(text), answered)

    def ask_paste(self, text: str) -> None:
        """Ask before several lines are pasted into a program that would run each of them immediately."""

        def answered(yes: bool) -> None:
            if yes:
                self._view.paste(text)

        console_of(self._tab).confirm("Paste", words.paste_question(text), answered)
