"""Maps keys to the registry's actions, with the profile's overrides. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from string import punctuation

from labeltui.actions import ACTIONS, LEADERS, Action

# Characters that Textual names differently from Unicode.
_OWN_NAMES = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}


def _name(character: str) -> str:
    name = unicodedata.name(character).lower().replace("-", "_").replace(" ", "_")
    return _OWN_NAMES.get(name, name)


_SHOWN = {"escape": "esc", **{_name(character): character for character in punctuation}}
_NAMED = {shown: name for name, shown in _SHOWN.items()}


def shown(key: str) -> str:
    """Return a Textual key name as people write it, such as ``?`` for ``question_mark``."""
    head, _, last = key.rpartition("+") if len(key) > 1 else ("", "", key)
    return f"{head}+{_SHOWN.get(last, last)}" if head else _SHOWN.get(last, last)


def named(key: str) -> str:
    """Return Textual's name for a key that people wrote: the inverse of :func:`shown`."""
    head, _, last = key.rpartition("+") if len(key) > 1 else ("", "", key)
    return f"{head}+{_NAMED.get(last, last)}" if head else _NAMED.get(last, last)


class KeyMap:
    """Maps keys to actions.

    ``overrides`` maps action ids to keys, such as ``"f5"``, or ``"s k"`` after the leader ``s``.
    """

    def __init__(
        self, overrides: Mapping[str, str] | None = None, actions: Iterable[Action] = ACTIONS
    ) -> None:
        self.direct: dict[str, Action] = {}
        self.leaders: dict[str, dict[str, Action]] = {leader: {} for leader in LEADERS}
        self.problems: list[str] = []
        self._keys: dict[str, tuple[str, str]] = {}
        known = {action.id: action for action in actions}
        wanted = dict(overrides or {})
        for action in known.values():
            if action.key and action.id not in wanted:
                self._place(action, action.leader, action.key)
        for action_id, keys in wanted.items():
            if action_id not in known:
                self.problems.append(f"keys: there is no action {action_id!r}")
                continue
            leader, _, key = keys.strip().rpartition(" ")
            leader = named(leader)
            if leader and leader not in self.leaders:
                self.problems.append(
                    f"keys: {action_id}: {leader!r} is not a leader key ({', '.join(map(shown, LEADERS))})"
                )
                continue
            self._place(known[action_id], leader, named(key))

    def _place(self, action: Action, leader: str, key: str) -> None:
        table = self.leaders[leader] if leader else self.direct
        before = table.get(key)
        if before is not None:
            self.problems.append(f"keys: {shown(key)} now runs {action.id} instead of {before.id}")
            self._keys.pop(before.id, None)
        if not leader and key in self.leaders:
            self.problems.append(f"keys: {action.id}: {key} is a leader key")
            return
        table[key] = action
        self._keys[action.id] = (leader, key)

    def has(self, key: str) -> bool:
        """Whether a key runs an action, is a leader, or follows a leader."""
        return key in self.direct or key in self.leaders or any(key in keys for keys in self.leaders.values())

    def keys_of(self, action: Action) -> str:
        """Return the keys of an action as people write them, such as ``s x``; empty if it has none."""
        leader, key = self._keys.get(action.id, ("", ""))
        return f"{shown(leader)} {shown(key)}".strip() if key else ""
