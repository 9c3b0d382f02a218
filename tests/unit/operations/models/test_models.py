"""Models are listed, copied here, sent to the host, and brought back."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import randbytes
from typing import Any

import httpx
import pytest

from labeltui.actions.models import MODELS_PUSH, MODELS_ROLLBACK
from labeltui.cli.running import confirm
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.state import SessionState
from labeltui.hosts.agent.remote.uploads.staging import make_staging
from labeltui.hosts.uploading import _Reader
from labeltui.operations.models.download import fetch_weights
from labeltui.session.models.folder import ModelFolder
from tests.actions import RecordingReport
from tests.checkpoints import checkpoint
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time
from tests.volumes import nifti, packed

FOLDER = "~/labeltui/apps/radiology/model"
FILE = f"{FOLDER}/deepedit_dynunet.pt"


def settings(folder: Path) -> dict[str, Any]:
    return {"copy": "never", "folder": str(folder / "models")}


def publish(it: Desk, data: bytes) -> str:
    it.host.files.write(FILE, data)
    return hashlib.sha256(data).hexdigest()


async def pulled(it: Desk, *contents: bytes) -> list[str]:
    """Publish these versions one after the other, and copy each here."""
    sums = []
    for number, data in enumerate(contents):
        it.host.files.write(FILE, data, mtime_ns=int(it.host.now() * 1e9) + number * 10**9)
        await it.run("models.pull")
        sums.append(hashlib.sha256(data).hexdigest())
    return sums


@in_virtual_time
async def test_list_names_weights_and_versions(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        none = await it.run("models.list")
        it.host.files.write(f"{FOLDER}/pretrained_deepedit_dynunet.pt", b"released")
        pretrained = await it.run("models.list")
        first, second = await pulled(it, checkpoint(b"first"), checkpoint(b"second"))
        document = await it.run("models.list")
    assert (none["models"][0]["weights"], pretrained["models"][0]["weights"]) == ("untrained", "pretrained")
    (model,) = document["models"]
    assert (model["weights"], model["sha256"], model["here"]) == ("trained", second, True)
    assert [(c["sha256"], c["on_host"]) for c in document["copies"]] == [(first, False), (second, True)]


@in_virtual_time
async def test_list_works_without_a_host(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        (first,) = await pulled(it, checkpoint(b"first"))
        it.out_of_reach()
        it.host.drop()
        document = await it.run("models.list")
    assert (document["reached"], document["models"]) == (False, None)
    assert [(c["sha256"], c["on_host"]) for c in document["copies"]] == [(first, None)]


@in_virtual_time
async def test_a_pushed_model_replaces_another_after_that_one_is_here(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        first, _second = await pulled(it, checkpoint(b"first"), checkpoint(b"second"))
        third = publish(it, checkpoint(b"third, not here"))
        document = await it.run("models.push", model="deepedit", version=first[:8])
        assert it.host.files.read(FILE) == checkpoint(b"first")
        listed = await it.run("models.list")
        again = await it.run("models.push", model="deepedit", version=first[:8])
    assert (document["sent"], document["sha256"], again["sent"]) == (True, first, False)
    assert third in [copy["sha256"] for copy in listed["copies"]]


@in_virtual_time
async def test_a_push_connects_again_and_sends_the_rest(tmp_path: Path) -> None:
    new, file = checkpoint(randbytes(3 << 20)), tmp_path / "new.pt"
    file.write_bytes(new)
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        it.cuts += [1_500_000, 1_000_000]
        document = await it.run("models.push", model="deepedit", file=str(file))
        assert it.host.files.read(FILE) == new
    assert document["sent"]
    assert [line for line in it.report.lines if "connects again and copies the rest" in line][1:]
    assert sum(channel.received for channel in it.receivers) < len(new) + 10_000
    assert not [path for path in it.parts.rglob("*") if path.is_file()]


@in_virtual_time
async def test_a_push_ends_when_attempts_in_a_row_send_nothing(tmp_path: Path) -> None:
    old, file = checkpoint(b"old"), tmp_path / "new.pt"
    file.write_bytes(checkpoint(randbytes(2 << 20)))
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        publish(it, old)
        it.cuts += [1_500_000] + [0] * 20
        error = await it.failing("models.push", model="deepedit", file=str(file))
        assert it.host.files.read(FILE) == old
        assert len(it.receivers) == 9  # one that sent bytes, and eight that sent none
    assert error.problem.code == "connection_lost"


@in_virtual_time
@pytest.mark.parametrize("there", ["nothing", "the same weights", "a file that changes"])
async def test_a_push_deletes_what_an_earlier_one_left_on_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    file = tmp_path / "new.pt"
    file.write_bytes(checkpoint(b"new"))
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        left = make_staging(it.parts / it.host.files.expand(FOLDER).lstrip("/")) / "other.pt.part"
        left.write_bytes(b"killed")
        if there == "a file that changes":
            monkeypatch.setattr(_Reader, "sum", b"0" * 64)
            assert (
                await it.failing("models.push", model="deepedit", file=str(file))
            ).problem.code == "checksum"
        else:
            if there == "the same weights":
                publish(it, file.read_bytes())
            await it.run("models.push", model="deepedit", file=str(file))
    assert not left.parent.exists()


@in_virtual_time
async def test_a_pull_connects_again_and_copies_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        download, lost = it.host.download, [True]

        async def cut(*given: Any, **named: Any) -> None:
            if lost:
                lost.pop()
                it.host.drop()
                raise Unreachable(Code.CONNECTION_LOST, "The connection was lost.")
            await download(*given, **named)

        monkeypatch.setattr(it.host, "download", cut)
        (first,) = await pulled(it, checkpoint(b"first"))
        copies = it.session.models.folder.copies()
    assert [copy.sha256 for copy in copies] == [first]
    assert "The connection was lost. labeltui connects again and copies the rest." in it.report.lines


@in_virtual_time
async def test_nothing_is_replaced_that_could_not_be_copied_here(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        (first,) = await pulled(it, checkpoint(b"first"))
        publish(it, checkpoint(b"second"))
        (tmp_path / "models" / "deepedit").chmod(0o500)
        try:
            it.host.download = _full  # type: ignore[method-assign,assignment]
            error = await it.failing("models.push", model="deepedit", version=first)
        finally:
            (tmp_path / "models" / "deepedit").chmod(0o700)
        assert it.host.files.read(FILE) == checkpoint(b"second")
    assert error.problem.code == "not_written"


async def _full(*_given: object, **_named: object) -> None:
    raise OSError(28, "No space left on device")


@in_virtual_time
async def test_rollback_goes_back_one_version_at_a_time(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        first, second, _third = await pulled(
            it, checkpoint(b"first"), checkpoint(b"second"), checkpoint(b"third")
        )
        back = [(await it.run("models.rollback", model="deepedit"))["sha256"] for _ in range(2)]
        error = await it.failing("models.rollback", model="deepedit")
        it.host.files.write(FILE, checkpoint(b"first"), mtime_ns=9 * 10**18)  # as if sent much later
        listed = await it.run("models.list")
    trained = {version["sha256"]: version["saved_at"] for version in listed["copies"]}
    assert listed["models"][0]["published_at"] == trained[first]  # not the time at which it was sent back
    assert back == [second, first]
    assert error.problem.code == "no_model"


@in_virtual_time
async def test_no_model_is_sent_under_a_training_of_it(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, models=settings(tmp_path)) as it:
        (first,) = await pulled(it, checkpoint(b"first"))
        publish(it, checkpoint(b"second"))
        await it.run("train.start")
        error = await it.failing("models.push", model="deepedit", version=first)
    assert error.problem.code == "already_training"
    assert it.host.files.read(FILE) == checkpoint(b"second")


@in_virtual_time
async def test_a_file_is_sent_if_it_is_the_expected_one(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(checkpoint(b"from elsewhere"))
    digest = hashlib.sha256(checkpoint(b"from elsewhere")).hexdigest()
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        wrong = await it.failing("models.push", model="deepedit", file=str(file), sha256="0" * 64)
        assert it.host.files.get(FILE) is None
        await it.run("models.push", model="deepedit", file=str(file), sha256=digest.upper())
        missing = await it.failing("models.push", model="deepedit", file=str(tmp_path / "none.pt"))
        unknown = await it.failing("models.push", model="own_model", file=str(file))
        both = await it.failing("models.push", model="deepedit", file=str(file), version="abc")
    assert it.host.files.read(FILE) == checkpoint(b"from elsewhere")
    codes = [error.problem.code for error in (wrong, missing, unknown, both)]
    assert codes == ["checksum", "no_file", "unknown_model", "bad_parameter"]


class Terminal:
    """A prompter that confirms, and stores the questions."""

    present = True

    def __init__(self) -> None:
        self.questions: list[str] = []

    async def ask(self, question: str) -> str:
        self.questions.append(question)
        return "y"


@in_virtual_time
async def test_the_question_comes_only_when_there_is_something_to_send(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        (first,) = await pulled(it, checkpoint(b"first"))
        terminal: Any = Terminal()
        codes = []
        for action, params in (
            (MODELS_PUSH, {"model": "own_model"}),
            (MODELS_PUSH, {"model": "deepedit", "version": "abc"}),
            (MODELS_PUSH, {"model": "deepedit", "file": str(tmp_path / "none.pt")}),
            (MODELS_ROLLBACK, {"model": "own_model"}),
            (MODELS_ROLLBACK, {"model": "deepedit"}),
        ):
            with pytest.raises(LabeltuiError) as error:
                await confirm(it.session, action, params, None, terminal)
            codes.append(error.value.problem.code)
        assert terminal.questions == []
        for params in ({"version": first[:8]}, {"pretrained": True}):
            assert await confirm(it.session, MODELS_PUSH, {"model": "deepedit", **params}, None, terminal)
    assert codes == ["unknown_model", "no_model", "no_file", "unknown_model", "no_model"]
    assert [question.split(" to the host")[0] for question in terminal.questions] == [
        f"Send version {first[:8]}", "Send pretrained weights of deepedit",
    ]  # fmt: skip


@in_virtual_time
async def test_only_what_pytorch_loads_is_sent(tmp_path: Path) -> None:
    label = tmp_path / "l0.nii.gz"
    label.write_bytes(packed(nifti()))
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        error = await it.failing("models.push", model="deepedit", file=str(label))
        assert it.host.files.get(FILE) is None
    assert error.problem.code == "unreadable"
    assert error.problem.message == (
        "l0.nii.gz is not sent, because no server can load it: it is no file of PyTorch."
    )


@in_virtual_time
async def test_a_published_file_that_pytorch_refuses_is_kept_and_named(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        (label,) = await pulled(it, packed(nifti()))
        listed = await it.run("models.list")
        error = await it.failing("models.push", model="deepedit", version=label)
        it.session.models.wake()
        state = await it.session.store.wait_for(lambda s: _unreadable(s) != [], 20)
        good = tmp_path / "good.pt"
        good.write_bytes(checkpoint())
        await it.run("models.push", model="deepedit", file=str(good))
        await it.run("models.pull")
        it.session.models.wake()
        await it.session.store.wait_for(lambda s: _unreadable(s) == [], 20)
    assert (listed["models"][0]["unreadable"], listed["copies"][0]["unreadable"]) == (
        "it is no file of PyTorch",
    ) * 2
    assert any("no server can load it: it is no file of PyTorch" in line for line in it.report.lines)
    assert error.problem.code == "unreadable"
    assert "deepedit (it is no file of PyTorch)" in _unreadable(state)[0]


def _unreadable(state: SessionState) -> list[str]:
    return [alert.message for alert in state.alerts if alert.key == "unreadable_models"]


@in_virtual_time
async def test_a_model_keeps_the_labels_that_it_was_trained_with(tmp_path: Path) -> None:
    async with desk(tmp_path, server={"labels": ["liver", "tumour"]}, models=settings(tmp_path)) as it:
        await it.run("server.start")
        (first,) = await pulled(it, checkpoint(b"of two labels"))
        await it.run("server.stop")
        it.host.files.remove(FILE)
        it.host.files.remove(_record(it))  # as on a new pod
        await it.run("server.start", model_from="newest")
        assert it.host.files.read(FILE) == checkpoint(b"of two labels")
        await it.run("server.stop")
        it.host.on("other-labels-", b"")
        it.host.files.remove(FILE)
        await it.run("server.start", labels="kidney")
        other = await it.failing("models.push", model="deepedit", version=first)
        pretrained = await it.failing("models.push", model="deepedit", pretrained=True)
    assert other.problem.code == pretrained.problem.code == "labels_changed"
    assert "liver, tumour" in other.problem.message


def _record(it: Desk) -> str:
    (name,) = (name for name in it.host.files.names("~/labeltui/run") if name.startswith("labels-"))
    return f"~/labeltui/run/{name}"


@in_virtual_time
async def test_a_new_pod_is_offered_yesterdays_model(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        (first,) = await pulled(it, checkpoint(b"first"))
        it.host.files.remove(FILE)
        await it.run("server.start")
        alerts = [a for a in it.session.store.state.alerts if a.key == "untrained_models"]
        assert "labeltui models push deepedit" in alerts[0].hint
        await it.run("models.push", model="deepedit")
        status = await it.run("server.status")
    assert it.host.files.read(FILE) == checkpoint(b"first")
    assert status["weights"]["deepedit"] == status["weights"]["deepedit_seg"] == "trained"
    assert first


@in_virtual_time
async def test_a_start_never_replaces_a_trained_model(tmp_path: Path) -> None:
    async with desk(tmp_path, models=settings(tmp_path)) as it:
        first, _ = await pulled(it, checkpoint(b"first"), checkpoint(b"second"))
        error = await it.failing("server.start", model_from=first)
        publish(it, checkpoint(b"third"))
        await it.run("server.start", model_from="newest")
    assert error.problem.code == "exists"
    assert "models push deepedit --version" in error.problem.hint
    assert it.host.files.read(FILE) == checkpoint(b"third")
    assert any("stays here" in line for line in it.report.lines)


def answers(content: bytes, headers: Mapping[str, str] | None = None) -> httpx.MockTransport:
    async def blocks() -> AsyncIterator[bytes]:
        yield content

    return httpx.MockTransport(lambda _request: httpx.Response(200, headers=headers, content=blocks()))


async def test_weights_are_downloaded_once_and_only_whole(tmp_path: Path) -> None:
    folder, url, report = ModelFolder(tmp_path), "https://me:secret@weights.test/a.pt", RecordingReport()
    with pytest.raises(Failed) as cut:
        await fetch_weights(folder, url, None, report, answers(b"half", {"content-length": "8"}))
    with pytest.raises(Failed) as forged:
        await fetch_weights(folder, url, "0" * 64, report, answers(b"forged"))
    gone = httpx.MockTransport(lambda _request: httpx.Response(404))
    with pytest.raises(Failed) as absent:
        await fetch_weights(folder, url, None, report, gone)
    assert "secret" not in f"{cut.value}{absent.value}{report.lines}"
    assert not [path for path in (tmp_path / "pretrained").iterdir() if path.name.endswith(".pt")]
    path, digest = await fetch_weights(folder, url, None, report, answers(b"whole"))
    assert (path.read_bytes(), digest) == (b"whole", hashlib.sha256(b"whole").hexdigest())
    assert await fetch_weights(folder, url, digest, report, gone) == (path, digest)
    with pytest.raises(Failed) as other:
        await fetch_weights(folder, url, "0" * 64, report, gone)
    path.write_bytes(b"damaged")
    with pytest.raises(Failed) as damaged:
        await fetch_weights(folder, url, None, report, gone)
    codes = [str(one.value.problem.code) for one in (cut, absent, forged, other, damaged)]
    assert codes == ["download_failed"] * 2 + ["checksum"] * 3


@in_virtual_time
async def test_a_model_in_training_is_copied_before_its_pod_is_stopped(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        await it.rent(volume_disk_gb=0)
        it.serve()
        await it.session.readiness.need_server()
        await it.run("train.start")
        sha256 = publish(it, checkpoint(b"trained so far"))
        await it.run("pod.stop")
        copies = it.session.models.folder.copies()
    assert [copy.sha256 for copy in copies] == [sha256]
