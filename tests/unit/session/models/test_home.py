"""Each model that a training publishes comes to this machine."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.models import HostModel, ModelCopy, Models, Weights
from labeltui.domain.problems import Failed
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.session.models.folder import ModelFolder
from labeltui.session.models.home import UNTRAINED
from tests.checkpoints import checkpoint
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

FOLDER = "~/labeltui/apps/radiology/model"
NAME = "deepedit_dynunet.pt"
FILE = f"{FOLDER}/{NAME}"


def put_model(it: Desk, data: bytes, best: float | None = None, **stats: Any) -> str:
    """Publish a model on the host, as a training does; returns its checksum."""
    it.host.files.write(FILE, data)
    if best is not None:
        document = {"best_metric": best, "eval": {"key_metric_name": "val_mean_dice", "best_metric": best}}
        it.host.files.write(
            f"{FOLDER}/deepedit_dynunet/train_stats.json", json.dumps({**document, **stats}).encode()
        )
    return hashlib.sha256(data).hexdigest()


def content(copy: ModelCopy) -> bytes:
    return Path(copy.path).read_bytes()


async def until(it: Desk, *versions: str) -> Models:
    """Wait until exactly these versions are on this machine."""
    wanted = list(versions)
    state = await it.session.store.wait_for(
        lambda s: s.models.value is not None and [one.sha256 for one in s.models.value.copies] == wanted, 1000
    )
    assert state.models.value is not None
    return state.models.value


async def train(it: Desk, data: bytes, best: float | None = None) -> str:
    """A training begins, publishes a model, and ends."""
    await it.run("train.start")
    sha256 = put_model(it, data, best)
    await asyncio.sleep(20)
    it.server.finish_training()
    return sha256


@in_virtual_time
async def test_a_model_is_copied_once_its_training_has_ended(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        await it.run("train.start")
        sha256 = put_model(it, b"trained", 0.81)
        await asyncio.sleep(20)  # a poll of the training
        it.session.models.wake()
        await asyncio.sleep(20)
        models = await until(it)
        assert [model.name for model in models.absent] == ["deepedit"]
        it.server.finish_training()
        models = await until(it, sha256)
    (copy,) = models.copies
    assert content(copy) == b"trained"
    assert copy.best is not None
    assert (copy.best.metric, copy.best.value) == ("val_mean_dice", 0.81)
    assert json.loads(Path(copy.path).with_suffix(".json").read_text())["stats"]["best_metric"] == 0.81
    assert models.on_host[0].weights is Weights.TRAINED


@in_virtual_time
async def test_a_model_counts_as_trained_once_its_training_has_published_it(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        store = it.session.store
        it.host.files.write(f"{FOLDER}/segmentation.pt", checkpoint(b"earlier"))
        store.alert(Alert(UNTRAINED, Level.INFO, "deepedit is untrained.", "", it.session.clock()))
        await it.run("train.start")
        await asyncio.sleep(60)
        assert [alert.key for alert in store.state.alerts] == [UNTRAINED]
        put_model(it, checkpoint(b"of the first epoch"))
        await store.wait_for(_weighs(Weights.TRAINED), 10)
        await store.wait_for(lambda state: UNTRAINED not in {alert.key for alert in state.alerts}, 10)
        asked = store.state.models.as_of
        put_model(it, checkpoint(b"of the second epoch"))
        await asyncio.sleep(60)
        assert store.state.models.as_of == asked  # no checksum for each epoch
        assert store.state.models.value is not None
        assert [copy.model for copy in store.state.models.value.copies] == ["segmentation"]


@in_virtual_time
async def test_what_another_program_changes_is_noticed_within_seconds(tmp_path: Path) -> None:
    async with desk(tmp_path, models={"copy": "never", "folder": str(tmp_path / "m")}) as it:
        await until(it)
        asked = it.session.store.state.models.as_of
        await asyncio.sleep(60)
        assert it.session.store.state.models.as_of == asked  # no checksum without a change
        put_model(it, b"sent by another labeltui")
        state = await it.session.store.wait_for(_weighs(Weights.TRAINED), 10)
        assert state.models.value is not None
        (model,) = state.models.value.on_host
        copier = ModelFolder(tmp_path / "m")
        async with copier.locked():
            (tmp_path / "arrived").write_bytes(b"sent by another labeltui")
            copier.place(tmp_path / "arrived", _copy(model), {})
        await it.session.store.wait_for(
            lambda s: s.models.value is not None and not s.models.value.absent, 10
        )
        it.host.files.remove(FILE)
        await it.session.store.wait_for(_weighs(Weights.UNTRAINED), 10)


def _weighs(weights: Weights) -> Callable[[SessionState], bool]:
    return lambda s: s.models.value is not None and s.models.value.on_host[0].weights is weights


def _copy(model: HostModel) -> ModelCopy:
    file = model.published
    assert file is not None
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return ModelCopy(model.name, file.name, file.sha256 or "", file.size, at, at, "host", "")


@in_virtual_time
async def test_older_versions_stay(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        first = await train(it, b"first", 0.5)
        await until(it, first)
        second = await train(it, b"second", 0.4)
        models = await until(it, first, second)
    assert [content(copy) for copy in models.copies] == [b"first", b"second"]


@in_virtual_time
async def test_best_copies_only_a_better_model(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, models={"copy": "best", "folder": str(tmp_path / "m")}) as it:
        first = await train(it, b"first", 0.5)
        await until(it, first)
        await train(it, b"worse", 0.4)
        await asyncio.sleep(400)
        models = await until(it, first)
        assert [model.name for model in models.absent] == ["deepedit"]
        better = await train(it, b"better", 0.6)
        await until(it, first, better)


@in_virtual_time
async def test_never_copies_nothing_and_says_what_is_not_here(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, models={"copy": "never", "folder": str(tmp_path / "m")}) as it:
        await train(it, b"first", 0.5)
        await asyncio.sleep(400)
        models = await until(it)
    assert [model.name for model in models.absent] == ["deepedit"]


@in_virtual_time
async def test_statistics_of_a_later_training_are_not_the_models(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        sha256 = put_model(it, b"first", 0.9, start_ts=it.host.now() + 60)
        models = await until(it, sha256)
    assert models.copies[0].best is None


@in_virtual_time
async def test_a_failed_copy_is_an_alert_until_it_works(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        sha256 = put_model(it, b"first")
        download = it.host.download

        async def failing(*_given: object, **_named: object) -> None:
            raise Failed(Code.COPY_FAILED, "The copy failed.", "Try again.")

        it.host.download = failing  # type: ignore[method-assign,assignment]
        it.session.models.wake()
        state = await it.session.store.wait_for(lambda s: any(a.key == "models" for a in s.alerts), 1000)
        assert "The copy failed" in next(a.message for a in state.alerts if a.key == "models")
        it.host.download = download  # type: ignore[method-assign]
        await until(it, sha256)
        await it.session.store.wait_for(lambda s: not any(a.key == "models" for a in s.alerts), 1000)


@in_virtual_time
async def test_the_models_of_a_foreign_server_with_an_unknown_app_are_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        put_model(it, b"first")
        it.server.up = True
        await it.session.store.wait_for(
            lambda s: s.server.value is not None and s.server.value.state.value == "running", 1000
        )
        models = await it.session.models.refresh()
        document = await it.run("server.status")
    assert models.on_host == ()
    assert set((document["weights"] or {"deepedit": None}).values()) == {None}


@in_virtual_time
async def test_the_guard_hears_which_models_are_wanted_and_which_are_here(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, models={"copy": "best"}) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        it.serve()

        async def reported(best: float) -> None:
            sha256 = put_model(it, b"%f" % best, best)
            it.session.models.wake()
            file = it.host.files.get(FILE)
            assert file is not None
            state = [len(file.data), file.mtime_ns]
            await it.session.store.wait_for(
                lambda _: any(one["here"] == {NAME: state} for one in guard.requests("models")[-1:]), 300
            )
            sent = guard.requests("models")
            assert sent[-1]["files"][NAME] == "deepedit"
            copies = it.session.store.state.models.value
            assert copies is not None
            assert any(one.sha256 == sha256 for one in copies.copies) == (best > 0.5)

        await reported(0.8)
        await reported(0.4)  # not better than the copy, so it is not due


@in_virtual_time
async def test_a_profile_that_copies_no_models_lets_the_guard_wait_for_none(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, models={"copy": "never"}) as it:
        guard = FakeGuard(it.host)
        await it.rent()
        it.serve()
        put_model(it, b"trained")
        await it.session.store.wait_for(lambda _: bool(guard.requests("models")), 300)
        assert {len(one["files"]) for one in guard.requests("models")} == {0}
