"""Record the screens that tmux shows for the test cases: ``python -m tests.terminal.oracle``.

A separate tmux server runs all cases at once, each in a window whose program writes the bytes to a raw terminal
and ends. A pane is captured once tmux reports that its program has ended, because tmux has then read every
byte.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labeltui.ui.widgets.terminal.engine import Attr, Colour, Look
from tests.paths import TERMINAL

RECORDED = TERMINAL / "tmux.json.gz"
WITHIN_S = 60.0
AT_ONCE = 1500  # bytes; tmux loses what is still in the pipe when a program that wrote more ends
# The answer proves that everything before the question was read.
LAST_QUESTION, LAST_ANSWER = b"\x1b[5n", b"\x1b[0n"
ASKING = """stty raw -echo
cat "$1"
said=
until case "$said" in *0n) ;; *) false ;; esac; do said=$said$(dd bs=4096 count=1 2>/dev/null); done
printf %s "$said" >"$1.answer"
"""
FACTS = ("cursor_x", "cursor_y", "alternate_on", "keypad_cursor_flag", "keypad_flag", "mouse_any_flag",
         "mouse_sgr_flag", "pane_title")  # fmt: skip
MARK = "=== the next pane ==="
_SGR = re.compile("(\x1b\\[[\\d;:]*m|[\x0e\x0f])")
_DRAWN = str.maketrans("`afgijklmnopqrstuvwxyz{|}~", "◆▒°±␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")
_ON = {
    1: Attr.BOLD, 2: Attr.DIM, 3: Attr.ITALIC, 4: Attr.UNDERLINE, 5: Attr.BLINK, 7: Attr.REVERSE,
    8: Attr.CONCEAL, 9: Attr.STRIKE, 21: Attr.UNDERLINE | Attr.DOUBLE_UNDERLINE, 53: Attr.OVERLINE,
}  # fmt: skip
_UNDERLINES = {
    2: Attr.DOUBLE_UNDERLINE, 3: Attr.CURLY_UNDERLINE, 4: Attr.DOTTED_UNDERLINE, 5: Attr.DASHED_UNDERLINE,
}  # fmt: skip

Span = tuple[str, Look]
"""Characters that have the same style."""


@dataclass(frozen=True)
class Case:
    """Bytes for a terminal of a given size. With ``listens``, the terminal's answer is captured too."""

    name: str
    data: bytes
    columns: int
    rows: int
    listens: bool = False


@dataclass(frozen=True)
class Capture:
    """A screen of tmux, without plain blanks at the ends of rows."""

    rows: tuple[tuple[Span, ...], ...]
    cursor: tuple[int, int]
    facts: dict[str, str]
    answer: bytes = b""

    @property
    def text(self) -> tuple[str, ...]:
        """Rows without blanks at their ends, and without blank rows at the bottom."""
        rows = ["".join(text for text, _look in row).rstrip() for row in self.rows]
        while rows and not rows[-1]:
            rows.pop()
        return tuple(rows)


def version() -> str:
    """The output of ``tmux -V``."""
    return subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=True).stdout.strip()


def capture_all(cases: Sequence[Case]) -> list[Capture]:
    """Run each case in tmux. Raises TimeoutError when a program does not end."""
    with tempfile.TemporaryDirectory(prefix="oracle-") as name:
        oracle = _Oracle(Path(name))
        try:
            return oracle.capture_all(cases)
        finally:
            oracle.tmux("kill-server", check=False)


class _Oracle:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tmux(self, *arguments: str, check: bool = True) -> str:
        argv = ["tmux", "-u", "-S", str(self.folder / "socket"), "-f", "/dev/null", *arguments]
        done = subprocess.run(argv, capture_output=True, check=False)
        if check and done.returncode:
            raise OSError((done.stderr + done.stdout).decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "replace")

    def capture_all(self, cases: Sequence[Case]) -> list[Capture]:
        (self.folder / "run").write_text(ASKING)
        for index, one in enumerate(cases):
            (self.folder / str(index)).write_bytes(one.data + (LAST_QUESTION if _asks(one) else b""))
        self.tmux("new-session", "-d", "-s", "first", "sleep 600")
        script = self.folder / "script"
        lines = ["set -g status off", "set -g remain-on-exit on", "set -g remain-on-exit-format ''"]
        lines += [f"set -g {option}" for option in ("set-titles off", "default-terminal screen")]
        for index, one in enumerate(cases):
            lines.append(
                f'new-session -d -s s{index} -x {one.columns} -y {one.rows} "{self._program(index, one)}"'
            )
            lines.append(f"select-pane -t s{index} -T ''")
        script.write_text("\n".join(lines) + "\n")
        self.tmux("source-file", str(script))
        self._all_dead(len(cases))
        looks = []
        for n in range(len(cases)):
            looks += [f"display-message -p -t s{n} '{self._facts()}'", f"capture-pane -p -e -N -t s{n}"]
            looks += [f"display-message -p '{MARK}'"]
        script.write_text("\n".join(looks) + "\n")
        blocks = self.tmux("source-file", str(script)).split(MARK + "\n")
        return [
            self._capture(index, one, block)
            for index, (one, block) in enumerate(zip(cases, blocks, strict=False))
        ]

    def _program(self, index: int, one: Case) -> str:
        path = self.folder / str(index)
        return f"sh {self.folder / 'run'} {path}" if _asks(one) else f"stty raw -echo; cat {path}"

    def _facts(self) -> str:
        return "|".join(f"#{{{fact}}}" for fact in FACTS)

    def _all_dead(self, count: int) -> None:
        end = time.monotonic() + WITHIN_S
        while self.tmux("list-panes", "-a", "-F", "#{pane_dead}").split().count("1") < count:
            if time.monotonic() > end:
                raise TimeoutError("tmux did not read all of the input")
            time.sleep(0.05)

    def _capture(self, index: int, one: Case, block: str) -> Capture:
        facts, _, screen = block.partition("\n")
        values = dict(zip(FACTS, facts.split("|", len(FACTS) - 1), strict=True))
        cursor = min(int(values.pop("cursor_x")), one.columns - 1), int(values.pop("cursor_y"))
        answer = self.folder / f"{index}.answer"
        said = answer.read_bytes().removesuffix(LAST_ANSWER) if one.listens else b""
        return Capture(_rows(screen), cursor, values, said)


