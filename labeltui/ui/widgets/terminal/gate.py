"""The way into an engine: bytes become text, and what no program needs stays outside.

Control strings (OSC, DCS, APC, PM, SOS) are where terminals get hurt: clipboards are set, links opened, keys
defined, memory filled. Only titles pass, cut short and without control characters. 8-bit controls do not
pass either: over UTF-8 they are nearly always damaged text.
"""

from __future__ import annotations

import codecs
import re

TITLE_MOST = 256

_SPECIAL = re.compile("\x1b[]P_^X]|\x1b\\Z|[\x80-\x9f]")
_STRING_END = re.compile("\x1b|[\x07\x18\x1a]")
_TITLE = re.compile(r"[012];")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


class Gate:
    """Stateful: sequences and characters may be cut anywhere."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""  # a lone ESC at the end of what came
        self._inside = ""  # introducer of the control string we are in: one of ] P _ ^ X
        self._body = ""  # its beginning, as much as a title needs
        self._ending = False  # an ESC was seen in it

    def take(self, data: bytes) -> str:
        """What the engine may see of ``data``."""
        text = self._held + self._decode(data)
        self._held = ""
        if not self._inside and not _SPECIAL.search(text):
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
        found = _STRING_END.search(text, at)
        stop = len(text) if found is None else found.start()
        if len(self._body) < TITLE_MOST + 2:
            self._body += text[at : min(stop, at + TITLE_MOST + 2)]
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
        is_title = self._inside == "]" and _TITLE.match(body) is not None
        self._inside = ""
        if whole and is_title:
            kept.append(f"\x1b]2;{plain(body[2:])}\x07")


def plain(text: str) -> str:
    """``text`` on one line without control and invisible characters, cut to a title's length."""
    return _UNPRINTABLE.sub("", text)[:TITLE_MOST]
