"""Prints every string that a user may read, or every docstring, for reading them as a user or a newcomer would.

``python -m tests.strings [docstrings] [--sample N] [--seed N] [PATH...]``; one a line, with file and line.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "labeltui"
SENT = (
    "hosts/agent/remote",
    "sandbox",
)  # programs whose strings are mostly protocol, SQL or another system's words
NO_TEXT = re.compile(r"^[\W\d_]*$|^[\w.:/\-]+$|\\[sdwb(]|\(\?|^/|^[a-z_]+=|^--|^\.")


class Found(NamedTuple):
    """A string and where it stands."""

    place: str
    text: str


def messages(path: Path) -> Iterator[Found]:
    """Strings of at least two words, without docstrings; the variable parts of f-strings are shown in braces."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in ast.walk(node)} - {id(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        text = text_of(node)
        if text and " " in text.strip() and not NO_TEXT.search(text):
            yield Found(f"{path.relative_to(ROOT)}:{node.lineno}", " ".join(text.split()))  # type: ignore[attr-defined]


def text_of(node: ast.AST) -> str:
    """The text of a string literal; empty for everything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
            for part in node.values
        )
    return ""


def docstrings(path: Path) -> Iterator[Found]:
    """The docstrings of a module, those of its variables included, each with the name that it describes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for variable, after in pairwise(body if isinstance(body, list) else ()):
            if isinstance(variable, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
                target = variable.targets[0] if isinstance(variable, ast.Assign) else variable.target
                if words := " ".join(text_of(after.value).split()):
                    yield Found(f"{path.relative_to(ROOT)}:{after.lineno} {ast.unparse(target)}", words)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            name = "module" if isinstance(node, ast.Module) else node.name
            if text:
                line = 1 if isinstance(node, ast.Module) else node.lineno
                yield Found(f"{path.relative_to(ROOT)}:{line} {name}", " ".join(text.split()))


def main() -> None:
    """Print the requested strings."""
    asked = argparse.ArgumentParser()
    asked.add_argument("what", nargs="?", choices=("messages", "docstrings"), default="messages")
    asked.add_argument("paths", nargs="*", type=Path)
    asked.add_argument("--sample", type=int)
    asked.add_argument("--seed", type=int, default=2026)
    options = asked.parse_args()
    paths = [path.resolve() for path in options.paths] or [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if options.what == "docstrings" or not str(path.relative_to(PACKAGE)).startswith(SENT)
    ]
    collect = messages if options.what == "messages" else docstrings
    found = [one for path in paths for one in collect(path)]
    if options.sample:
        found = random.Random(options.seed).sample(found, options.sample)
    for place, text in found:
        print(f"{place}\t{text}")


if __name__ == "__main__":
    main()