def _asks(one: Case) -> bool:
    return one.listens or len(one.data) > AT_ONCE


def _rows(screen: str) -> tuple[tuple[Span, ...], ...]:
    rows, look, drawing = [], Look(), False
    for line in screen.removesuffix("\n").split("\n"):
        spans: list[Span] = []
        for part in _SGR.split(line):
            if part in ("\x0e", "\x0f"):
                drawing = part == "\x0e"
            elif part.startswith("\x1b"):
                look = _after(look, part[2:-1])
            elif part:
                spans.append((part.translate(_DRAWN) if drawing else part, look))
        rows.append(joined(spans))
    return tuple(rows)


def joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Join neighbours that have the same style, and drop plain blanks at the end."""
    found: list[Span] = []
    for text, look in spans:
        if found and found[-1][1] == look:
            found[-1] = (found[-1][0] + text, look)
        elif text:
            found.append((text, look))
    if found and found[-1][1] == Look():
        found[-1] = (found[-1][0].rstrip(" "), Look())
        if not found[-1][0]:
            found.pop()
    return tuple(found)


def without_invisible(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Drop attributes that a blank does not show: foreground colour, bold and italic."""
    chars = ((char, _blank(look) if char == " " else look) for text, look in spans for char in text)
    return joined(list(chars))


def _blank(look: Look) -> Look:
    if Attr.REVERSE in look.attrs:
        return look
    return replace(
        look, foreground=None, attrs=look.attrs & ~(Attr.BOLD | Attr.DIM | Attr.ITALIC | Attr.BLINK)
    )


def _after(look: Look, codes: str) -> Look:
    """Apply an SGR sequence to ``look``. Only the forms that tmux writes are known."""
    parts = codes.split(";")
    while parts:
        first = parts.pop(0)
        numbers = [int(number or 0) for number in first.split(":")]
        code = numbers[0]
        if code == 0:
            look = Look()
        elif code == 4 and len(numbers) == 2:
            look = replace(look, attrs=look.attrs | Attr.UNDERLINE | _UNDERLINES.get(numbers[1], Attr.NONE))
        elif numbers == [5, 3]:  # tmux 3.3a writes this for 53
            look = replace(look, attrs=look.attrs | Attr.OVERLINE)
        elif code in _ON:
            look = replace(look, attrs=look.attrs | _ON[code])
        else:
            look = _coloured(look, code, parts)
    return look


def _coloured(look: Look, code: int, parts: list[str]) -> Look:
    colour: Colour = None
    if code in (38, 48, 58):
        kind = int(parts.pop(0))
        colour = int(parts.pop(0)) if kind == 5 else (int(parts.pop(0)), int(parts.pop(0)), int(parts.pop(0)))
        where = {38: "foreground", 48: "background", 58: "underline"}[code]
    elif code in (39, 49, 59):
        where = {39: "foreground", 49: "background", 59: "underline"}[code]
    else:
        where = "foreground" if code // 10 in (3, 9) else "background"
        colour = code % 10 + (8 if code >= 90 else 0)
    changes: dict[str, Any] = {where: colour}
    return replace(look, **changes)


# -- the recordings


def digest(one: Case) -> str:
    """Return a digest of a case's bytes and size, which a recording stores."""
    return hashlib.sha256(b"%d %d " % (one.columns, one.rows) + one.data).hexdigest()[:16]


def _as_json(capture: Capture) -> dict[str, Any]:
    rows = [[[text, look.foreground, look.background, look.attrs.value, look.underline] for text, look in row]
            for row in capture.rows]  # fmt: skip
    return {
        "rows": rows,
        "cursor": capture.cursor,
        "facts": capture.facts,
        "answer": capture.answer.decode("latin-1"),
    }


def _of_json(values: dict[str, Any]) -> Capture:
    def colour(value: Any) -> Colour:
        return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]

    rows = tuple(
        tuple(
            (text, Look(colour(fg), colour(bg), Attr(attrs), colour(under)))
            for text, fg, bg, attrs, under in row
        )
        for row in values["rows"]
    )
    return Capture(
        rows, (values["cursor"][0], values["cursor"][1]), values["facts"], values["answer"].encode("latin-1")
    )


def recorded() -> tuple[str, dict[str, tuple[str, Capture]]]:
    """Load the recordings. Returns the version of tmux, and the digest and screen of each case by name."""
    values = json.loads(gzip.decompress(RECORDED.read_bytes()))
    return values["tmux"], {name: (one["digest"], _of_json(one)) for name, one in values["seen"].items()}


def record(cases: Sequence[Case]) -> None:
    """Run the cases in tmux and store the screens for the tests."""
    capture = {
        one.name: {"digest": digest(one), **_as_json(found)}
        for one, found in zip(cases, capture_all(cases), strict=True)
    }
    text = json.dumps({"tmux": version(), "seen": capture}, ensure_ascii=False, separators=(",", ":"))
    RECORDED.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    from tests.terminal.cases import everything

    record(everything())
