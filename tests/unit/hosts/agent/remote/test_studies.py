"""The agent reads the datastore's file, and sends what changed: never a file that is half written."""

from __future__ import annotations

import base64
import itertools
import json
import os
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.studies.datastore import entry_of
from labeltui.domain.studies.study import Study, study_of
from labeltui.hosts.agent.remote import studies
from labeltui.hosts.agent.remote.files import Problem
from labeltui.hosts.agent.remote.studies import Datastore, NotWhole, Watch
from tests.unit.hosts.agent_process import AgentProcess, pythons

Document = dict[str, Any]
Mirror = dict[str, Study]


def stored(client: str = "", tags: tuple[str, ...] = ()) -> Document:
    info: Document = {"ts": 1795453310, "name": "a.nii.gz"}
    if client:
        info["strategy"] = {"first": {"ts": 1795453320, "client_id": client}}
    labels = {
        tag: {"ext": ".nrrd", "info": {"ts": 5, "client_id": client, "name": "}\n    },"}} for tag in tags
    }
    return {"image": {"ext": ".nii.gz", "info": info}, "labels": labels}


def document(objects: Document) -> Document:
    head = {"name": "new-dataset", "description": "New", "images_dir": ".", "labels_dir": "labels"}
    return {**head, "objects": objects}


def as_monai_label(objects: Document) -> str:
    """As MONAI Label 0.8.5 writes it."""
    return json.dumps(document(objects), indent=2, default=str)


LAYOUTS: dict[str, Callable[[Document], str]] = {
    "monai label": as_monai_label,
    "one line": lambda objects: json.dumps(document(objects)),
    "other indent": lambda objects: json.dumps(document(objects), indent=4) + "\n",
    "objects first": lambda objects: json.dumps({"objects": objects, "name": "x"}, indent=2),
    "not ascii": lambda objects: json.dumps(document(objects), ensure_ascii=False, indent="\t"),
}


def expected(objects: Document) -> Mirror:
    return {name: study_of(entry_of(name, one)) for name, one in objects.items() if isinstance(one, dict)}


def apply(datastore: Datastore, mirror: Mirror) -> None:
    """Read the file once, as a console sees it. A file's time may be too coarse to show the change."""
    datastore.confirm_at = 0.0
    for part in json.loads(json.dumps(list(datastore.changes()))):
        for entry in part.get("changed", ()):
            mirror[entry[0]] = study_of(entry)
        for name in part.get("gone", ()):
            mirror.pop(name, None)


NAMES = st.text(max_size=3) | st.sampled_from(["a", "b", 'a"', "a\n    },\n    ", "\ud800", "objects"])
STORED = st.builds(
    stored, st.sampled_from(["", "ana", "ben"]), st.sampled_from([(), ("final",), ("final", "v2")])
)
ODD = STORED | st.sampled_from([None, 3, {}])
STATE = st.tuples(st.dictionaries(NAMES, STORED, max_size=5), st.just("monai label")) | st.tuples(
    st.dictionaries(NAMES, ODD, max_size=5), st.sampled_from(["one line", "not ascii"])
)


