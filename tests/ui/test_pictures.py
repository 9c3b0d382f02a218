"""README's pictures show the console as it is now."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.pictures.__main__ import FOLDER, draw_all

pytestmark = pytest.mark.slow
MOST_BYTES = 600_000


async def test_pictures_are_not_stale() -> None:
    for name, text in (await draw_all()).items():
        ElementTree.fromstring(text)
        assert len(text.encode()) < MOST_BYTES
        stored = (FOLDER / name).read_text(encoding="utf-8")
        assert stored == text, f"pictures/{name} is stale. Look at it after: python -m tests.pictures"
