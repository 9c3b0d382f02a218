"""The table of operations: one for each command of the registry, and no other."""

from __future__ import annotations

from labeltui.actions import ACTIONS
from labeltui.actions.model import Command
from labeltui.operations.table import OPERATIONS


def test_every_command_of_the_registry_has_an_operation_and_no_other_action_has() -> None:
    assert set(OPERATIONS) == {action.id for action in ACTIONS if isinstance(action, Command)}