@given(st.lists(STATE, max_size=6))
def test_after_any_states_of_the_file_the_list_equals_the_last(
    tmp_path_factory: pytest.TempPathFactory, states: list[tuple[Document, str]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "states"
    folder.mkdir(exist_ok=True)
    datastore, mirror = Datastore(str(folder)), Mirror()
    for objects, layout in states:
        text = LAYOUTS[layout](objects)
        datastore.path.write_bytes(text.encode("utf-8", "replace"))
        apply(datastore, mirror)
        assert mirror == expected(json.loads(datastore.path.read_bytes())["objects"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_cut_off_at_any_byte_is_not_whole_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    content, reads = b"", itertools.count()
    monkeypatch.setattr(studies, "read_whole", lambda _path: ((next(reads), 0, len(content), 0, 0), content))
    datastore, mirror = Datastore(str(tmp_path)), Mirror()
    datastore.path.touch()
    before = {"a": stored(), "b": stored("ana", ("final",)), "c": stored()}
    content = LAYOUTS[layout](before).encode()
    apply(datastore, mirror)
    data = LAYOUTS[layout]({**before, "a": stored("ben", ("final",))}).rstrip().encode()
    for length in range(len(data)):
        content = data[:length]
        with pytest.raises(NotWhole):
            apply(datastore, mirror)
        assert mirror == expected(before)
    content = data
    apply(datastore, mirror)
    assert mirror["a"].authors == {"final": "ben"}


def test_only_what_changed_is_sent(tmp_path: Path) -> None:
    datastore = Datastore(str(tmp_path))
    many = {f"s{number:04}": stored() for number in range(2500)}
    datastore.path.write_text(as_monai_label(many))
    assert [len(part["changed"]) for part in datastore.changes()] == [1000, 1000, 500]
    del many["s0007"]
    datastore.path.write_text(as_monai_label({**many, "s0100": stored("ana"), "z": stored()}))
    changed, gone = datastore.changes()
    assert {entry[0] for entry in changed["changed"]} == {"s0100", "z"}
    assert gone == {"gone": ["s0007"]}
    assert list(datastore.changes()) == []


def test_a_change_that_the_files_time_does_not_show_is_found_by_a_second_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "stamp_of", lambda found: (0, 0, found.st_size, 0, 0))
    datastore, mirror = Datastore(str(tmp_path)), Mirror()
    for client in ("ana", "ben"):
        datastore.path.write_text(as_monai_label({"a": stored(client)}))
        apply(datastore, mirror)
    assert mirror["a"].openers == ("ben",)
    apply(datastore, mirror)
    assert datastore.confirm_at is None  # read twice with the same content, so it is not read again


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datastore, mirror = Datastore(str(tmp_path)), Mirror()
    datastore.path.write_text(as_monai_label({"a": stored()}))
    real, calls = studies.stamp_of, itertools.count()

    def stamp_then_write(found: os.stat_result) -> studies.Stamp:
        stamp = real(found)
        if next(calls) == 1:  # the file was opened
            datastore.path.write_text(as_monai_label({"a": stored(), "b": stored()}))
        return stamp

    monkeypatch.setattr(studies, "stamp_of", stamp_then_write)
    with pytest.raises(NotWhole):
        apply(datastore, mirror)
    apply(datastore, mirror)
    assert set(mirror) == {"a", "b"}


def test_of_two_writers_every_state_that_is_shown_was_written_whole(tmp_path: Path) -> None:
    datastore, mirror, lock = Datastore(str(tmp_path)), Mirror(), threading.Lock()
    written: list[Mirror] = []

    def write(client: str) -> None:
        """Truncate the file and write it in pieces, under the lock that MONAI Label's servers share."""
        for number in range(10):
            objects = {f"{client}{one}": stored(client) for one in range(number % 4 + 1)}
            with lock, datastore.path.open("wb", buffering=0) as file:
                written.append(expected(objects))
                text = as_monai_label(objects).encode()
                for at in range(0, len(text), 200):
                    file.write(text[at : at + 200])

    writers = [threading.Thread(target=write, args=(client,)) for client in ("ana", "ben")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        with suppress(NotWhole, FileNotFoundError):
            apply(datastore, mirror)
            assert mirror in written
    apply(datastore, mirror)
    assert mirror == written[-1]


class Console:
    """Takes the messages of a watch whose reads the test makes."""

    def __init__(self, folder: Path) -> None:
        self.messages: list[Document] = []
        self.watch = Watch(str(folder), "k", self.take)

    def take(self, message: Document, bulk: bool = False) -> None:
        data = message.pop("data", None)
        part = {} if data is None else json.loads(zlib.decompress(base64.b64decode(data)))
        self.messages.append({**message, **part})


@pytest.mark.parametrize(
    ("content", "code", "why"),
    [
        (None, "not_found", "There is no"),
        (b"", "datastore_broken", "is empty"),
        (b'{"objects": {', "datastore_broken", "is not valid JSON"),
        (b"\xff{}", "datastore_broken", "is not valid JSON"),
        (b"[" * 100_000 + b"}", "datastore_broken", "is not valid JSON"),
    ],
)
def test_a_file_that_stays_unreadable_has_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, code: str, why: str
) -> None:
    monkeypatch.setattr(studies, "BROKEN_AFTER_S", 0.0)
    console = Console(tmp_path)
    file = tmp_path / "datastore_v2.json"
    if content is not None:
        file.write_bytes(content)
    assert console.watch.read()
    assert isinstance(console.watch.problem, Problem)
    assert console.watch.problem.document["code"] == code
    assert why in console.watch.problem.document["message"]
    file.write_text(as_monai_label({"a": stored()}))
    assert console.watch.read()
    assert console.watch.problem is None
    # The problem began; then all studies came, and their end; then the problem was over.
    assert [message.get("last") for message in console.messages] == [None, False, True, None]


def test_an_attempt_that_failed_is_never_the_newest_state(tmp_path: Path) -> None:
    console = Console(tmp_path)
    file = tmp_path / "datastore_v2.json"
    file.write_text(as_monai_label({"a": stored()}))
    console.watch.read()
    good = file.read_bytes()
    broken = as_monai_label({f"{number:05}": stored() for number in range(1500)})
    file.write_text(broken.replace('"01400": {', '"01400": {,'))  # found only when its text is parsed
    assert not console.watch.read()
    file.write_bytes(good)
    console.watch.read()
    assert console.watch.state == 1
    sent = [(message["state"], message["last"]) for message in console.messages]
    assert sent[:2] == [(1, False), (1, True)]
    assert all(not last for _, last in sent[2:])


def test_a_folder_that_is_no_folder_and_a_pipe_are_reasons_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "datastore_v2.json")
    for folder in (tmp_path / "file", tmp_path):
        console = Console(folder)
        assert console.watch.read()
        assert console.watch.problem is not None


@pytest.mark.slow
@pytest.mark.parametrize("version", pythons())
def test_a_running_agent_sends_each_change_and_answers_a_check_after_it(tmp_path: Path, version: str) -> None:
    agent = AgentProcess(tmp_path / "agent", pythons()[version])
    try:
        file = tmp_path / "datastore_v2.json"
        agent.ask("studies.watch", studies=str(tmp_path), key="k")
        assert agent.fail("studies.check", key="k")["code"] == "not_found"
        for number in range(1, 4):
            file.write_text(as_monai_label({f"s{one}": stored() for one in range(number)}))
            assert agent.ask("studies.check", key="k") == {"state": number}
            (last,) = [event for event in agent.events if event.get("state") == number and event["last"]]
            assert last["whole"] == (number == 1)
        file.write_text(as_monai_label({"s0": stored("ana")}))
        agent.until(lambda: [one for one in agent.events if one.get("state") == 4 and one["last"]])
        assert agent.fail("studies.check", key="other")["code"] == "not_found"
    finally:
        agent.close()
