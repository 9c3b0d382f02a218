"""The REST client against servers that answer as recorded, and against servers that don't."""

# ruff: noqa: E501 (tables read better on one line)
from __future__ import annotations

import asyncio
import json
import socket

import pytest

from labeltui.domain.problems import Failed, LabeltuiError, Misused, Unreachable
from labeltui.domain.training.tasks import TaskState
from labeltui.monailabel.client import MonaiLabelClient
from tests.services.monailabel.misbehaving_server import answer, recorded, response


@pytest.fixture
async def client(server):
    async with MonaiLabelClient(server.url, client_id="me", read_timeout=5, connect_timeout=2) as made:
        yield made


async def problem_of(call):
    with pytest.raises(LabeltuiError) as caught:
        await call
    return caught.value


async def test_info_as_recorded(server, client):
    server.answers["GET /info/"] = recorded("info")
    info = await client.info()
    assert (info.version, info.total) == ("0.8.5", 8)


async def test_paths_have_the_slashes_the_server_wants(server, client):
    await asyncio.gather(client.train_running(), client.scoring_task(), client.batch_task())
    assert {request.path for request in server.requests} == {"/train/", "/scoring/", "/batch/infer"}


@pytest.mark.parametrize(
    "name", ["train_none", "train_none_all", "train_none_check", "scoring_none", "batch_infer_none"]
)
async def test_no_tasks_is_no_failure(server, client, name):
    for path in ("/train/", "/scoring/", "/batch/infer"):
        server.answers[f"GET {path}"] = recorded(name)
    assert await client.train_running() is None
    assert await client.train_tasks() == ()
    assert await client.scoring_tasks() == ()
    assert await client.batch_task() is None


async def test_a_training_is_submitted_once_with_our_name(server, client):
    server.answers["POST /train/deepedit"] = recorded("train_post")
    task = await client.train("deepedit", {"max_epochs": 2}, enqueue=True)
    assert task.state is TaskState.SUBMITTED
    (request,) = server.requests
    assert "enqueue=true" in request.target
    assert json.loads(request.body) == {"max_epochs": 2, "client_id": "me"}


async def test_a_second_training_is_refused_in_words(server, client):
    server.answers["POST /train/deepedit"] = recorded("train_post_when_running")
    failed = await problem_of(client.train("deepedit", {}))
    assert failed.problem.code == "already_training"
    server.answers["POST /batch/infer/deepedit"] = recorded("batch_infer_post_again")
    assert (await problem_of(client.batch_infer("deepedit"))).problem.code == "already_inferring"


async def test_stopping_nothing_is_fine(server, client):
    server.answers["DELETE /train/"] = recorded("train_delete_none")
    await client.stop_training()
    assert server.requests[0].method == "DELETE"


async def test_names_are_one_segment_of_the_path(server, client):
    await problem_of(client.train("../x y/#?", {}))
    assert server.requests[0].target == "/train/..%2Fx%20y%2F%23%3F?enqueue=false"
    assert await client.model_info("Histogram+GraphCut") is None
    assert server.requests[1].target == "/model/info/Histogram%2BGraphCut"


async def test_the_queue_and_the_next_sample(server, client):
    server.answers["GET /datastore/"] = recorded("datastore_all")
    server.answers["POST /activelearning/random"] = recorded("activelearning_random")
    queue = await client.studies()
    assert (queue.total, queue.completed, queue.label_tags) == (8, 5, {"original": 1, "final": 5})
    assert (await client.next_sample("random")).id == "case_005"
    server.answers["POST /activelearning/random"] = answer({})
    assert await client.next_sample("random") is None


async def test_a_label_comes_down(server, client, tmp_path):
    server.answers["GET /datastore/label"] = response(200, b"\x1f\x8blabel", "application/octet-stream")
    assert await client.label("a b", "final", tmp_path / "got") == 7
    assert (tmp_path / "got").read_bytes() == b"\x1f\x8blabel"


