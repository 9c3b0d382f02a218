"""README.md and MANUAL.md say what the code says: their keys, commands and errors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from labeltui.cli.parser import parse
from tests.readme import MANUAL, README, pages
from tests.strings import PACKAGE, messages

_CODE = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ERROR = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
_VARIABLE = re.compile(r"\{[^{}]*\}")


def commands() -> Iterator[str]:
    """The lines of both pages that call labeltui, without their comments."""
    for page in (README, MANUAL):
        for code in _CODE.findall(page.read_text(encoding="utf-8")):
            yield from (line for line in code.splitlines() if line.startswith("labeltui "))


@cache
def sources() -> dict[Path, str]:
    """The text of each file of the package."""
    return {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def errors() -> list[str]:
    """The messages in README's table of failures."""
    section = README.read_text(encoding="utf-8").split("## When something fails")[1].split("\n## ")[0]
    return _ERROR.findall(section)


@pytest.mark.parametrize("page", [README, MANUAL], ids=lambda page: page.name)
def test_keys_are_those_of_the_registry(page: Path) -> None:
    stale = page.read_text(encoding="utf-8") != pages()[page]
    assert not stale, f"The keys in {page.name} are stale. Run: python -m tests.readme"


def test_every_command_is_one() -> None:
    listed = list(commands())
    assert len(listed) > 10
    for line in listed:
        parse(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize("error", errors())
def test_every_error_is_one_that_labeltui_prints(error: str) -> None:
    words = " ".join(max(error.split("…"), key=len).split()[-2:])
    files = [path for path, text in sources().items() if words in text]
    printed = [_VARIABLE.sub("…", found.text) for path in files for found in messages(path)]
    assert any(error in text for text in printed), f"labeltui does not print {error!r}"
