"""People read states, times and amounts as the console shows them; scripts read the whole document."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from labeltui.cli.people import for_people
from labeltui.cli.text import render
from labeltui.domain.amounts import AmountText
from tests.unit.cli.json_output import documents

NOW = "2026-11-26T12:00:00.000+00:00"
EARLIER = "2026-11-26T11:57:00.000+00:00"
POD = {
    "id": "p1", "name": "annot", "status": "running", "gpu": "RTX A5000", "gpu_count": 1,
    "cost_per_hour": AmountText(Decimal("0.27")), "cost_per_hour_stopped": AmountText(Decimal("0.008")),
    "uptime_s": 11520, "started_at": EARLIER, "ssh": "root@203.0.113.7:40022", "data_centre": "EU-RO-1",
    "container_disk_gb": 40, "volume_disk_gb": 100, "public_urls": [], "actions": ["stop"], "as_of": NOW,
}  # fmt: skip
MONEY = {"as_of": NOW, "stale": False, "today": AmountText(Decimal("1.2")), "hours_left": 43.7,
         "balance": AmountText(Decimal("12"))}  # fmt: skip
STATUS = {
    "as_of": NOW,
    "profile": "liver",
    "read_only": True,
    "demo": False,
    "pod": POD,
    "money": MONEY,
    "host": {"as_of": NOW, "state": "connected", "address": "root@h:22", "latency_ms": 19.14},
    "load": {"cpu_pct": 55.0, "memory_used": 775528448, "memory_total": 25276514304, "disk_used": None, "gpus": None},
    "tunnel": {"as_of": NOW, "state": "up", "url": "http://127.0.0.1:8000"},
    "server": {"as_of": EARLIER, "stale": True, "stale_because": "timed out", "state": "running", "app": "radiology",
               "models": ["deepedit"], "started_at": "2026-11-26T08:48:00.000+00:00"},
    "training": {"as_of": NOW, "state": "running", "model": "deepedit", "epoch": 3, "total_epochs": 50,
                 "best": {"metric": "val_mean_dice", "value": 0.8314, "epoch": 2}, "eta_s": 900.0, "queued": 1},
    "studies": {"as_of": NOW, "completed": 5, "total": 12, "damaged": ["a"]},
    "labels": {"as_of": NOW, "total": 6, "here": 4, "copies": True, "reason": "disk\x1b[2J full"},
    "alerts": [],
}  # fmt: skip


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def lines(action, document, width=None):
    return render(for_people(action, document), width).splitlines()


def test_the_status_has_the_strips_words():
    assert lines("status", STATUS) == [
        "profile   liver, READ-ONLY",
        "pod       running, 1 × RTX A5000, $0.27/h, $1.20 today, 43 h left",
        "host      connected, root@h:22, 19 ms",
        "load      CPU 55%, memory 740M of 23.5G",
        "tunnel    up, http://127.0.0.1:8000",
        "server    running, radiology: deepedit, up 3h12 (3m old, timed out)",
        "training  running, deepedit, epoch 3/50, best 0.831, 15m left, 1 training queued",
        "queue     5/12 final, 1 damaged label",
        "labels    4/6 here, disk\\x1b[2J full",
        "alerts    none",
    ]


def test_a_server_that_has_ended_is_not_called_up():
    stopped = {**STATUS["server"], "state": "stopped"}
    assert "up" not in next(
        line for line in lines("status", {**STATUS, "server": stopped}) if "server" in line
    )


def test_the_url_for_slicer_says_how_long_it_is_open_unless_a_program_holds_it():
    url = "http://127.0.0.1:8001"
    tunnel = {**STATUS["tunnel"], "url": url, "url_open": False}
    noted = f"{url} while a console or `labeltui tunnel` is open"
    assert f"tunnel    up, {noted}" in lines("status", {**STATUS, "tunnel": tunnel})
    assert f"tunnel    up, {url}" in lines("status", {**STATUS, "tunnel": {**tunnel, "url_open": True}})
    server = {"as_of": NOW, "state": "running", "url": url, "url_open": False}
    for action in ("server.start", "server.status", "pod.create"):
        assert f"url    {noted}" in lines(action, server)
        assert f"url    {url}" in lines(action, {**server, "url_open": True})
        assert len(lines(action, {**server, "url": None})) == 2


def test_a_stopped_server_is_not_up_and_its_queue_is_unknown():
    server = {**STATUS["server"], "state": "stopped", "stale": False, "ended_at": EARLIER}
    studies = {
        "as_of": NOW,
        "stale": True,
        "stale_because": "The server is stopped.",
        "completed": None,
        "total": None,
    }
    shown = lines("status", {**STATUS, "server": server, "studies": studies})
    assert "server    stopped, radiology: deepedit" in shown
    assert "queue     unknown: The server is stopped." in shown


def test_the_labels_of_models_are_counted_apart():
    labels = {
        **STATUS["labels"],
        "total": 31,
        "here": 28,
        "by_models": 25,
        "by_models_here": 24,
        "reason": None,
    }
    assert "labels    4/6 here, 24/25 of models" in lines("status", {**STATUS, "labels": labels})


def test_an_alert_is_whole_in_a_narrow_terminal():
    alert = {
        "level": "error",
        "message": "The copy\x1b[2J failed " + "x" * 60 + ".",
        "hint": "Free some space.",
    }
    shown = lines("status", {**STATUS, "alerts": [alert]}, 60)
    assert shown[-1] == f"alert 1   error: The copy\\x1b[2J failed {'x' * 60}. Free some space."


def test_a_pod_is_shown_with_local_times_and_prices():
    shown = lines("pod.show", {**POD, "money": MONEY})
    assert "pod       running, 1 × RTX A5000, $0.27/h, $1.20 today, 43 h left" in shown
    assert "up for    3h12" in shown
    assert "started   2026-11-26 11:57:00" in shown
    assert "disks     40 GB container, 100 GB volume" in shown


def test_a_report_says_what_is_unknown():
    empty = dict.fromkeys(("labels", "cost", "best", "trainings", "labels_here"))
    shown = lines("report", {"as_of": NOW, "since": EARLIER, "hours": 1.5, **empty})
    assert shown == [
        "since   2026-11-26 11:57:00",
        "time    1h30",
        "labels  unknown",
        "cost    unknown",
        "best    unknown",
    ]


def test_studies_have_human_sizes_and_fit(capsys):
    study = {"id": "1.2.826.0.1.3680043." + "9" * 44, "state": "open", "opened_by": ["anna"], "opened_at": EARLIER,
             "tags": {"final": EARLIER}, "size": 85735, "added_at": EARLIER}  # fmt: skip
    document = {
        "as_of": NOW,
        "completed": 0,
        "total": 1,
        "studies": [study, {**study, "id": study["id"][:-1] + "8"}],
    }
    whole = lines("studies.list", document)
    assert "84K" in whole[3]
    assert study["id"] in whole[3]
    for width in (40, 80, 120):
        narrow = lines("studies.list", document, width)
        assert all(len(line) <= width for line in narrow)
        first, second = (line.split()[0] for line in narrow[3:5])
        assert "…" in first
        assert first != second  # UIDs differ at their end


def test_a_study_has_a_table_for_its_labels_copies_readings_and_image():
    copy = {"saved_at": EARLIER, "by": "ana", "size": 85735, "sha256": "a" * 64, "damage": None}
    pair = {"clients": ["ana", "ben"], "labels": [{"name": "spleen", "value": 1, "dice": 0.5, "voxels": [3, 4]}],
            "shifted": False, "error": None}  # fmt: skip
    fails = {"clients": ["ana", "cleo"], "labels": [], "shifted": False, "error": "sizes \x1b[2J differ"}
    shown = lines("studies.show", {
        "as_of": NOW, "id": "a", "state": "final", "size": 85735,
        "image": {"PatientName": "x\x1b[2J", "spacing": [1, 2, 3]},
        "labels": [{"tag": "final", "at": EARLIER, "by": "ana", "review": None,
                    "copies": [{"file": "final/a.nii.gz", **copy}, {"file": "versions/a.nii.gz", **copy}]}],
        "compared": {**fails, "pairs": [pair, fails]},
        "history": [{"at": EARLIER, "client": "ana", "event": "fetch", "strategy": "first"},
                    {"at": EARLIER, "client": "ana", "event": "label", "label": "final"}],
    })  # fmt: skip
    text = "\n".join(" ".join(line.split()) for line in shown)
    for row in (
        "size 84K", "PatientName x", "spacing 1, 2, 3", "ana and ben spleen 0.5 3 and 4",
        "TAG AT BY\nfinal 2026-11-26 11:57:00 ana", "final versions/a.nii.gz 2026-11-26 11:57:00 ana 84K aaaaaaaaaaaa",
        "2026-11-26 11:57:00 ana label final", "sizes",
    ):  # fmt: skip
        assert row in text, text
    assert "\x1b" not in text
    assert "=" not in text
    alone = lines("studies.show", {"id": "a", "compared": {"error": "no server"}})
    assert "compared  not compared: no server" in alone


@pytest.mark.parametrize("action", ["status", "report", "studies.list", "studies.show", "pod.show"])
def test_nothing_known_is_no_fault(action):
    assert for_people(action, {}) is not None
    nulls = dict.fromkeys((*STATUS, *POD, "labels_by", "worklist"))
    assert render(for_people(action, {**nulls, "as_of": NOW})) is not None


def test_scripts_get_the_whole_document(rig, capsys):
    async def does(*_):
        return STATUS

    rig.does = does
    assert rig("status") == 0
    assert capsys.readouterr().out.startswith("profile   liver, READ-ONLY\n")
    assert rig("status", "--json") == 0
    (document,) = documents(capsys.readouterr().out)
    assert document["load"]["memory_used"] == 775528448