async def test_a_download_that_breaks_leaves_no_file(server, client, tmp_path):
    async def cut(_request, writer):
        writer.write(response(200, b"x" * 1000)[:-500])
        await writer.drain()
        writer.close()

    server.answers["GET /datastore/label"] = cut
    (tmp_path / "label").write_bytes(b"old")
    assert isinstance(await problem_of(client.label("a", "final", tmp_path / "label")), Unreachable)
    assert (tmp_path / "label").read_bytes() == b"old"
    assert (await problem_of(client.model("m", tmp_path / "m"))).problem.code == "not_found"
    assert [path.name for path in tmp_path.iterdir()] == ["label"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (500, b"Internal Server Error", "text/plain; charset=utf-8", "server_error"),
        (500, b"Internal Server Error", "application/json", "server_error"),
        (404, b'{"detail":"Not Found"}', "application/json", "not_found"),
        (422, b'{"detail":[{"type":"x","loc":["body","a"],"msg":"bad a","input":1}]}', "application/json", "bad_request"),
        (401, b'{"detail":"Not authenticated"}', "application/json", "login_needed"),
        (403, b'{"detail":"Role \\"monailabel-admin\\" is required"}', "application/json", "not_allowed"),
        (307, b"", "text/plain", "server_answer"),
        (502, b"<html>\x1b[31mBad gateway</html>", "text/html", "server_answer"),
        (200, b"<html>A login page</html>", "text/html", "server_answer"),
        (200, b"\x00\xff\xfe garbage \x1b]0;x\x07", "application/json", "server_answer"),
        (200, b"", "application/json", "server_answer"),
        (200, b"[" * 100_000, "application/json", "server_answer"),
        (200, b"[]", "application/json", "server_answer"),
        (200, b"null", "application/json", "server_answer"),
        (200, b'"text"', "application/json", "server_answer"),
        (200, b'{"hello":"I am another program"}', "application/json", "server_answer"),
        (200, b'{"total": 1' + b"1" * 5000 + b"}", "application/json", "server_answer"),
    ],
)  # fmt: skip
async def test_answers_that_are_none_have_words(server, client, status, body, kind, code):
    server.answers["GET /info/"] = response(status, body, kind)
    error = await problem_of(client.info())
    assert error.problem.code == code
    assert error.problem.message.isprintable()
    assert "\x1b" not in error.problem.detail
    assert error.problem.hint


@pytest.mark.parametrize("at", [0, 1, 17, 60, -1])
async def test_a_connection_that_breaks_at_any_byte_is_unreachable(server, client, at):
    whole = recorded("info")

    async def cut(_request, writer):
        writer.write(whole[: at if at >= 0 else len(whole) + at])
        await writer.drain()
        writer.close()

    server.answers["GET /info/"] = cut
    assert isinstance(await problem_of(client.info()), Unreachable)


async def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with MonaiLabelClient(f"http://127.0.0.1:{unused.getsockname()[1]}") as client:
            error = await problem_of(client.info())
    assert isinstance(error, Unreachable)
    assert "cannot be reached" in error.problem.message


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999", "ftp://x", "here", ""])
async def test_an_address_that_is_none_is_a_mistake_of_ours(url):
    with pytest.raises(Misused):
        MonaiLabelClient(url)


async def test_a_stall_is_busy_and_not_gone(server):
    stalled = asyncio.Event()

    async def stall(_request, writer):
        stalled.set()
        await asyncio.Event().wait()

    server.answers["GET /info/"] = stall
    server.answers["GET /train/"] = recorded("train_status_running")
    async with MonaiLabelClient(server.url, read_timeout=0.2) as client:
        error = await problem_of(client.info())
        assert (type(error), error.problem.code) == (Failed, "server_busy")
        assert (await client.train_running()).state is TaskState.RUNNING


