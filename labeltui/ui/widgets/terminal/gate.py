"""The way into an engine: bytes become text, and what no program needs stays outside.

Control strings (OSC, DCS, APC, PM, SOS) are where terminals get hurt: clipboards are set, links opened, keys
defined, memory filled. Only titles pass, cut short and without control characters; text for the clipboard is
set aside, for the operator to decide. 8-bit controls do not pass either: over UTF-8 they are nearly always
damaged text.
"""

from __future__ import annotations

import base64
import codecs
import re

TITLE_MOST = 256
COPY_MOST = 100_000  # bytes of text that a program may offer for the clipboard

_SPECIAL = re.compile("\x1b[]P_^X]|\x1b\\Z|[\x80-\x9f]")
_OPENING = re.compile("\x1b[]P_^X]")  # begins with a character that is searched for quickly
_EIGHT_BIT = re.compile("[\x80-\x9f]")
_STRING_END = re.compile("[\x1b\x18\x1a]")
_COMMAND_END = re.compile("[\x1b\x07\x18\x1a]")  # the bell ends an OSC, and only that
_TITLE = re.compile(r"[012];")
_COPY = re.compile(r"52;[a-z0-9]{0,8};")
_COPY_BODY = COPY_MOST * 4 // 3 + 20
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


class Gate:
    """Stateful: sequences and characters may be cut anywhere."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""  # a lone ESC at the end of what came
        self._inside = ""  # introducer of the control string we are in: one of ] P _ ^ X
        self._body = ""  # its beginning, as much as a title needs
        self._ending = False  # an ESC was seen in it
        self.copied: list[str] = []  # what programs want on the clipboard; whoever reads it empties it

    def take(self, data: bytes) -> str:
        """What the engine may see of ``data``."""
        text = self._held + self._decode(data)
        self._held = ""
        if not self._inside and not _special(text):
            return text
        kept: list[str] = []
        at = 0
        while at < len(text):
            at = self._in_string(text, at, kept) if self._inside else self._outside(text, at, kept)
        return "".join(kept)

    def _outside(self, text: str, at: int, kept: list[str]) -> int:
        found = _SPECIAL.search(text, at)
        if found is None:
            kept.append(text[at:])
            return len(text)
        kept.append(text[at : found.start()])
        opening = found.group()
        if opening == "\x1b":
            self._held = opening
        elif opening[0] == "\x1b":
            self._inside, self._body, self._ending = opening[1], "", False
        return found.end()

    def _in_string(self, text: str, at: int, kept: list[str]) -> int:
        if self._ending:  # ESC \ ends the string; ESC and anything else begins another sequence
            self._ending = False
            self._end(kept, whole=text[at] == "\\")
            if text[at] == "\\":
                return at + 1
            return self._again(text, at, kept)
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
            self._end(kept, whole=found.group() == "\x07")
        return found.end()

    def _again(self, text: str, at: int, kept: list[str]) -> int:
        """The ESC that broke a string off, with what follows it."""
        if text[at] in "]P_^X":
            self._inside, self._body = text[at], ""
            return at + 1
        if text[at] == "\x1b":
            self._held = "\x1b" if at + 1 == len(text) else ""
            return at + 1 if self._held else at
        kept.append("\x1b")
        return at

    def _end(self, kept: list[str], *, whole: bool) -> None:
        body, self._body = self._body, ""
        command, self._inside = self._inside == "]", ""
        if not whole or not command:
            return
        if _TITLE.match(body):
            kept.append(f"\x1b]2;{plain(body[2:])}\x07")
        elif (text := _offered(body)) and not self.copied:
            self.copied.append(text)


def _special(text: str) -> bool:
    """Whether there is anything to do."""
    if text.isascii():
        return text.endswith("\x1b") or _OPENING.search(text) is not None
    return text.endswith("\x1b") or bool(_OPENING.search(text) or _EIGHT_BIT.search(text))


def _offered(body: str) -> str:
    """The text that a program offers for the clipboard; empty for a question, and for what is no text."""
    found = _COPY.match(body)
    if found is None or len(body) >= _COPY_BODY:
        return ""
    try:
        text = base64.b64decode(body[found.end() :], validate=True).decode()
    except ValueError:
        return ""
    return "".join(char for char in text if char in "\n\t" or char.isprintable())[:COPY_MOST]


def plain(text: str) -> str:
    """``text`` on one line without control and invisible characters, cut to a title's length."""
    return _UNPRINTABLE.sub("", text)[:TITLE_MOST]
