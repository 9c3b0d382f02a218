"""The strategy inside the server: its readings of MONAI Label, its stored state, and its place in an app."""

from __future__ import annotations

import fcntl
import importlib
import json
import sys
from types import SimpleNamespace

import pytest

from labeltui.monailabel import packing
from labeltui.monailabel.serving import changes
from labeltui.monailabel.serving.settings import VARIABLE, Settings
from labeltui.monailabel.serving.worklist import Worklist, read_datastore

NOW = 1_800_000_000.0


class FakeDatastore:
    """As MONAI Label's own: an image's info has its fetches, and a file in the folder of finals is a final label."""

    def __init__(self, folder, *studies):
        self.final_folder = folder / "labels" / "final"
        self.final_folder.mkdir(parents=True)
        objects = {s: SimpleNamespace(image=SimpleNamespace(info={}), labels={}) for s in studies}
        self._datastore = SimpleNamespace(objects=objects, label_path=lambda _tag: str(self.final_folder))
        self.remote = []  # series that only the DICOMweb server lists

    def get_unlabeled_images(self, _tag=None, _labels=None):
        return [s for s, o in self._datastore.objects.items() if "final" not in o.labels] + self.remote

    def served(self, study, client, at, strategy="worklist"):
        self._datastore.objects[study].image.info.setdefault("strategy", {})[strategy] = {
            "ts": int(at),
            "client_id": client or "admin",
        }

    def labelled(self, study, client, at, tag="final"):
        self._datastore.objects[study].labels[tag] = SimpleNamespace(info={"ts": at, "client_id": client})


def first(request, datastore):
    assert request["strategy"] == "first"
    return {"id": sorted(datastore.get_unlabeled_images())[0]}


class Rig:
    def __init__(self, folder, *studies, base="first"):
        self.now = NOW
        self.datastore = FakeDatastore(folder, *studies)
        self.edits = folder / "worklist.json"
        self.base = base
        self.restart()

    def restart(self):
        settings = Settings(self.edits, self.base, 5400, ("console",))
        strategies = {"first": first, "broken": lambda _request, _datastore: 1 / 0}
        self.worklist = Worklist(settings, strategies, read_datastore, lambda: self.now)

    def fetch(self, client, *, stored=True):
        request = {"strategy": "worklist"} | ({} if client is None else {"client_id": client})
        answer = self.worklist(request, self.datastore)
        if answer is not None and stored:
            self.datastore.served(answer["id"], client, self.now)
        return answer and answer["id"]


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path, "a", "b", "c", "d")


def test_each_client_gets_a_study_of_its_own_and_its_unfinished_one_back(rig):
    assert [rig.fetch(c) for c in ("ana", "ben", "ana", None, "user-xyz", "cleo")] == [
        "a", "b", "a", "c", "d", None,
    ]  # fmt: skip
    state = json.loads(rig.edits.with_name("worklist.json.state").read_text())
    assert state["refused"]["cleo"]["held"] == 4


def test_holds_survive_a_restart_even_if_the_datastore_has_not_stored_them(rig):
    assert rig.fetch("ana", stored=False) == "a"
    rig.restart()
    assert rig.fetch("ben") == "b"
    rig.now += 5400
    assert rig.fetch("cleo") == "a"


def test_uploads_and_requests_prolong_a_hold(rig):
    rig.fetch("ana")
    rig.now += 5000
    rig.worklist.note("ana")
    rig.restart()
    rig.now += 5000
    assert rig.fetch("ben") == "b"
    rig.datastore.labelled("a", "ana", rig.now, tag="original")
    rig.now += 5000
    assert rig.fetch("cleo") == "c"


def test_a_final_file_in_the_cache_folder_counts_before_dicomweb_lists_it(tmp_path):
    rig = Rig(tmp_path, "1.2.3")
    rig.datastore.remote = ["1.2.4", "1.2.5"]
    for name in ("1.2.3.nii.gz", "1.2.4.seg.nrrd"):
        (rig.datastore.final_folder / name).touch()
    assert rig.fetch("ana", stored=False) == "1.2.5"
    assert rig.fetch("ben") is None


def test_the_operators_edits_are_read_at_each_request(rig):
    rig.edits.write_text(json.dumps({"order": ["d"], "skipped": ["a"], "assigned": {"b": "ben"}}))
    assert [rig.fetch(c) for c in ("ana", "ben", "cleo", "dora")] == ["d", "b", "c", None]
    rig.edits.write_text("{")
    assert rig.fetch("dora") == "a"


def test_a_base_strategy_that_fails_stops_nobody(tmp_path):
    rig = Rig(tmp_path, "a", "b", base="broken")
    assert [rig.fetch("ana"), rig.fetch("ben")] == ["a", "b"]


@pytest.mark.parametrize(
    ("base", "used"), [("epistemic", "m_epistemic"), ("last", "last"), ("best", "random")]
)
def test_the_base_strategy_is_found_by_name_or_by_its_ending(tmp_path, caplog, base, used):
    asked = []

    def strategy(request, datastore):
        asked.append(request["strategy"])
        return {"id": datastore.get_unlabeled_images()[-1]}

    names = ("random", "last", "m_epistemic")
    worklist = Worklist(
        Settings(tmp_path / "w", base, 60), dict.fromkeys(names, strategy), read_datastore, lambda: NOW
    )
    answer = worklist({"client_id": "ana"}, FakeDatastore(tmp_path, "a", "b"))
    assert (answer, asked) == ({"id": "b"}, [used])
    assert ("has no strategy 'best'" in caplog.text) is (base == "best")


