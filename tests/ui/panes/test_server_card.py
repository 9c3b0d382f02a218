"""The card about the server, which only wide screens show."""

from __future__ import annotations

import re
from dataclasses import replace

from labeltui.domain.server.server import ModelInfo, ServerInfo
from tests.ui.fake_session import connected, console, fresh, settled


async def test_the_labels_that_a_model_was_built_with() -> None:
    state = connected()
    assert state.server.value is not None
    info = ServerInfo("radiology", "0.8.5", trainers={"deepedit": ModelInfo("deepedit")})
    server = replace(
        state.server.value, labels={"deepedit": ("spleen", "[red]liver"), "scribbles": ("other",)}
    )
    app = console(replace(state, server=fresh(server), info=fresh(info)))
    async with app.run_test(size=(200, 60)) as pilot:
        await settled(pilot)
        shown = re.sub(r"<[^>]*>", "", app.export_screenshot()).replace("&#160;", " ")
    assert "deepedit labels: spleen, [red]liver" in shown
    assert "scribbles" not in shown
