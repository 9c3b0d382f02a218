"""Keys and pasted text as the bytes xterm would send. Pure."""

from __future__ import annotations

_CURSOR = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
_TILDE = {"insert": 2, "delete": 3, "pageup": 5, "pagedown": 6}
_TILDE |= {f"f{n}": code for n, code in zip(range(5, 13), (15, 17, 18, 19, 20, 21, 23, 24), strict=True)}
_PF = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
_PLAIN = {"enter": b"\r", "tab": b"\t", "escape": b"\x1b", "backspace": b"\x7f", "space": b" "}
_CONTROL = {
    "at": 0,
    "space": 0,
    "left_square_bracket": 27,
    "backslash": 28,
    "right_square_bracket": 29,
    "circumflex_accent": 30,
    "underscore": 31,
    "slash": 31,
    "backspace": 8,
}
_MODIFIERS = {"shift": 1, "alt": 2, "ctrl": 4}


def encode_key(key: str, character: str | None, *, application: bool = False) -> bytes:
    """The bytes of a key as Textual names it; empty for one that no terminal sends."""
    *held, name = key.split("+")
    modifiers = sum(_MODIFIERS.get(one, 0) for one in held)
    special = _special(name, modifiers, application)
    if special:
        return special
    if key == "shift+tab":
        return b"\x1b[Z"
    prefix = b"\x1b" if modifiers & 2 else b""
    if modifiers & 4:
        if len(name) == 1 and "a" <= name.lower() <= "z":
            return prefix + bytes([ord(name.lower()) & 31])
        return prefix + bytes([_CONTROL[name]]) if name in _CONTROL else b""
    if name in _PLAIN:
        return prefix + _PLAIN[name]
    if character and character.isprintable():
        return prefix + character.encode("utf-8", "replace")
    return prefix + name.encode() if modifiers & 2 and len(name) == 1 else b""


def _special(name: str, modifiers: int, application: bool) -> bytes:
    final = _CURSOR.get(name) or _PF.get(name)
    if final:
        if modifiers:
            return f"\x1b[1;{modifiers + 1}{final}".encode()
        return f"\x1b{'O' if application or name in _PF else '['}{final}".encode()
    if name in _TILDE:
        return f"\x1b[{_TILDE[name]}{f';{modifiers + 1}' if modifiers else ''}~".encode()
    return b""


def encode_paste(text: str, *, bracketed: bool) -> bytes:
    """Pasted text without control characters, so that it can't end its own brackets."""
    clean = text.replace("\r\n", "\r").replace("\n", "\r")
    data = "".join(c for c in clean if c in "\r\t" or c.isprintable()).encode("utf-8", "replace")
    return b"\x1b[200~" + data + b"\x1b[201~" if bracketed else data
