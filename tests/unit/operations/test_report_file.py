"""The report's file: its numbers recomputed from raw records, and hostile names shown literally."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from markdown_it import MarkdownIt

from labeltui.domain.literal import visible
from labeltui.operations.report.page import page
from tests.fakes.monailabel import MONAILABEL
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

EVIL = "<script>alert(1)</script>\x1b]0;x\x07 [a](http://evil.example) **b** |c| www.evil.example \u202e&lt;"
LABELS = [  # study, client, minutes since the session's start: fetched (None: not on record), submitted
    ("s1", "ana", 4, 19), ("s2", "ana", 20, 52), ("s3", EVIL, 10, 75), (EVIL.replace("/", ""), EVIL, 80, 111),
    ("s5", "ana", None, 118),
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def utc() -> Iterator[None]:
    """This machine's clock is UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield


class Page(HTMLParser):
    """What a browser makes of a page: its elements with their attributes, and its text outside of the style."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] != "style" and data.strip():
            self.texts.append(data)


async def labelled(it: Desk) -> dict[str, Any]:
    """Let annotators work for two hours. Returns the datastore's raw document."""
    await it.rent()
    it.serve()
    await it.session.readiness.need_server()
    start = it.session.clock()
    objects: dict[str, Any] = {}
    infos: dict[str, Any] = {}
    it.server.datastore = {**it.server.datastore, "objects": objects}
    it.server.documents["GET", "/datastore/label/info"] = lambda request: infos.get(
        request.url.params["label"], 404
    )
    for study, client, fetched, submitted in LABELS:
        image: dict[str, Any] = {"ts": int(start.timestamp()) - 9999}
        if fetched is not None:
            at = int((start + timedelta(minutes=fetched)).timestamp())
            image["strategy"] = {"random": {"ts": at, "client_id": client}}
        ts = int((start + timedelta(minutes=submitted)).timestamp())
        info = infos[study] = {"ts": ts, "client_id": client}
        objects[study] = {"image": {"ext": ".nii.gz", "info": image},
                          "labels": {"final": {"ext": ".nii.gz", "info": info}}}  # fmt: skip
        path = f"~/studies/labels/final/{study}.nii.gz"
        it.host.files.write(path, study.encode(), mtime_ns=ts * 10**9)
    await asyncio.sleep(2 * 3600)
    it.host.agent.jobs["server"].print((MONAILABEL / "log_train_3epochs.txt").read_bytes())
    await it.run("studies.list")
    await it.run("labels.pull")
    return it.server.datastore


@dataclass(frozen=True)
class Day:
    """A day's reports, with the raw records that they are made from. ``folder`` has day.json, day.md and day.html."""

    folder: Path
    raw: dict[str, Any]
    document: Mapping[str, Any]
    spent: Decimal
    now: datetime


@in_virtual_time
async def record(folder: Path) -> Day:
    """Write the reports of two hours' work."""
    async with desk(folder, rents=True) as it:
        raw = await labelled(it)
        document = await it.run("report", file=str(folder / "day.json"))
        spent, now = it.world.ledger.spent(it.world.now), it.session.clock()
        for name in ("day.md", "day.html"):
            await it.run("report", file=str(folder / name))
    return Day(folder, raw, document, spent, now)


@pytest.fixture(scope="module")
def day(utc: None, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """One day for the tests that only read it: its pollers take seconds."""
    return record(tmp_path_factory.mktemp("day"))


def test_the_numbers_are_those_of_the_raw_datastore_and_of_the_bill(day: Day) -> None:
    raw, document, spent, now = day.raw, day.document, day.spent, day.now
    written = json.loads((day.folder / "day.json").read_text())
    assert written == json.loads(
        json.dumps({k: v for k, v in document.items() if k not in ("file", "message")})
    )
    finals = [
        (study, one["labels"]["final"]["info"], one["image"]["info"].get("strategy", {}).get("random"))
        for study, one in raw["objects"].items()
    ]
    counts = Counter(info["client_id"] for _study, info, _fetch in finals)
    hours = (now - datetime.fromisoformat(document["since"])).total_seconds() / 3600
    assert document["labels"] == len(finals) == 5
    assert {one["name"]: one["labels"] for one in document["annotators"]} == counts
    for one in document["annotators"]:
        minutes = [
            (info["ts"] - fetch["ts"]) / 60
            for _s, info, fetch in finals
            if info["client_id"] == one["name"] and fetch
        ]
        assert one["minutes_per_study"] == pytest.approx(median(minutes), abs=0.05)
        assert one["labels_per_hour"] == pytest.approx(counts[one["name"]] / hours, abs=0.06)
    per_hour = Counter(
        (f"{datetime.fromtimestamp(info['ts'], UTC):%Y-%m-%dT%H}", info["client_id"])
        for _s, info, _f in finals
    )
    shown = {
        (one["hour"][:13], name): count for one in document["by_hour"] for name, count in one["by"].items()
    }
    assert shown == per_hour
    assert float(document["cost"]) == pytest.approx(float(spent), rel=0.02)
    assert float(document["cost_per_label"]) == pytest.approx(float(spent / len(finals)), rel=0.02)
    assert Decimal(document["cost"]) > 0
    assert [len(one["points"]) for one in document["curves"]] == [3]
    assert any(line.startswith("Minutes for 1 of 5 labels") for line in document["not_measured"])
    head = page({**document, "labels": 6})[0]
    assert dict(head.tables[0].rows)["Final labels"].startswith("6 on 5 studies, ")
    assert any("submitted again" in line for line in head.lines)


def test_hostile_names_are_literal_in_both_formats(day: Day) -> None:
    markdown, html = day.folder / "day.md", day.folder / "day.html"
    page = Page(html.read_text())
    assert visible(EVIL) in page.texts
    assert "polyline" in [tag for tag, _attributes in page.elements]  # a curve is there
    assert not {"script", "a", "img", "link", "iframe"} & {tag for tag, _attributes in page.elements}
    assert not [
        name
        for _tag, given in page.elements
        for name in given
        if name.startswith("on") or name in ("src", "href")
    ]
    rendered = Page(MarkdownIt("gfm-like", {"html": True}).render(markdown.read_text()))
    assert visible(EVIL) in rendered.texts
    assert not {"script", "a", "img", "strong"} & {tag for tag, _attributes in rendered.elements}
    assert not [c for c in markdown.read_text() + html.read_text() if c < " " and c != "\n"]


@in_virtual_time
async def test_a_report_of_nothing_says_what_was_not_measured(tmp_path: Path) -> None:
    file = tmp_path / "day.md"
    async with desk(tmp_path, start=False) as it:
        it.out_of_reach()
        document = await it.run("report", file=str(file))
        text = file.read_text()
        again = await it.failing("report", file=str(file))
        await it.run("report", file=str(file), replace=True)
        no_format = await it.failing("report", file=str(tmp_path / "day"))
        no_folder = await it.failing("report", file=str(tmp_path / "none" / "day.md"))
    assert document["file"] == str(file)
    assert "- Labels: the host could not be reached" in text
    assert "this profile rents no pod" in text
    assert (again.problem.code, again.problem.offers) == ("exists", ("report.replace",))
    assert (no_format.problem.code, no_folder.problem.code) == ("bad_parameter", "not_written")
