"""Check that the console writes only text and its own escape sequences to its terminal.

Nothing else may come out, whatever a remote host sends.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    rb"(?s)\x1b\[[\x20-\x3f]*[@-~]"  # a whole CSI
    rb"|\x1b[\]P_^X](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\)"  # a whole string
    rb"|\x1b[^\[\]P_^X]"
    rb"|[\x00-\x1a\x1c-\x1f\x7f]"
    rb"|\xc2[\x80-\x9f]"  # an 8-bit control in UTF-8
)
_CUT = re.compile(rb"\x1b(?:\[[\x20-\x3f]*|[\]P_^X](?:[^\x07\x1b]|\x1b(?!\\))*)?\Z|\xc2\Z")
_TEXTUALS = re.compile(
    rb"\x1b\[[\d;:]*m"
    rb"|\x1b\[\d+;\d+H"
    rb"|\x1b\[\?(?:7|25|1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2031|2048)[hl]"
    rb"|\x1b\[\?(?:2026|2048)\$p"
    rb"|\x1b\[[<>]\d*u|\x1b\[\?u|\x1b\[c|\x1b\[16t|\x1b\[>4;\dm"
    rb"|\x1b\]22;[a-z-]*\x07"  # the mouse pointer's shape
    rb"|\x1b[78]|\x1b\[\d+C"  # around text of disputed width
    rb"|[\r\n]"
)
_HALF = 4096  # longer than any sequence of Textual


class OutputCheck:
    """Checks output chunk by chunk. ``unexpected`` lists the sequences that Textual never writes."""

    def __init__(self, canary: bytes) -> None:
        self.canary = canary
        self.bytes = 0
        self.unexpected: list[bytes] = []
        self.visible_canaries = 0
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Check the next chunk."""
        self.bytes += len(data)
        data = self._rest + data
        cut = _CUT.search(data, max(0, len(data) - _HALF))
        self._rest = cut.group() if cut else b""
        data = data[: len(data) - len(self._rest)]
        self.visible_canaries += data.count(self.canary)
        for found in _TOKEN.finditer(data):
            if not _TEXTUALS.fullmatch(found.group()):
                self.unexpected.append(found.group()[:80])
        if b"\x1b" in _TOKEN.sub(b"", data):
            self.unexpected.append(b"an escape that never ended")
