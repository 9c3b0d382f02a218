"""What may be written back to a program that asked: only answers of a shape that is known.

Whatever an engine says beyond that is dropped, so that no question types for the remote.
"""

from __future__ import annotations

import re

ANSWERS_MOST = 32  # per piece: a flood of questions is not a conversation

_ANSWER = re.compile(
    rb"\x1b\[\d{1,4};\d{1,4}R"  # where the cursor is
    rb"|\x1b\[0n"  # all is well
    rb"|\x1b\[[?>]?[\d;]{1,40}c|\x1bP!\|[0-9A-F]{8}\x1b\\"  # what we are
    rb"|\x1bP>\|labeltui\x1b\\"  # our name
    rb"|\x1b\[\??\d{1,5};\d\$y"  # whether a mode is set
)


def known(data: bytes) -> bytes:
    """The answers in ``data`` that are safe to send."""
    found = [match.group() for _, match in zip(range(ANSWERS_MOST), _ANSWER.finditer(data), strict=False)]
    return b"".join(found)
