"""A headless console that is killed at 25 moments, and started again each time. Prints one JSON line per moment.

``commit`` kills it between the writes and the commit of a transaction, ``time`` at a time after its start.

Each console runs in a process of its own, forked from this one, over a host, a server and an account in memory
and in virtual time. Its state folder and its copies are on the disk. The second console finds the host two
hours later, as if the first one's whole script had run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from labeltui.domain.amounts import cents
from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.runpod.keys import Secret
from labeltui.session.history.database import FILE, Connection, Database
from tests.fakes.account import KEY
from tests.fakes.guard import FakeGuard
from tests.paths import MONAILABEL
from tests.unit.operations.desk import GPU, Desk, desk
from tests.virtual_time import VirtualLoop

TIMES = 25
LABELS = {f"s{number}.nii.gz": f"label {number}".encode() * 50 for number in range(12)}
LABELLED_NS = 1_764_000_000 * 10**9
LINES = (MONAILABEL / "log_train_3epochs.txt").read_bytes().splitlines(keepends=True)
PARTS = tuple(b"".join(LINES[start : start + 20]) for start in range(0, len(LINES), 20))
LATER_S = 7200.0
DUMP = {
    "actions": "SELECT id, title FROM actions ORDER BY id",
    "alerts": "SELECT key, at, message FROM alerts ORDER BY id",
    "trainings": "SELECT started_at, model FROM trainings ORDER BY id",
    "costs": "SELECT pod_id, began FROM costs ORDER BY id",
    "studies": "SELECT kind, study, client, detail FROM study_events ORDER BY id",
}


# ---- the host


async def rented(it: Desk) -> str:
    """The pod that both consoles find: the same id, rented at the same time."""
    client = it.account.client(Secret(KEY))
    pod = await client.create_once(PodSpec("annot", GPU, container_disk_gb=20, volume_disk_gb=20))
    await client.close()
    await asyncio.sleep(120)
    return pod.id


def put_labels(it: Desk, first: int, last: int) -> None:
    for number, (name, data) in enumerate(list(LABELS.items())[first:last], first):
        it.host.files.write(f"~/studies/labels/final/{name}", data, mtime_ns=LABELLED_NS + number * 10**9)


def print_part(it: Desk, hour: int, part: bytes) -> None:
    it.host.agent.jobs["server"].print(part.replace(b" 17:", f" {hour}:".encode()))


def fetch(it: Desk, number: int, client: str) -> None:
    name = sorted(it.server.datastore["objects"])[number]
    trace = {"client_id": client, "ts": LABELLED_NS / 1e9 + number}
    it.server.datastore["objects"][name]["image"]["info"]["strategy"] = {"first": trace}


def restart_server(it: Desk) -> None:
    it.host.agent.jobs["server"].end(1)
    it.serve()


# ---- the two consoles


async def first_console(folder: Path, note: Callable[[str], None]) -> None:
    """Play a quarter of an hour of an operator and two annotators: label, train, fail, restart and watch."""
    async with desk(folder, rents=True, start=False, server={"studies": "/root/studies"}) as it:
        FakeGuard(it.host)
        await rented(it)
        note("ready")
        await it.session.start()
        it.serve()
        await it.session.readiness.need_server()
        for number, part in enumerate(PARTS):
            print_part(it, 17, part)
            put_labels(it, number, number + 1)
            await asyncio.sleep(4)
        await it.run("labels.pull")
        for number, client in enumerate(("ana", "ben", "ana")):
            fetch(it, number, client)
            await it.run("studies.list")
        await it.failing("train.start", model="no_such")
        restart_server(it)
        await it.session.readiness.need_server()
        for number, part in enumerate(PARTS):
            print_part(it, 18, part)
            put_labels(it, len(PARTS) + number, len(PARTS) + number + 1)
            await asyncio.sleep(4)
        put_labels(it, 0, len(LABELS))
        await it.run("labels.pull")
        await it.run("server.stop")
        await asyncio.sleep(300)
        note("done")
        signal.pause()  # until it is killed


async def second_console(folder: Path) -> Mapping[str, Any]:
    """Start a console again, read everything once, and return the state that it has."""
    async with desk(folder, rents=True, start=False, server={"studies": "/root/studies"}) as it:
        FakeGuard(it.host)
        copied = indexed(folder / "labels")
        pod = await rented(it)
        it.serve()
        print_part(it, 17, b"".join(PARTS))
        for number, client in enumerate(("ana", "ben", "ana")):
            fetch(it, number, client)
        restart_server(it)
        print_part(it, 18, b"".join(PARTS))
        put_labels(it, 0, len(LABELS))
        await asyncio.sleep(LATER_S)
        await it.session.start()
        await it.session.readiness.need_server()
        await it.session.account.pod.poll()
        await it.run("studies.list")
        await it.run("labels.pull")
        report, history = await it.run("report"), await it.run("train.history")
        await it.session.account.pod.poll()
        read_again = [str(one["path"]) for one in it.host.agent.requests("read")]
        spend, now = it.session.store.state.spend.value, it.world.clock.now()
        began = it.world.pods[pod].created_at
        paid = sum(
            (it.world.ledger.between(pod, kind, began, now) for kind in ("gpu", "cpu", "disk")), Decimal(0)
        )
        return {
            "again": [path for path in read_again if Path(path).name in copied],
            "running": [entry.title for entry in it.session.journal.entries if entry.ok is None],
            "trainings": [
                [one["started_at"][11:13], one["state"], one["epochs"]] for one in history["trainings"]
            ],
            "sessions": [[one["pod"], str(cents(Decimal(one["cost"])))] for one in report["sessions"]],
            "spent": str(cents(spend.session)) if spend is not None and spend.session is not None else None,
            "paid": [pod, str(cents(paid))],
        }


def indexed(folder: Path) -> dict[str, Any]:
    """The entries of the copies by name. Fails if a label has two, or if a line is not complete."""
    index = folder / "index.jsonl"
    entries = [json.loads(line) for line in index.read_text().splitlines() if line] if index.exists() else []
    assert len({entry["name"] for entry in entries}) == len(entries), "a label was copied twice"
    return {entry["name"]: entry for entry in entries}


# ---- processes


def in_child(work: Callable[[int], None]) -> tuple[int, int]:
    """Fork, and let the child do the work. Returns the child's id, and the end of a pipe that the child writes to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.close(reading)
        work(writing)
    except BaseException as error:
        os.write(writing, json.dumps({"error": repr(error)}).encode() + b"\n")
    os._exit(0)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def first(folder: Path, pipe: int, kill_at: int) -> None:
    """Run the first console. Kills itself between the write and the commit of the transaction number ``kill_at``."""
    count, commit = 0, Database._commit

    def commit_or_die(self: Database, connection: Connection) -> None:
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, connection)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        names = {"studies": "study_events"}
        committed = {
            name: connection.execute(query).fetchall() if names.get(name, name) in tables else []
            for name, query in DUMP.items()
        }
        os.write(pipe, json.dumps({"count": count, "committed": committed}).encode() + b"\n")

    Database._commit = commit_or_die  # type: ignore[method-assign]
    run(first_console(folder, lambda moment: os.write(pipe, json.dumps({"moment": moment}).encode() + b"\n")))


