from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.config.positions import find_positions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# only a comment", {}),
        ("a = 1", {("a",): 1}),
        ("\n a . b = 1 # c = 2\nc=3", {("a",): 2, ("a", "b"): 2, ("c",): 3}),
        ('"a.b" = 1\n\'c\' = 2', {("a.b",): 1, ("c",): 2}),
        ('"\\u0061\\"" = 1', {('a"',): 1}),
        ("[ t . u ]\nk = 1", {("t",): 1, ("t", "u"): 1, ("t", "u", "k"): 2}),
        ("a = [\n1,\n [2,\n3], # x ]\n]", {("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, 0): 3, ("a", 1, 1): 4}),
        ("a = { b = 1, c.d = [ 2 ] }\ne = 1",
         {("a",): 1, ("a", "b"): 1, ("a", "c"): 1, ("a", "c", "d"): 1, ("a", "c", "d", 0): 1, ("e",): 2}),
        ('a = """\nb = 1\n"""""\nc = 1', {("a",): 1, ("c",): 4}),
        ("a = '''\n[x]\n'''\nc = 1", {("a",): 1, ("c",): 4}),
        ('a = "# \\" ]"\nc = 1', {("a",): 1, ("c",): 2}),
        ("a = 1979-05-27 07:32:00Z # x\nc = 1", {("a",): 1, ("c",): 2}),
        ("[[x]]\na = 1\n[[x]]\na = 2\n[x.y]\nb = 1",
         {("x",): 1, ("x", 0): 1, ("x", 0, "a"): 2, ("x", 1): 3, ("x", 1, "a"): 4, ("x", 1, "y"): 5,
          ("x", 1, "y", "b"): 6}),
        ("a = 1\r\nb = 2\r\n", {("a",): 1, ("b",): 2}),
    ],
)  # fmt: skip
def test_lines_of_keys(text, expected):
    tomllib.loads(text)
    assert find_positions(text) == expected


names = st.text(st.characters(exclude_categories=("Cs",)), max_size=6) | st.sampled_from(
    ["a", "b-c", "1", "é.", ""]
)
scalars = st.one_of(
    st.integers(-1000, 1000),
    st.booleans(),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    st.sampled_from(['multi\nline """ x', "]", "}", "#", "= 1", "'''"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(names, values | st.dictionaries(names, values, max_size=3), max_size=5)


class Writer:
    """Writes TOML in the forms that ``draw`` picks, and notes the line of every key itself."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[tuple[str | int, ...], int] = {}

    def put(self, text: str) -> None:
        self.text += text

    def note(self, path: tuple[str | int, ...]) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def blank(self, *, lines: bool) -> None:
        self.put(self.draw(st.sampled_from(["", " ", "\t", "\n", "# [c] = {\n"] if lines else ["", " "])))

    def quoted(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.draw(st.booleans()) and text.isascii()).replace(
            "\x7f", "\\u007f"
        )

    def key(self, path: tuple[str | int, ...]) -> None:
        self.blank(lines=False)
        self.note(path)
        name = str(path[-1])
        bare = name.isascii() and name.replace("-", "").isalnum()
        self.put(name if bare and self.draw(st.booleans()) else self.quoted(name))

    def value(self, path: tuple[str | int, ...], value: Any) -> None:
        if isinstance(value, dict):
            self.put("{")
            for index, (name, inner) in enumerate(value.items()):
                self.put("," if index else "")
                self.key((*path, name))
                self.put(" = ")
                self.value((*path, name), inner)
            self.put(" }")
        elif isinstance(value, list):
            self.put("[")
            for index, inner in enumerate(value):
                self.blank(lines=True)
                self.note((*path, index))
                self.value((*path, index), inner)
                self.blank(lines=True)
                self.put(",")
            self.blank(lines=True)
            self.put("]")
        elif (
            isinstance(value, str) and "\r" not in value and "\x7f" not in value and self.draw(st.booleans())
        ):
            escaped = "".join(
                c if c in "\n\t" or c >= " " else f"\\u{ord(c):04x}" for c in value.replace("\\", "\\\\")
            )
            self.put('"""\n' + escaped.replace('"', '\\"') + '"""')
        else:
            self.put(self.quoted(value) if isinstance(value, str) else json.dumps(value))

    def document(self, document: dict[str, Any]) -> None:
        flat = {k: v for k, v in document.items() if not isinstance(v, dict) or self.draw(st.booleans())}
        for name, value in flat.items():
            self.blank(lines=True)
            self.key((name,))
            self.put("=")
            self.value((name,), value)
            self.put(self.draw(st.sampled_from(["\n", " # [x]\n", "\n\n"])))
        for name, table in document.items():
            if name in flat:
                continue
            self.blank(lines=True)
            self.put("[")
            self.key((name,))
            self.put("]\n")
            for inner, value in table.items():
                self.key((name, inner))
                self.put(" = ")
                self.value((name, inner), value)
                self.put("\n")


@settings(max_examples=150, deadline=None)
@given(tables, st.data())
def test_any_toml_has_its_keys_where_they_were_written(document, data):
    writer = Writer(data.draw)
    writer.document(document)
    assert tomllib.loads(writer.text) == document
    assert find_positions(writer.text) == writer.lines
