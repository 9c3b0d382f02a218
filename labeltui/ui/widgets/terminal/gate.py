"""Filters output before it reaches an engine: bytes become text, and dangerous sequences are dropped.

Control strings (OSC, DCS, APC, PM, SOS) can set clipboards, open links, define keys and fill memory. Only
titles pass, cut short and without control characters; text for the clipboard is stored until the operator
decides. 8-bit controls do not pass either: in UTF-8 they are nearly always damaged text.
"""

from __future__ import annotations

import base64
import codecs
import re

TITLE_MOST = 256
COPY_MOST = 100_000  # bytes of text that a program may offer for the clipboard

_SPECIAL = re.compile("\x1b[]P_^X]|\x1b\\Z|[\x80-\x9f]")
_OPENING = re.compile("\x1b[]P_^X]")  # begins with a character that is found quickly
_EIGHT_BIT = re.compile("[\x80-\x9f]")
_STRING_END = re.compile("[\x1b\x18\x1a]")
_COMMAND_END = re.compile("[\x1b\x07\x18\x1a]")  # only an OSC may end with the bell
_TITLE = re.compile(r"[012];")
_COPY = re.compile(r"52;[a-z0-9]{0,8};")
_COPY_BODY = COPY_MOST * 4 // 3 + 20
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


class Gate:
    """Filters a stream. Its pieces may be cut inside a sequence or a character."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._pending = ""  # a lone ESC at the end of what came
        self._inside = ""  # the introducer of the current control string: one of ] P _ ^ X
        self._body = ""  # its beginning, as much as a title may have
        self._ending = False  # it contains an ESC
        self.copied: list[str] = []  # texts that programs want on the clipboard; the reader clears it

    def take(self, data: bytes) -> str:
        """Return the part of ``data`` that the engine may get, as text."""
        text = self._pending + self._decode(data)
        self._pending = ""
        if not self._inside and not _special(text):
            return text
        passed: list[str] = []
        at = 0
        while at < len(text):
            at = self._in_string(text, at, passed) if self._inside else self._outside(text, at, passed)
        return "".join(passed)

    def _outside(self, text: str, at: int, passed: list[str]) -> int:
        found = _SPECIAL.search(text, at)
        if found is None:
            passed.append(text[at:])
            return len(text)
        passed.append(text[at : found.start()])
        opening = found.group()
        if opening == "\x1b":
            self._pending = opening
        elif opening[0] == "\x1b":
            self._inside, self._body, self._ending = opening[1], "", False
        return found.end()

    def _in_string(self, text: str, at: int, passed: list[str]) -> int:
        if self._ending:  # ESC \ ends the string; ESC and anything else begins another sequence
            self._ending = False
            self._end(passed, whole=text[at] == "\\")
            if text[at] == "\\":
                return at + 1
            return self._again(text, at, passed)
        found = (_COMMAND_END if self._inside == "]" else _STRING_END).search(text, at)
        stop = len(text) if found is None else found.start()
        most = (
            _COPY_BODY if self._inside == "]" and self._body[:3] in ("", "5", "52", "52;") else TITLE_MOST + 2
        )
        if len(self._body) < most:
            self._body += text[at : min(stop, at + most - len(self._body))]
        if found is None:
            return stop
        if found.group() == "\x1b":
            self._ending = True
        else:
            self._end(passed, whole=found.group() == "\x07")
        return found.end()

    def _again(self, text: str, at: int, passed: list[str]) -> int:
        """Handle the ESC that interrupts a control string, and what follows it."""
        if text[at] in "]P_^X":
            self._inside, self._body = text[at], ""
            return at + 1
        if text[at] == "\x1b":
            self._pending = "\x1b" if at + 1 == len(text) else ""
            return at + 1 if self._pending else at
        passed.append("\x1b")
        return at

    def _end(self, passed: list[str], *, whole: bool) -> None:
        body, self._body = self._body, ""
        command, self._inside = self._inside == "]", ""
        if not whole or not command:
            return
        if _TITLE.match(body):
            passed.append(f"\x1b]2;{plain(body[2:])}\x07")
        elif (text := _offered(body)) and not self.copied:
            self.copied.append(text)


def _special(text: str) -> bool:
    """Whether the text has anything to filter."""
    if text.isascii():
        return text.endswith("\x1b") or _OPENING.search(text) is not None
    return text.endswith("\x1b") or bool(_OPENING.search(text) or _EIGHT_BIT.search(text))


def _offered(body: str) -> str:
    """The text that a program offers for the clipboard; empty for a question or invalid text."""
    found = _COPY.match(body)
    if found is None or len(body) >= _COPY_BODY:
        return ""
    try:
        text = base64.b64decode(body[found.end() :], validate=True).decode()
    except ValueError:
        return ""
    return "".join(char for char in text if char in "\n\t" or char.isprintable())[:COPY_MOST]


def plain(text: str) -> str:
    """``text`` on one line, without control and invisible characters, cut to a title's length."""
    return _UNPRINTABLE.sub("", text)[:TITLE_MOST]
