"""Splits the text of ``datastore_v2.json`` into the texts of its studies, without parsing them.

While Python parses 30 MB of JSON, no other thread can answer. Splitting takes milliseconds, and only the texts
that changed are parsed, a few at a time.
"""

from __future__ import annotations

import json
import re
from typing import Any

# The file as MONAI Label writes it: ``json.dumps(document, indent=2)`` with the objects last. A JSON string contains no
# line break, so these indents are found nowhere else.
BEGIN = b'\n  "objects": {\n    '
BETWEEN = b"\n    },\n    "
CLOSE = b"\n    }"
END = CLOSE + b"\n  }\n}"
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def study_texts(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the text of each study, such as ``"a": {...}``, and the text that follows the last study.

    Raises ValueError if the data is visibly not a whole JSON object. The studies' own texts are not checked.
    """
    if not data.endswith(END):
        data = data.rstrip()
    begin = data.find(BEGIN)
    if not data.endswith(b"}"):
        raise ValueError("the end is missing")
    if begin > 0 and data.endswith(END) and data.find(BETWEEN, 0, begin) < 0:
        try:
            if isinstance(json.loads(data[:begin].rstrip(b",") + b"}"), dict):
                texts = data.split(BETWEEN)  # of all, since a copy of 30 MB takes as long as the split
                texts[-1] = texts[-1][: -len(END)]
                texts[0] = texts[0][begin + len(BEGIN) :]
                return texts, CLOSE
        except ValueError:
            pass  # somebody else wrote it
    return list(_walk(data.decode()).values()), b""


def parse(texts: list[bytes], end: bytes) -> dict[str, Any]:
    """Parse the texts of some studies. Raises ValueError if a text is not exactly one study."""
    found: dict[str, Any] = json.loads(b"{" + (end + b",").join(texts) + (end if texts else b"") + b"}")
    if len(found) != len(texts):
        raise ValueError("a text is not one study")
    return found


def _walk(text: str) -> dict[str, bytes]:
    """Return the text of each study of a file in any layout. Raises ValueError."""
    found: dict[str, bytes] = {}
    at = _after(text, 0, "{")
    while not text.startswith("}", at):
        name, at = _name(text, at)
        if name == "objects" and text.startswith("{", at):
            found, at = {}, _after(text, at, "{")
            while not text.startswith("}", at):
                study, begin = _name(text, at)
                _, end = _DECODER.raw_decode(text, begin)
                found[study] = f"{json.dumps(study)}: {text[begin:end]}".encode()
                at = _next(text, end)
            at = _next(text, at + 1)
        else:
            _, end = _DECODER.raw_decode(text, at)
            at = _next(text, end)
    if _space(text, at + 1) != len(text):
        raise ValueError("text after the object")
    return found


def _name(text: str, at: int) -> tuple[str, int]:
    """Return the name that begins at ``at``, and where its value begins."""
    name, end = _DECODER.raw_decode(text, at)
    if not isinstance(name, str):
        raise ValueError("a name is not a string")
    return name, _after(text, _space(text, end), ":")


def _next(text: str, at: int) -> int:
    """Return where the next name begins after a value, or the closing brace."""
    at = _space(text, at)
    if text.startswith("}", at):
        return at
    at = _after(text, at, ",")
    if text.startswith("}", at):
        raise ValueError("a comma before the end")
    return at


def _after(text: str, at: int, character: str) -> int:
    at = _space(text, at)
    if not text.startswith(character, at):
        raise ValueError(f"no {character} at {at}")
    return _space(text, at + 1)


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
