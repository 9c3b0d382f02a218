"""Every event that is recorded is found, in words that say what it means; no line of any encoding is too odd."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltui.domain.log.lines import parse_line
from labeltui.domain.log.news import News, explain
from labeltui.domain.state import Identity, SessionState
from labeltui.hosts.agent.messages import Chunk
from labeltui.session.log.feed import AppLog
from labeltui.session.log.store import LogStore
from labeltui.session.runtime.store import Store
from labeltui.session.server.process import ServerWatch
from tests.paths import MONAILABEL

RECORDED = sorted(MONAILABEL.glob("log_*.txt"))
INFO = "[2026-11-23 17:08:17,116] [42] [MainThread] [INFO] ({}) - {}"


def kinds_of(name: str) -> Counter[str]:
    text = (
        next(path for path in RECORDED if path.stem == f"log_{name}").read_bytes().decode("utf-8", "replace")
    )
    return Counter(said.kind for line in text.split("\n") if (said := explain(parse_line(line))) is not None)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("startup_radiology", {"phase"}),
        ("FAIL_startup_pydicom3", {"phase", "cause"}),
        ("FAIL_startup_dicomweb061", {"phase", "cause"}),
        ("FAIL_startup_torchvision_nms", {"phase", "cause"}),
        ("FAIL_startup_dicomweb_dcmqi_offline", {"phase", "download"}),
        ("FAIL_startup_monaibundle_offline", {"phase", "download"}),
        ("FAIL_startup_port_in_use", {"phase", "port_taken"}),
        ("FAIL_startup_pretrained_offline", {"phase", "download"}),
        ("FAIL_startup_sam2_offline", {"phase", "download"}),
        ("train_3epochs", {"task", "records", "resumed", "iteration", "metrics", "best", "epoch", "published"}),
        ("train_bundle_2epochs", {"task", "records", "resumed", "iteration", "metrics", "best", "epoch", "ended"}),
        ("train_killed", {"task", "iteration", "stopped", "killed"}),
        ("train_error_corrupt_image", {"label", "unreadable", "ended"}),
        ("train_error_unknown_model", {"task", "cause", "ended"}),
        ("infer", {"label"}),
        ("batch_infer", {"task", "batch", "label", "ended"}),
        ("server_ssl", {"no_labels", "published", "ended"}),
        ("server_auth_enabled", {"request_failed"}),
        ("server_dicomweb_orthanc", {"label"}),
        ("server_dicomweb_label_fail", {"dicomweb", "request_failed"}),
    ],
)  # fmt: skip
def test_each_event_is_found_in_the_recording_that_holds_it(name: str, kinds: set[str]) -> None:
    assert kinds <= kinds_of(name).keys()


def test_each_of_three_epochs_is_reported() -> None:
    found = kinds_of("train_3epochs")
    assert (found[News.METRICS], found[News.EPOCH], found[News.ITERATION]) == (6, 6, 12)


@pytest.mark.parametrize(
    ("logger", "message", "kind", "names"),
    [
        ("monailabel.endpoints.activelearning:60", "Next sample: {'id': 'liver_7', 'ts': 1}", News.SAMPLE, "liver_7"),
        ("monailabel.endpoints.activelearning:60", "Next sample: {}", News.SAMPLE, "The strategy found no study"),
        ("monailabel.datastore.local:594", "Saving Label for Image: \x1b[2J; Tag: final; Info: {}", News.LABEL, "[2J"),
        ("uvicorn.error:218", "Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)", News.PHASE, "is up"),
        ("monailabel.interfaces.app:469", "App Init - completed", News.PHASE, "accept connections soon"),
        ("monailabel.utils.async_tasks.utils:90", "Return code: 1", News.ENDED, "exit code 1"),
    ],
)  # fmt: skip
def test_news_in_words(logger: str, message: str, kind: News, names: str) -> None:
    said = explain(parse_line(INFO.format(logger, message)))
    assert said is not None
    assert said.kind is kind
    assert names in said.means
    assert said.means.isprintable()
    assert said.todo.endswith(".")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_recording_goes_through_everything(path: Path) -> None:
    """Stored byte for byte, its lines counted, and every alert's line is the one that caused it."""
    data = path.read_bytes()
    log = LogStore()
    watch = ServerWatch(Store(SessionState(Identity("p"))), log, lambda: datetime.now(UTC), lambda: None)
    troubles: list[tuple[str, int]] = []
    watch.on_problem.append(lambda said, line, _at: troubles.append((said.means, line)))
    watch.begin("r1", "/log", app_log=AppLog("/app.log"))
    for at in range(0, len(data), 1000):
        watch.feed.own(Chunk("/log", "1-1.0", at, data[at : at + 1000], at + 1000 >= len(data)))
        watch.feed.other(Chunk("/app.log", "1-2.0", at, data[at : at + 1000], at + 1000 >= len(data)))
    assert log.bytes() == data
    assert watch.caught_up
    for means, line in troubles:
        said = explain(parse_line(log.line(line).decode("utf-8", "replace")))
        assert said is not None
        assert said.means == means


ENCODED = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda text, encoding: text.encode(encoding, "replace"),
        st.text(max_size=80),
        st.sampled_from(["utf-8", "utf-16", "utf-32", "latin-1", "shift_jis", "cp037", "utf-7"]),
    ),
    st.sampled_from([path.read_bytes()[:500] for path in RECORDED]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ENCODED, st.booleans()), max_size=6), st.integers(7, 400))
def test_bytes_of_any_encoding_are_read_and_stored(pieces: list[tuple[bytes, bool]], cut: int) -> None:
    log = LogStore()
    watch = ServerWatch(Store(SessionState(Identity("p"))), log, lambda: datetime.now(UTC), lambda: None)
    watch.begin("r1", "/log", app_log=AppLog("/app.log"))
    data = b"".join(piece for piece, _ in pieces)
    other = b"".join(piece for piece, both in pieces if both)
    for at in range(0, max(len(data), len(other)), cut):
        watch.feed.own(Chunk("/log", "1-1.0", min(at, len(data)), data[at : at + cut], True))
        watch.feed.other(Chunk("/app.log", "1-2.0", min(at, len(other)), other[at : at + cut], True))
    watch.feed.decide()
    stored = b"".join(
        line + b"\n" for n, line in enumerate(log.lines(0, log.line_count)) if log.source_of(n) == "stdout"
    )
    assert stored.rstrip(b"\n") == data.rstrip(b"\n")
    for line in log.lines(0, log.line_count):
        explain(parse_line(line.decode("utf-8", "replace")))
