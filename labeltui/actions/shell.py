"""The shells of pane 2, as the console handles them."""

from __future__ import annotations

from labeltui.actions.model import Action, Danger
from labeltui.domain.rules import conditions

SHELL_ACTIONS: tuple[Action, ...] = (
    Action(
        "shell.new", "New shell", "open another shell on the host, as a tab of pane 2",
        key="n", leader="exclamation_mark", danger=Danger.CHANGE, disabled=conditions.not_connected,
        console="shell('new')",
    ),
    Action(
        "shell.close", "Close the shell", "end the current shell; asks first if a program runs in it",
        key="x", leader="exclamation_mark", danger=Danger.CHANGE, console="shell('close_current')",
    ),
    Action(
        "shell.next", "Next shell", "show the next shell",
        key="exclamation_mark", leader="exclamation_mark", console="shell('next')",
    ),
    Action(
        "shell.previous", "Previous shell", "show the previous shell",
        key="p", leader="exclamation_mark", console="shell('previous')",
    ),
    Action(
        "shell.full", "Full screen", "show the current shell in the whole terminal; ctrl+] returns to labeltui",
        key="Z", needs_terminal=True, console="shell('full')",
    ),
    Action(
        "shell.rename", "Name the shell", "give the current shell a name",
        key="r", leader="exclamation_mark", console="shell('rename_current')",
    ),
    Action(
        "shell.proxy", "Emergency shell", "open a shell through RunPod's proxy; no file transfer and no tunnel",
        key="e", leader="exclamation_mark", danger=Danger.CHANGE, needs_host=False,
        disabled=conditions.no_proxy_shell, console="shell('proxy')",
    ),
)  # fmt: skip