async def test_a_server_that_dribbles_does_not_hold_us(server):
    async def dribble(_request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    server.answers["GET /info/"] = dribble
    async with MonaiLabelClient(server.url, read_timeout=0.2) as client:
        assert (await problem_of(client.info())).problem.code == "server_busy"


async def test_one_request_is_in_flight_per_endpoint(server, client):
    gate = asyncio.Event()

    async def wait(_request, writer):
        await gate.wait()
        writer.write(recorded("info"))
        await writer.drain()

    server.answers["GET /info/"] = wait
    asked = [asyncio.create_task(client.info()) for _ in range(3)]
    await server.arrived.wait()
    server.answers["GET /train/"] = recorded("train_status_running")
    assert await client.train_running() is not None  # another endpoint does not wait for it
    gate.set()
    await asyncio.gather(*asked)
    assert server.most_in_flight == 2
    assert sum(request.path == "/info/" for request in server.requests) == 3


async def test_a_request_given_up_does_not_block_the_next(server, client):
    async def hang(_request, _writer):
        await asyncio.Event().wait()

    server.answers["GET /info/"] = hang
    asked = asyncio.create_task(client.info())
    await server.arrived.wait()
    asked.cancel()
    server.answers["GET /info/"] = recorded("info")
    assert (await client.info()).version == "0.8.5"


async def test_a_post_is_never_sent_twice(server, client):
    async def drop(_request, writer):
        writer.close()

    server.answers["POST /train/m"] = drop
    assert isinstance(await problem_of(client.train("m", {})), Unreachable)
    assert len(server.requests) == 1


async def test_a_failure_that_closes_the_connection_harms_no_later_request(server, client):
    async def fail(_request, writer):
        writer.write(response(500, b"Internal Server Error", "text/plain"))
        await writer.drain()
        writer.close()

    server.answers["POST /infer/nope"] = fail
    server.answers["POST /train/m"] = recorded("train_post")
    for _ in range(5):
        assert (await problem_of(client.infer("nope", "a"))).problem.code == "server_error"
        assert (await client.train("m", {})).id


async def test_a_restart_forgets_every_task(server, client):
    server.answers["GET /train/"] = recorded("train_status_done_all")
    assert len(await client.train_tasks()) >= 1
    server.answers["GET /train/"] = recorded("train_none")
    assert await client.train_tasks() == ()


async def test_a_huge_answer_is_cut_off(server, client, monkeypatch):
    monkeypatch.setattr("labeltui.monailabel.http.MAX_DOCUMENT", 1000)

    async def flood(_request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"[" * 65536)
            await writer.drain()

    server.answers["GET /datastore/"] = flood
    assert (await problem_of(client.studies())).problem.code == "server_answer"


LOG = b"one\ntwo\nthree\n"


async def test_the_log_is_followed_by_ranges(server, client):
    async def ranged(request, writer):
        start = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        if start >= len(LOG):
            writer.write(response(416, b"", "text/plain", f"content-range: bytes */{len(LOG)}\r\n"))
        else:
            span = f"content-range: bytes {start}-{len(LOG) - 1}/{len(LOG)}\r\n"
            writer.write(response(206, LOG[start:], "text/plain", span))

    server.answers["GET /logs/"] = ranged
    chunk = await client.log_from(4)
    assert (chunk.offset, chunk.data, chunk.size, chunk.restarted) == (4, b"two\nthree\n", len(LOG), False)
    assert (await client.log_from(len(LOG))).data == b""
    rotated = await client.log_from(1000)
    assert (rotated.restarted, rotated.offset, rotated.size) == (True, 0, len(LOG))


async def test_a_server_that_knows_no_ranges_is_followed_too(server, client):
    server.answers["GET /logs/"] = response(200, LOG, "text/plain")
    assert (await client.log_from(4)).data == b"two\nthree\n"
    assert (await client.log_from(1000)).restarted


async def test_a_gone_session_is_none(server, client):
    server.answers["GET /session/x"] = recorded("session_get_unknown")
    assert await client.session("x") is None
    server.answers["GET /session/x"] = recorded("session_get")
    assert (await client.session("x")).expiry == 120
    await client.delete_session("gone")
    assert server.requests[-1].method == "DELETE"
