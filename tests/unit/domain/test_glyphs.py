"""ASCII in place of glyphs: each glyph of the code is in the table, and no text changes its width."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

import labeltui
from labeltui.domain.glyphs import ASCII, glyphs_in_ascii, in_ascii
from labeltui.ui.frame.filters import Ascii

PACKAGE = Path(labeltui.__file__).parent
NOT_DRAWN = (
    "sandbox", "ui/layouts.py", "ui/widths.py", "ui/presentation/text.py", "ui/widgets/columns.py",
    "ui/widgets/terminal", "cli/windows_terminal.py", "domain/glyphs.py",
)  # fmt: skip
"""Files with characters that are searched or replaced, or that another program prints."""


def texts(path: Path) -> Iterator[str]:
    """The strings of a file, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for field in ast.iter_child_nodes(node):
            if (
                isinstance(field, ast.Constant)
                and isinstance(field.value, str)
                and not isinstance(node, ast.Expr)
            ):
                yield field.value


def test_each_glyph_of_the_code_is_in_the_table() -> None:
    missing = {
        (char, path.name)
        for path in PACKAGE.rglob("*.py")
        if not path.relative_to(PACKAGE).as_posix().startswith(NOT_DRAWN)
        for text in texts(path)
        for char in text
        if char > "~" and char.isprintable() and char not in ASCII
    }
    assert missing == set()


def test_the_table_is_ascii_and_keeps_widths() -> None:
    for glyph, shown in ASCII.items():
        assert all(" " <= char <= "~" for char in shown), glyph
        assert cell_len(shown) == cell_len(glyph), glyph


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\x1b[1m", "plain\x1b[1m"),
        ("● running · 4 studies │ reading …", "* running | 4 studies | reading.."),
        ("segmentation_lu…", "segmentation_lu~"),
        ("╭─ 4 queue ─╮", "+- 4 queue -+"),
        ("Müller 肝 e\u0301 ␛[31m", "M?ller ?? e ?[31m"),
    ],
)
def test_glyphs_become_ascii_and_other_text_question_marks(text: str, shown: str) -> None:
    assert in_ascii(text) == shown


def test_names_keep_their_letters_in_the_output_of_commands() -> None:
    assert glyphs_in_ascii("✓ Müller …") == "+ Müller.."


@pytest.mark.parametrize(
    "text", ["👩‍⚕️ x", "e\u0301\u0301 x", "\u200b\u200bx", "🇩🇪 x", "✈️ x", "한글 x", "\u202ex", "Ａ x"]
)
def test_a_row_keeps_its_width(text: str) -> None:
    (segment,) = Ascii().apply([Segment(text)], Color.parse("black"))
    assert segment.text.isascii()
    assert len(segment.text) == cell_len(text)