def killed(folder: Path, kill_at: int = 0, after_s: float = 0.0) -> list[Mapping[str, Any]]:
    """Run the first console until it is killed, and return what it wrote.

    It kills itself at a commit if ``kill_at`` is not 0; otherwise it is killed ``after_s`` seconds after its start.
    The last document has the signal, and the seconds from the start to the end of the script.
    """
    child, pipe = in_child(lambda writing: first(folder, writing, kill_at))
    data, times = bytearray(), dict[bytes, float]()
    with os.fdopen(pipe, "rb", buffering=0) as reading:
        while True:
            ready, _, _ = select.select([reading], [], [], 0.002)
            block = reading.read(65536) if ready else None
            if block == b"":
                break
            data += block or b""
            for moment in (b'"ready"', b'"done"'):
                if moment in data:
                    times.setdefault(moment, time.monotonic())
            since = time.monotonic() - times.get(b'"ready"', time.monotonic())
            if not kill_at and since >= after_s and (after_s or b'"done"' in times):
                os.kill(child, signal.SIGKILL)
                kill_at = -1
    _, status = os.waitpid(child, 0)
    lines = [json.loads(line) for line in bytes(data).split(b"\n")[:-1]]
    took = times.get(b'"done"', 0.0) - times.get(b'"ready"', 0.0)
    return [*lines, {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "took_s": took}]