def test_a_lock_that_is_never_released_stops_nobody(rig, monkeypatch):
    monkeypatch.setattr("labeltui.monailabel.serving.storage.LOCK_S", 0.0)
    with rig.edits.with_name("worklist.json.state.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert rig.fetch("ana") == "a"


def test_the_state_stays_small_whatever_names_are_sent(rig):
    rig.edits.write_text('{"skipped": ["a", "b", "c", "d"]}')
    for number in range(120):
        rig.now += 1
        assert rig.fetch(f"client {number}") is None
    state = json.loads(rig.edits.with_name("worklist.json.state").read_text())
    assert len(state["refused"]) == 100
    assert "client 119" in state["refused"]


def test_a_state_file_that_cannot_be_written_stops_nobody(rig):
    rig.edits.with_name("worklist.json.state").mkdir()
    assert [rig.fetch("ana", stored=False), rig.fetch("ben", stored=False)] == ["a", "b"]


class App:
    """The part of MONAILabelApp that is changed."""

    def __init__(self, name):
        self.name, self._strategies, self.inferred = name, {"first": first, "random": first}, []

    def infer(self, request, datastore=None):
        self.inferred.append(request)
        return "done"


@pytest.fixture
def app_class():
    """A class derived from the one that is changed, as every app's is."""
    base = type("Base", (App,), {})
    return base, type("MyApp", (base,), {"__init__": lambda self: super(type(self), self).__init__("mine")})


def test_worklist_stands_first_and_requests_of_a_client_are_noted(tmp_path, monkeypatch, app_class):
    base, mine = app_class
    monkeypatch.setenv(VARIABLE, Settings(tmp_path / "w.json", "first", 60).text())
    changes.install(base, changes.CHANGES)
    app = mine()
    assert list(app._strategies) == ["worklist", "first", "random"]
    assert app.infer({"client_id": "ana"}) == "done"
    assert "ana" in json.loads((tmp_path / "w.json.state").read_text())["activity"]


async def test_a_session_upload_is_noted_by_its_query(tmp_path, monkeypatch, app_class):
    base, mine = app_class
    monkeypatch.setenv(VARIABLE, Settings(tmp_path / "w.json", "first", 60).text())
    changes.install(base, changes.CHANGES)
    mine()

    async def served(scope, _receive, _send):
        scope["served"] = True

    scope = {"type": "http", "query_string": b"client_id=ben&x=1"}
    await changes.noting(served)(scope, None, None)
    assert scope["served"]
    assert "ben" in json.loads((tmp_path / "w.json.state").read_text())["activity"]


def test_an_app_without_the_setting_or_with_a_broken_one_starts_as_it_is(monkeypatch, caplog, app_class):
    base, mine = app_class
    changes.install(base, changes.CHANGES)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert list(mine()._strategies) == ["first", "random"]
    monkeypatch.setenv(VARIABLE, "{}")
    assert list(mine()._strategies) == ["first", "random"]
    assert "add_worklist failed" in caplog.text


def web_app(monkeypatch, tmp_path, **modules):
    """Import the packed module with these modules in place of MONAI Label."""
    path = tmp_path / packing.serving().name
    path.write_bytes(packing.serving().source)
    monkeypatch.syspath_prepend(str(path))
    for name in [one for one in sys.modules if one.startswith("labeltui_serving")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("monailabel", "monailabel.app", "monailabel.interfaces", "monailabel.interfaces.app"):
        monkeypatch.setitem(sys.modules, name, modules.get(name.replace(".", "_")))
    try:
        return importlib.import_module("labeltui_serving.web").app
    finally:
        for name in [one for one in sys.modules if one.startswith("labeltui_serving")]:
            del sys.modules[name]


def test_the_packed_modules_change_the_app_and_import_nothing_of_labeltui(monkeypatch, tmp_path, app_class):
    base, mine = app_class
    monkeypatch.setenv(VARIABLE, Settings(tmp_path / "w.json", "first", 60).text())
    plain = SimpleNamespace()
    changed = web_app(
        monkeypatch, tmp_path, monailabel_app=SimpleNamespace(app=plain),
        monailabel_interfaces_app=SimpleNamespace(MONAILabelApp=base),
    )  # fmt: skip
    assert changed is not plain
    worklist = mine()._strategies["worklist"]
    assert type(worklist).__module__ == "labeltui_serving.worklist"
    assert b"from labeltui." not in b"".join(p.read_bytes().replace(packing.HERE.encode(), b"")
                                             for p in packing.SOURCES.glob("*.py"))  # fmt: skip


def test_a_change_that_fails_leaves_the_servers_own_application(monkeypatch, tmp_path, caplog):
    plain = SimpleNamespace()
    app = web_app(monkeypatch, tmp_path, monailabel_app=SimpleNamespace(app=plain))
    assert app is plain
    assert "has no worklist" in caplog.text
