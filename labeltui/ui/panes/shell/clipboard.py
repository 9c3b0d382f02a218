"""What a shell may do with the operator's clipboard, and what is asked before several lines are pasted."""

from __future__ import annotations

from textual.widget import Widget

from labeltui.ui.contract import console_of
from labeltui.ui.messages import Flash
from labeltui.ui.panes.shell import words
from labeltui.ui.panes.shell.view import ShellView


class Permission:
    """Whether programs may put text on the operator's clipboard: asked once for all shells. None: not asked yet."""

    def __init__(self) -> None:
        self.given: bool | None = None
        self.offered: str | None = None  # what one wants to copy while that is being asked


class Clipboard:
    """The clipboard, for the shell of one tab."""

    def __init__(self, tab: Widget, view: ShellView, permission: Permission) -> None:
        self._tab, self._view, self._permission = tab, view, permission

    def copied(self, text: str) -> None:
        """A program wants text on the operator's clipboard (OSC 52): the first time, the operator is asked."""
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
        """Ask before lines are pasted that the program takes one by one."""

        def answered(yes: bool) -> None:
            if yes:
                self._view.paste(text)

        console_of(self._tab).confirm("Paste", words.paste_question(text), answered)
