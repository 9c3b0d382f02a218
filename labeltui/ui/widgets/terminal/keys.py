"""The bytes that keys, pastes and mouse events send to the remote, in xterm's encoding."""

from __future__ import annotations

from textual import events

from labeltui.ui.widgets.terminal.engine import Modes, Mouse

_CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_TILDE = {
    "insert": 2, "delete": 3, "pageup": 5, "pagedown": 6, "f5": 15, "f6": 17, "f7": 18, "f8": 19, "f9": 20,
    "f10": 21, "f11": 23, "f12": 24, "f13": 25, "f14": 26, "f15": 28, "f16": 29, "f17": 31, "f18": 32,
    "f19": 33, "f20": 34,
}  # fmt: skip
_PF = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
_PLAIN = {"enter": "\r", "tab": "\t", "escape": "\x1b", "backspace": "\x7f", "space": " ", "newline": "\n"}
_NAMED = {
    "at": "@", "left_square_bracket": "[", "backslash": "\\", "right_square_bracket": "]",
    "circumflex_accent": "^", "underscore": "_", "minus": "-", "slash": "/", "space": " ",
    "question_mark": "?", "grave_accent": "`", "vertical_line": "|", "tilde": "~", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "full_stop": ".", "comma": ",", "less_than_sign": "<", "greater_than_sign": ">",
    "semicolon": ";", "colon": ":", "apostrophe": "'", "quotation_mark": '"', "equals_sign": "=", "plus": "+",
    "asterisk": "*", "number_sign": "#", "dollar_sign": "$", "percent_sign": "%", "ampersand": "&",
    "exclamation_mark": "!", "left_parenthesis": "(", "right_parenthesis": ")",
}  # fmt: skip
_CONTROL = {
    " ": 0, "@": 0, "2": 0, "3": 27, "[": 27, "4": 28, "\\": 28, "5": 29, "]": 29, "6": 30, "^": 30, "~": 30,
    "`": 0, "7": 31, "_": 31, "/": 31, "-": 31, "8": 127, "?": 127,
}  # fmt: skip
_MODIFIERS = {"shift": 1, "alt": 2, "meta": 2, "ctrl": 4}
_NOT_OURS = {"super", "hyper"}
PASTE_START, PASTE_END = b"\x1b[200~", b"\x1b[201~"


def key_bytes(event: events.Key, modes: Modes) -> bytes:
    """The bytes of a key; empty for one without a code."""
    *modifiers, name = event.key.split("+") if event.key != "+" else [event.key]
    if _NOT_OURS.intersection(modifiers):
        return b""
    modifier = sum({_MODIFIERS.get(one, 0) for one in modifiers})
    special = _special(name, modifier, modes)
    if special is not None:
        return special.encode()
    if not modifiers and event.character:
        return event.character.encode("utf-8", "ignore")
    return _with_modifiers(name, modifier, event.character)


def _special(name: str, modifier: int, modes: Modes) -> str | None:
    code = f"1;{1 + modifier}" if modifier else ""
    if name in _CURSOR:
        intro = "\x1bO" if modes.application_cursor and not modifier else "\x1b["
        return f"{intro}{code}{_CURSOR[name]}"
    if name in _PF:
        return f"\x1b[{code}{_PF[name]}" if modifier else f"\x1bO{_PF[name]}"
    if name in _TILDE:
        return f"\x1b[{_TILDE[name]}{f';{1 + modifier}' if modifier else ''}~"
    if name == "tab" and modifier & 1:
        return "\x1b[Z"
    if name == "enter" and modes.newline and not modifier & 2:
        return "\r\n"
    if name in _PLAIN:
        return ("\x1b" if modifier & 2 else "") + _plain_control(name, modifier)
    return None


def _plain_control(name: str, modifier: int) -> str:
    if modifier & 4:
        return {"backspace": "\x08", "space": "\x00"}.get(name, _PLAIN[name])
    return _PLAIN[name]


def _with_modifiers(name: str, modifier: int, character: str | None) -> bytes:
    letter = name if len(name) == 1 else _NAMED.get(name, "")
    if not letter and name.startswith("upper_") and len(name) == 7:
        letter = name[-1].upper()
    if not letter:
        return character.encode("utf-8", "ignore") if character else b""
    if modifier & 1 and letter.isalpha():
        letter = letter.upper()
    if modifier & 4:
        lower = letter.lower()
        if "a" <= lower <= "z":
            letter = chr(ord(lower) & 0x1F)
        elif letter in _CONTROL:
            letter = chr(_CONTROL[letter])
    return (("\x1b" if modifier & 2 else "") + letter).encode("utf-8", "ignore")


def paste_bytes(text: str, modes: Modes) -> bytes:
    """The bytes of a paste. It can't end its own brackets, nor press ctrl+c."""
    text = text.replace("\r\n", "\r").replace("\n", "\r")
    clean = "".join(char for char in text if char in "\r\t" or (char >= " " and not "\x7f" <= char <= "\x9f"))
    body = clean.encode("utf-8", "ignore")
    return PASTE_START + body + PASTE_END if modes.bracketed_paste else body


def mouse_bytes(button: int, column: int, row: int, *, modes: Modes, pressed: bool, moved: bool) -> bytes:
    """A mouse report for a cell counted from 0; empty if the program did not ask for it.

    ``button`` is 0 left, 1 middle, 2 right, 3 none, 64 and 65 the wheel, plus 4 shift, 8 alt, 16 ctrl.
    """
    no_button = button & 3 == 3 and button < 64
    if modes.mouse is Mouse.OFF or (moved and modes.mouse is Mouse.CLICKS):
        return b""
    if moved and no_button and modes.mouse is not Mouse.ANY:
        return b""
    code = button + (32 if moved else 0)
    if modes.mouse_sgr:
        return f"\x1b[<{code};{column + 1};{row + 1}{'M' if pressed else 'm'}".encode()
    if column > 222 or row > 222:  # the old encoding has one byte for each
        return b""
    if not pressed:
        code |= 3
    return b"\x1b[M" + bytes((32 + code, 33 + column, 33 + row))
