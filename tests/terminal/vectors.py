"""Vectors: bytes, and the screen that xterm shows for them. Screens are 20 by 5.

``known`` marks a vector for which an engine differs from xterm, with the reason why that is accepted. The tests
then expect the engine's own screen, so that they notice a change. ``tmux`` marks a vector for which tmux
differs, with the reason; all others must give the same screen in tmux.
"""

from __future__ import annotations

from dataclasses import dataclass

COLUMNS, ROWS = 20, 5


@dataclass(frozen=True)
class Vector:
    name: str
    data: bytes
    rows: tuple[str, ...] | None = None  # from the top; the rest is blank. None: as tmux shows it
    cursor: tuple[int, int] | None = None  # column, row
    known: str = ""
    tmux: str = ""  # why tmux shows something else
    native: tuple[str, ...] | None = None  # rows on libghostty-vt, where the engines differ
    native_cursor: tuple[int, int] | None = None

    def expected(self, kind: str) -> tuple[tuple[str, ...] | None, tuple[int, int] | None]:
        if kind == "ghostty" and self.native is not None:
            return self.native, self.native_cursor
        return self.rows, self.cursor


FILLED = b"1\r\n2\r\n3\r\n4\r\n5"
VECTORS = [
    # printing and the controls
    Vector("text", b"hello", ("hello",), (5, 0)),
    Vector("line feed keeps the column", b"ab\ncd", ("ab", "  cd"), (4, 1)),
    Vector("carriage return", b"abc\rX", ("Xbc",), (1, 0)),
    Vector("backspace stops at the margin", b"ab\x08\x08\x08X", ("Xb",), (1, 0)),
    Vector("vertical tab and form feed are line feeds", b"a\x0bb\x0cc", ("a", " b", "  c"), (3, 2)),
    Vector("delete and nul print nothing", b"a\x7f\x00b", ("ab",), (2, 0)),
    Vector("bell prints nothing", b"a\x07b", ("ab",)),
    # tabs
    Vector("tab stops are every eight", b"a\tb", ("a       b",), (9, 0)),
    Vector("tab stops at the last column", b"\t\t\tx", (" " * 19 + "x",)),
    Vector("HTS sets a stop, TBC clears it", b"   \x1bH\r\tX\r\x1b[3g\tY", ("   X" + " " * 15 + "Y",)),
    Vector("CBT goes back a stop", b"0123456789\x1b[ZX", ("01234567X9",), (9, 0)),
    Vector("CHT goes on two stops", b"\x1b[2IX", (" " * 16 + "X",),
           tmux="tmux 3.3a has no CHT"),
    # wrapping
    Vector("the last column waits with its wrap", b"a" * 20, ("a" * 20,), (19, 0)),
    Vector("the next character wraps", b"a" * 20 + b"b", ("a" * 20, "b"), (1, 1)),
    Vector("a carriage return drops the waiting wrap", b"a" * 20 + b"\rb", ("b" + "a" * 19,), (1, 0)),
    Vector("without autowrap the last cell is overwritten", b"\x1b[?7l" + b"a" * 20 + b"bc", ("a" * 19 + "c",)),
    Vector("the last row scrolls", FILLED + b"\r\n6", ("2", "3", "4", "5", "6"), (1, 4)),
    # moving
    Vector("CUP counts from one", b"\x1b[2;3HX", ("", "  X"), (3, 1)),
    Vector("CUP without numbers goes home", b"abc\x1b[HX", ("Xbc",)),
    Vector("CUP beyond the edge stops there", b"\x1b[99;99HX", ("", "", "", "", " " * 19 + "X")),
    Vector("CUU CUD CUF CUB", b"\x1b[3;3H\x1b[A\x1b[2B\x1b[C\x1b[2DX", ("", "", "", " X"), (2, 3)),
    Vector("a count of nought is one", b"abc\x1b[0DX", ("abX",)),
    Vector("CNL and CPL go to the first column", b"ab\x1b[2Ecd\x1b[Fe", ("ab", "e", "cd")),
    Vector("CHA and VPA", b"\x1b[5Ga\x1b[3db", ("    a", "", "     b")),
    Vector("HVP is CUP", b"\x1b[2;2fX", ("", " X")),
    Vector("IND and NEL", b"a\x1bDb\x1bEc", ("a", " b", "c"), (1, 2)),
    Vector("RI goes up", b"a\r\nb\x1bMX", ("aX", "b"), (2, 0)),
    Vector("RI scrolls down at the top", b"a\r\nb\x1b[H\x1bMX", ("X", "a", "b")),
    Vector("DECSC and DECRC", b"ab\x1b7\x1b[4;4H\x1b8X", ("abX",), (3, 0)),
    Vector("SCO save and restore", b"ab\x1b[s\x1b[4;4H\x1b[uX", ("abX",)),
    Vector("DECRC without a save goes home", b"abc\x1b8X", ("Xbc",)),
    # erasing
    Vector("EL to the end", b"abcdef\x1b[3G\x1b[K", ("ab",), (2, 0)),
    Vector("EL from the start", b"abcdef\x1b[3G\x1b[1K", ("   def",)),
    Vector("EL of the line", b"abcdef\x1b[3G\x1b[2K", (), (2, 0)),
    Vector("ED below", FILLED + b"\x1b[3;1H\x1b[J", ("1", "2")),
    Vector("ED above", FILLED + b"\x1b[3;1H\x1b[1J", ("", "", "", "4", "5")),
    Vector("ED of everything keeps the cursor", FILLED + b"\x1b[2J", (), (1, 4)),
    Vector("ECH erases without moving", b"abcdef\x1b[2G\x1b[3X", ("a   ef",), (1, 0)),
    # inserting and deleting
    Vector("ICH", b"abcdef\x1b[2G\x1b[2@", ("a  bcdef",), (1, 0)),
    Vector("DCH", b"abcdef\x1b[2G\x1b[2P", ("adef",), (1, 0)),
    Vector("ICH pushes off the edge", b"a" * 18 + b"bc\x1b[1G\x1b[2@", ("  " + "a" * 18,)),
    Vector("IL", b"1\r\n2\r\n3\x1b[2;1H\x1b[L", ("1", "", "2", "3"), (0, 1)),
    Vector("DL", b"1\r\n2\r\n3\x1b[1;1H\x1b[M", ("2", "3"), (0, 0)),
    Vector("insert mode", b"abc\x1b[1G\x1b[4hX\x1b[4lY", ("XYbc",)),
    Vector("REP repeats the last character", b"ab\x1b[3b", ("abbbb",)),
    # regions
    Vector("a scroll region scrolls alone", FILLED + b"\x1b[2;4r\x1b[4;1H\nX", ("1", "3", "4", "X", "5")),
    Vector("DECSTBM goes home", b"abc\x1b[2;4rX", ("Xbc",)),
    Vector("RI at the top of a region", FILLED + b"\x1b[2;4r\x1b[2;1H\x1bMX", ("1", "X", "2", "3", "5")),
    Vector("SU and SD", FILLED + b"\x1b[2S\x1b[T", ("", "3", "4", "5")),
    Vector("IL stays within the region", FILLED + b"\x1b[2;4r\x1b[2;1H\x1b[L", ("1", "", "2", "3", "5")),
    Vector("origin mode counts from the region", b"\x1b[2;4r\x1b[?6h\x1b[1;1HX", ("", "X")),
    Vector("DECSLRM limits the columns", b"\x1b[?69h\x1b[3;6s\x1b[1;3Habcdef", ("  abcd", "  ef"),
           tmux="tmux 3.3a has no left and right margins"),
    # the alternate screen
    Vector("1049 hides the main screen", b"main\x1b[?1049halt", ("    alt",), (7, 0)),
    Vector("1049 brings it back, with its cursor", b"main\x1b[?1049h\x1b[Halt\x1b[?1049lX", ("mainX",)),
    Vector("1047 clears the alternate screen", b"m\x1b[?1047ha\x1b[?1047l\x1b[?1047h\x1b[?1047l", ("m",)),
    # characters
    Vector("a wide character takes two cells", "中x".encode(), ("中x",), (3, 0)),
    Vector("a wide one that does not fit wraps whole", b"a" * 19 + "中".encode(), ("a" * 19, "中"), (2, 1)),
    Vector("half of a wide one overwritten goes whole", "中\x1b[2GX".encode(), (" X",),
           tmux="tmux 3.3a keeps the first half in the cell before it"),
    Vector("a combining mark joins", "e\u0301x".encode(), ("e\u0301x",), (2, 0)),
    Vector("bytes that are no UTF-8", b"a\xff\xfeb", ("a\ufffd\ufffdb",), (4, 0),
           tmux="tmux drops them; others show a sign for each, as the Unicode standard says"),
    Vector("line drawing", b"\x1b(0lqk\x1b(Bx", ("┌─┐x",)),
    Vector("shift out and in", b"\x1b)0q\x0eq\x0fq", ("q─q",)),
    # resets and tests
    Vector("RIS clears everything", b"abc\x1b[2;3r\x1b[31m\x1bcX", ("X",), (1, 0)),
    Vector("DECALN fills the screen", b"\x1b#8", ("E" * 20,) * 5, (0, 0)),
    Vector("DECSTR resets the region", FILLED + b"\x1b[2;3r\x1b[!p\x1b[5;1H\nX", ("2", "3", "4", "5", "X"),
           tmux="tmux 3.3a has no DECSTR"),
    # strings that must not show
    Vector("an OSC is not text", b"a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x1b]8;;\x1b\\d", ("abcd",)),
    Vector("DCS, APC, PM and SOS are not text", b"a\x1bPq#0\x1b\\b\x1b_x\x1b\\c\x1b^y\x1b\\d\x1bXz\x1b\\e", ("abcde",)),
    Vector("CAN breaks a sequence off", b"a\x1b[3\x18b", ("ab",)),
    Vector("a control inside a sequence acts at once", b"ab\x1b[\x081GX", ("Xb",)),
    Vector("an unknown sequence does nothing", b"a\x1b[999zb\x1b[?9999hc", ("abc",)),
    Vector("vim's first words leave no trace", b"\x1b[>4;2m\x1b[?4m\x1b[22;0;0t\x1b[>cX", ("X",)),
    Vector(
        "8-bit controls over UTF-8 are dropped", "a\u009b31mb".encode(), ("a31mb",),
        known="xterm obeys U+009B; over UTF-8 it is nearly always damaged text, and other terminals ignore it",
    ),
    Vector(
        "the program can't resize the window", b"\x1b[8;3;7t" + b"a" * 20, ("a" * 20,),
        known="xterm resizes its window; the pane's size is the console's",
    ),
    Vector(
        "132 columns are not offered", b"\x1b[?40h\x1b[?3hab", ("ab",),
        known="xterm clears and resizes when mode 40 allows it; the pane's size is the console's",
    ),
    Vector(
        "a family is its first sign", "👩\u200d👩\u200d👧x".encode(), ("👩x",), (3, 0),
        known="terminals disagree about the width of joined emoji; a wrong guess would tear the frame. libghostty-vt "
        "counts them one by one, as the C library of the program does, unless the program sets mode 2027",
        native=("👩👩👧x",), native_cursor=(7, 0),
    ),
]  # fmt: skip