def started_again(folder: Path) -> Mapping[str, Any]:
    def work(pipe: int) -> None:
        os.write(pipe, json.dumps(run(second_console(folder))).encode() + b"\n")

    child, pipe = in_child(work)
    with os.fdopen(pipe, "rb") as reading:
        found: Mapping[str, Any] = json.loads(reading.read())
    os.waitpid(child, 0)
    return found


# ---- what must hold


def problems_of(folder: Path, wrote: list[Mapping[str, Any]]) -> list[str]:
    """Return the errors in the state after the second start."""
    committed = next((line["committed"] for line in reversed(wrote) if "committed" in line), {})
    after = started_again(folder)
    if "error" in after:
        return [f"the second start: {after['error']}"]
    found = [line["error"] for line in wrote if "error" in line]
    with sqlite3.connect(folder / "state" / FILE) as connection:
        stored = {name: [list(row) for row in connection.execute(query)] for name, query in DUMP.items()}
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            found.append("the file is damaged")
    connection.close()
    for name, rows in stored.items():
        found += [f"{name}: lost {row}" for row in committed.get(name, []) if row not in rows]
        found += [f"{name}: twice {row}" for row, times in Counter(map(tuple, rows)).items() if times > 1]
    found += [f"copied again: {path}" for path in after["again"]]
    found += [f"still running: {title}" for title in after["running"]]
    if after["trainings"] != [["17", "done", 3], ["18", "done", 3]]:
        found.append(f"trainings: {after['trainings']}")
    if after["sessions"] != [after["paid"]] or after["spent"] != after["paid"][1]:
        found.append(f"cost: {after['sessions']} and {after['spent']}, but {after['paid']} was paid")
    return found + wrong_labels(folder / "labels")


def wrong_labels(folder: Path) -> list[str]:
    found = []
    entries = indexed(folder)
    if sorted(entries) != sorted(LABELS):
        found.append(f"copied: {sorted(entries)}")
    for entry in entries.values():
        if (folder / entry["file"]).read_bytes() != LABELS[entry["name"]]:
            found.append(f"another content: {entry['name']}")
    left = [
        str(path)
        for part in ("incoming", "versions")
        for path in folder.glob(f"{part}/**/*")
        if path.is_file()
    ]
    return found + [f"left over: {path}" for path in left]


def moments(kind: str, whole: list[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """The commit, or the seconds after the start, at which each console is killed, spread over the whole script."""
    if kind == "commit":
        commits = max(line["count"] for line in whole if "count" in line)
        return [(1 + commits * number // TIMES, 0.0) for number in range(TIMES)]
    took_s = whole[-1]["took_s"]
    return [(0, took_s * (number + 0.5) / TIMES) for number in range(TIMES)]


def main(kind: str) -> None:
    logging.disable()
    with tempfile.TemporaryDirectory() as place:
        whole = killed(Path(place))
    for kill_at, after_s in moments(kind, whole):
        with tempfile.TemporaryDirectory() as place:
            wrote = killed(Path(place), kill_at, after_s)
            result = {
                "commit": kill_at, "after_s": after_s, "signal": wrote[-1]["signal"],
                "committed": sum("count" in line for line in wrote),
                "problems": problems_of(Path(place), wrote),
            }  # fmt: skip
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
