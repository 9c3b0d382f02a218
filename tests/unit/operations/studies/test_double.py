"""Two readings of a study: they are compared, and the operator chooses one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from labeltui.actions import BY_ID
from labeltui.domain.problems import Misused, Refused
from labeltui.domain.rules.pace import labels_left, pace
from labeltui.domain.studies.study import Fetch, Study
from labeltui.monailabel.serving.rules import Entry
from labeltui.monailabel.serving.worklist import _note_label, with_final
from labeltui.operations.run import run_action
from labeltui.operations.studies.double import dice_text
from labeltui.session.labels.readings import unrecorded
from labeltui.ui.presentation.strip import finals_of_total
from labeltui.ui.presentation.study import details
from tests.actions import RecordingReport
from tests.unit.operations.desk import Desk, desk
from tests.unit.session.labels.test_readings import EDITS, Twice, doubled, recorded_by, sha
from tests.virtual_time import in_virtual_time

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
DICE = {"labels": [{"value": 1, "dice": 0.75, "voxels": [4, 4]}, {"value": 7, "dice": 0.0, "voxels": [0, 2]}]}


async def read_twice(it: Desk, store: Twice) -> list[Any]:
    """Ana and ben read the study ``a``. Returns the requests to run a program, as they come."""
    requests: list[Any] = []

    def run(request: Any) -> Any:
        requests.append(request)
        return {"answer": DICE}

    it.host.agent.answers["program.run"] = run
    store.submit("ana", b"of ana %d" % id(it))
    await recorded_by(it.session, 1)
    store.submit("ben", b"of ben %d" % id(it))
    await recorded_by(it.session, 2)
    await it.session.readings.settle(["a"])
    return requests


@in_virtual_time
async def test_the_readings_are_compared_on_the_host_by_label(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        requests = await read_twice(it, store)
        document = await it.run("studies.compare", study="a")
        again = await it.run("studies.compare", study="a")
        shown = await it.run("studies.show", study="a")
    assert document["message"] == "a, ana and ben: Dice spleen 0.750, label 7 0.000."
    assert (document["clients"], again["labels"]) == (["ana", "ben"], document["labels"])
    requests = [one for one in requests if "files" in one["arguments"]]
    assert len(requests) == 1  # the same two files
    assert requests[0]["arguments"] == {
        "files": [f"/root/studies/labels/{tag}/a.nii.gz" for tag in ("final_ana", "final_ben")]
    }
    assert (requests[0]["python"], requests[0]["memory_bytes"]) == ("/root/labeltui/venv/bin/python", 8 << 30)
    assert [one["client"] for one in shown["readings"]] == ["ana", "ben"]
    text = "\n".join(details(shown))
    assert "ben  final_ben" in text
    assert text.count(", the final label") == 1
    assert "Dice 0.750  spleen  (4 and 4 voxels)" in text


@in_virtual_time
async def test_every_two_of_three_readings_are_compared(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        requests = await read_twice(it, store)
        store.submit("cleo", b"of cleo %d" % id(it))
        await recorded_by(it.session, 3)
        document = await it.run("studies.compare", study="a")
        text = "\n".join(details(await it.run("studies.show", study="a")))
        await it.run("studies.choose", study="a", client="ana")
        await asyncio.sleep(30)
        again = await it.run("studies.compare", study="a")
    pairs = [["ana", "ben"], ["ana", "cleo"], ["ben", "cleo"]]
    assert [one["clients"] for one in document["pairs"]] == pairs
    assert (
        document["message"]
        == "a, "
        + "; ".join(f"{' and '.join(pair)}: Dice spleen 0.750, label 7 0.000" for pair in pairs)
        + "."
    )
    assert all(f"  {one} and {other}\n  Dice 0.750" in text for one, other in pairs)
    assert again["pairs"] == document["pairs"]
    assert len([one for one in requests if "files" in one["arguments"]]) == len(pairs)


@in_virtual_time
async def test_what_cannot_be_compared_is_said_and_the_details_are_shown_all_the_same(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        early = await it.failing("studies.compare", study="a")
        await read_twice(it, store)
        it.host.agent.answers["program.run"] = {"answer": {"error": "the labels have other sizes"}}
        sizes = await it.failing("studies.compare", study="a")
        shown = await it.run("studies.show", study="a")
        store.label("a", b"another", {"ts": 1, "client_id": "ana"}, "final_ana")
        changed = await it.failing("studies.compare", study="a")
        store.files.remove("~/studies/labels/final_ana/a.nii.gz")
        gone = await it.failing("studies.compare", study="a")
    assert early.problem.code == "not_read_twice"
    assert sizes.problem.message == "The readings of a can't be compared: the labels have other sizes."
    assert "  not compared: the labels have other sizes" in details(shown)
    assert "another label under final_ana than ana submitted" in changed.problem.message
    assert "the host no longer has final_ana, the reading of ana" in gone.problem.message


@in_virtual_time
async def test_the_chosen_reading_is_the_final_label_and_the_choice_can_be_undone(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        await read_twice(it, store)
        ana, ben = (store.file("a", f"final_{client}") for client in ("ana", "ben"))
        assert store.file("a") == ben
        document = await it.run("studies.choose", study="a", client="ana")
        assert document["message"] == "The reading of ana is the final label of a. Choose ben to undo this."
        assert store.file("a") == ana
        info = store.objects["a"]["labels"]["final"]["info"]
        assert (info["client_id"], info["label_info"]) == ("ana", [{"name": "spleen", "idx": 1}])
        puts = list(store.puts)
        await it.run("studies.choose", study="a", client="ana")
        assert store.puts == puts  # it is the final label already
        await it.run("studies.choose", study="a", client="ben")
        assert store.file("a") == ben
        assert [store.file("a", f"final_{client}") for client in ("ana", "ben")] == [ana, ben]
        assert it.session.journal.entries[-1].command == "labeltui studies choose a ben --yes"
        assert not any(one.key.startswith(("replaced", "shared")) for one in it.session.store.state.alerts)


@in_virtual_time
async def test_a_choice_is_the_operators_and_no_activity_of_the_annotator(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        await read_twice(it, store)
        before = {tag: dict(label["info"]) for tag, label in store.objects["a"]["labels"].items()}
        first = before["final_ana"]["submitted_ts"]
        await asyncio.sleep(600)
        await it.run("studies.choose", study="a", client="ana")
        await asyncio.sleep(30)
        shown = await it.run("studies.show", study="a")
        report = await it.run("report")
        final = store.objects["a"]["labels"]["final"]["info"]
        activity: dict[str, float] = {}
        _note_label(final, activity)
        assert activity == {"ana": first}
        assert with_final(Entry("a"), (), final).at == first
        assert before["final_ben"]["submitted_ts"] == before["final"]["ts"]
        assert store.puts.count("final_ana") == 1  # the chosen reading is not stored once more
        history = [(one["event"], one["client"]) for one in shown["history"]]
        assert history == [("label", "ana"), ("label", "ben"), ("choose", "ana")]
        assert any("the reading of ana was chosen by the operator" in line for line in details(shown))
        assert report["submissions_by"] == {"ana": 1, "ben": 1}
        state = it.session.store.state
        assert state.queue.value is not None
        assert unrecorded(state) == []


def test_a_study_whose_first_reading_was_chosen_is_not_open_at_the_second_reader() -> None:
    fetch = Fetch("first", "ben", NOON + timedelta(minutes=5, milliseconds=400))
    chosen = Study(
        "a", {"final": NOON, "final_ben": NOON + timedelta(minutes=9)}, (fetch,),
        authors={"final": "ana", "final_ben": "ben"},
    )  # fmt: skip
    assert chosen.openers == ()
    assert chosen._replace(fetches=(fetch._replace(at=NOON + timedelta(hours=1)),)).openers == ("ben",)


@in_virtual_time
async def test_a_choice_is_asked_first_and_refused_where_it_would_lose_a_label(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        await read_twice(it, store)
        with pytest.raises(Refused) as asked:
            await run_action(it.session, "studies.choose", {"study": "a", "client": "ana"}, RecordingReport())
        nobody = await it.failing("studies.choose", study="a", client="cleo")
        store.label("a", b"newer", {"ts": 1, "client_id": "user-xyz"})
        newer = await it.failing("studies.choose", study="a", client="ana")
    assert (
        "Make the reading of ana the final label of a, in the place of that of ben?"
        in asked.value.problem.message
    )
    assert isinstance(nobody, Misused)
    assert "ana, ben" in nobody.problem.hint
    assert newer.problem.code == "not_copied"
    assert "labeltui studies delete a --label final" in newer.problem.hint
    assert store.file("a") == b"newer"


@in_virtual_time
async def test_a_reading_that_the_host_lost_changed_or_spoils_is_not_chosen(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        await read_twice(it, store)
        reading = store.file("a", "final_ana")
        info = dict(store.objects["a"]["labels"]["final_ana"]["info"])
        store.label("a", b"another", info, "final_ana")
        changed = await it.failing("studies.choose", study="a", client="ana")
        store.files.remove("~/studies/labels/final_ana/a.nii.gz")
        gone = await it.failing("studies.choose", study="a", client="ana")
        store.label("a", reading or b"", info, "final_ana")
        put_label = store.put_label

        def spoil(request: Any) -> Any:
            answer = put_label(request)
            store.files.write("~/studies/labels/final/a.nii.gz", b"spoiled")
            return answer

        it.server.documents["PUT", "/datastore/label"] = spoil
        spoiled = await it.failing("studies.choose", study="a", client="ana")
    assert (changed.problem.code, gone.problem.code) == ("checksum", "not_found")
    assert "labeltui studies restore a" in gone.problem.hint
    assert (spoiled.problem.code, "as it was sent" in spoiled.problem.message) == ("checksum", True)


def test_results_of_a_comparison_are_clauses() -> None:
    labels = [{"name": "spleen", "dice": 0.5}]
    assert dice_text({"error": "x"}) == "not compared, because x"
    assert dice_text({"error": None, "labels": []}) == "both readings are empty"
    assert "place their voxels" in dice_text({"error": None, "labels": labels, "shifted": True})


@in_virtual_time
async def test_a_study_that_waits_for_its_second_reading_is_not_done(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)
        await it.session.readings.settle(["a"])
        listed = await it.run("studies.list")
        state = it.session.store.state
        assert state.queue.value is not None
        assert finals_of_total(state, state.queue.value) == "0/2"
        assert (
            listed["completed"],
            listed["worklist"]["left"]["free"],
            listed["worklist"]["left"]["final"],
        ) == (0, 2, 0)
        assert (await it.run("status"))["studies"]["completed"] == 0
        assert labels_left(state, 2) == 2
        await it.run("studies.double", studies=["b"])
        assert labels_left(it.session.store.state, 2) == 3  # two for the study that nobody has read
        await it.run("studies.double", studies=["b"], undo=True)
        rows = {one["id"]: one for one in listed["studies"]}
        assert (rows["a"]["state"], rows["a"]["doubled"], rows["b"]["state"]) == (
            "second_reading",
            True,
            "unlabelled",
        )
        assert rows["a"]["readings"] == [{"client": "ana", "tag": "final_ana", "sha256": sha(b"of ana")}]
        store.submit("ben", b"of ben")
        await recorded_by(it.session, 2)
        await it.session.readings.settle(["a"])
        listed = await it.run("studies.list")
        assert (listed["completed"], listed["worklist"]["left"]["final"]) == (1, 1)
        assert {one["id"]: one["state"] for one in listed["studies"]}["a"] == "final"
        going = pace(it.session.store.state, it.session.clock())
        assert going is not None
        assert going.labels == 2
        await it.run("studies.choose", study="a", client="ana")
        await it.session.labels.copy_all()
        await it.session.pollers.queue.poll()
        report = await it.run("report")
        again = pace(it.session.store.state, it.session.clock())
    assert again is not None
    assert (again.labels, report["labels"], report["labels_by"]) == (2, 2, {"ana": 1, "ben": 1})


@in_virtual_time
async def test_a_study_on_dicomweb_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.serve(worklist=EDITS, studies="http://127.0.0.1:8042/dicom-web")
        refused = await it.failing("studies.double", studies=["1.2.3"])
    assert refused.problem.code == "not_permitted"
    assert refused.problem.message.startswith("Only studies in a folder can be read twice.")
    assert it.host.files.get(EDITS) is None


def test_the_three_commands_have_their_danger() -> None:
    dangers = {name: BY_ID[f"studies.{name}"].danger.value for name in ("double", "compare", "choose")}
    assert dangers == {"double": "change", "compare": "none", "choose": "destructive"}
