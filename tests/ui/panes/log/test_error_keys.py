"""The key ``e`` goes to each error once, in order, and to as many as the strip counts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.domain.log.filter import Scope
from tests.ui.fake_session import connected, console
from tests.ui.panes.log.log_reader import SIZE, Reader, open_log, record

TASKS = record("%s").replace(b"datastore.local:408", b"monailabel.utils.async_tasks.utils:83")
ENDED, STOPPED = TASKS % b"Return code: -9", TASKS % b"Killed background process: 4711"
HTTP_500 = b'INFO:     127.0.0.1:55824 - "POST /infer/x HTTP/1.1" 500 Internal Server Error\n'
ASGI = b"ERROR:    Exception in ASGI application\n"
TRACEBACK = b"Traceback (most recent call last):\n  File x\n    y\nKeyError: 1\n"
TABLE = ENDED + record("hello") + HTTP_500 + ASGI + TRACEBACK
PIECES = [
    record("failed", b"ERROR"), record("b"), TRACEBACK, ENDED, STOPPED, b"bare\n", b"  indented\n", b"\n",
    HTTP_500, ASGI, b"x.RemoteTraceback:\n\"\"\"\n", b"torch.OutOfMemoryError: CUDA out of memory.\n",
    record("Exception in ASGI application"), record("Traceback (most recent call last):"),
]  # fmt: skip


def shown(reader: Reader, data: bytes) -> None:
    reader.store.begin("r2", "/log")
    reader.feed(data)
    reader.view.redraw()


def here(reader: Reader) -> int:
    """The first line of the error under the cursor."""
    assert reader.view.cursor is not None
    error = reader.store.errors.of(reader.view.cursor)
    assert error is not None
    return error.first


def stops(reader: Reader, by: int) -> list[int]:
    """The errors that the key goes to in one round, oldest first; each as the line it begins with."""
    view = reader.view
    view.follow()
    if view.step(view.errors, by) is None:
        return []
    newest, found = here(reader), []
    while not found or (found[-1] != newest and len(found) <= len(view.errors.lines)):
        went_round = view.step(view.errors, by)
        found.append(here(reader))
        assert went_round == (len(found) == 1 if by > 0 else found[-1] == newest)
    return found if by > 0 else [*found[-2::-1], newest]


async def test_a_killed_task_and_a_failed_request_are_two() -> None:
    app = console(connected(), log=TABLE + record("after"))
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app, zoomed=True)
        await reader.until(lambda: "2 errors" in reader.pane.facts, "the count")
        await reader.press("e")
        assert reader.view.cursor_text.strip().startswith("KeyError: 1"), (
            "the newest: the request's traceback, folded"
        )
        await reader.press("e")
        assert reader.view.cursor_text.endswith("Return code: -9")
        await reader.press("E")
        await reader.until(lambda: "continued at the last" in app.last_flash, "the words")
        await reader.press("T", "E", "E", "e")
        assert reader.view.cursor_text.strip() == "ERROR:    Exception in ASGI application"
        await reader.press("o", "o")
        assert reader.view.scope is not None
        await reader.until(lambda: list(reader.view.scope.lines) == [0, 3, 4, 5, 6, 7], "errors only")


async def test_every_error_is_gone_to_once() -> None:
    app = console(connected(), log=TABLE)
    async with app.run_test(size=SIZE) as pilot:
        reader = await open_log(pilot, app)

        @settings(max_examples=60, deadline=None)
        @given(st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join), st.booleans())
        def holds(data: bytes, only_errors: bool) -> None:
            shown(reader, data)
            reader.view.set_scope(Scope("ERROR" if only_errors else ""))
            errors = list(reader.store.errors.firsts)
            assert stops(reader, 1) == errors
            assert stops(reader, -1) == errors

        holds()
