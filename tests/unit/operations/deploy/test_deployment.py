"""``pod create`` from no pod to a server that answers, and every point at which it may stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.state import Level
from labeltui.session.pod.host import PodHost
from tests.fakes.facts import EMPTY, report_facts
from tests.fakes.guard import FakeGuard
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

UNWRITABLE = replace(EMPTY, folder_writable=False)
ASKED = {"gpu": "RTX A5000", "max_price": 0.29}


async def create(it: Desk, **params: Any) -> Mapping[str, Any]:
    return await it.run("pod.create", **ASKED, **params)


async def refused(it: Desk, **params: Any) -> LabeltuiError:
    return await it.failing("pod.create", **ASKED, **params)


def begin(it: Desk, **params: Any) -> asyncio.Task[Mapping[str, Any]]:
    return it.begin("pod.create", **ASKED, **params)


def states(document: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    assert document is not None
    return [(step["step"], step["state"]) for step in document["steps"]]


@in_virtual_time
async def test_one_command_from_no_pod_to_a_server_that_answers(tmp_path: Path) -> None:
    config = tmp_path / "labeltui.toml"
    config.write_text('# mine\n[profiles.p]\nhost = "runpod"\n')
    async with desk(tmp_path, rents=True, start=False, runpod=None) as it:
        it.session.config = config
        FakeGuard(it.host)
        it.host.files.write("~/labeltui/apps/radiology/model/pretrained_deepedit_dynunet.pt", b"released")
        done = await create(
            it, name="annot-1", start=True, save=True, add_key=True, key=str(tmp_path / "key.pub")
        )
    assert states(done) == [
        ("key", "done"), ("rent", "done"), ("profile", "done"), ("image", "done"), ("ssh", "done"),
        ("agent", "done"), ("guard", "done"), ("setup", "skipped"), ("server", "done"),
    ]  # fmt: skip
    assert done["rented"]
    assert done["url"].startswith("http://127.0.0.1:")
    assert 'pod = "annot-1"' in config.read_text()
    assert config.read_text().startswith("# mine\n")
    assert len(it.world.ssh_keys) == 1
    assert any("Pull" in str(record.get("line")) for record in it.report.records)
    priced = [record for record in it.report.records if record.get("rate")]
    assert {record["pod"] for record in priced} == {"annot-1"}
    assert not it.session.store.state.alerts


@in_virtual_time
async def test_the_command_that_uploads_the_measured_studies_is_named(tmp_path: Path) -> None:
    scans = tmp_path / "my scans"
    scans.mkdir()
    async with desk(tmp_path, rents=True, start=False) as it:
        await create(it, data=str(scans))
    assert any(f"labeltui studies upload '{scans}'" in line for line in it.report.lines)


@in_virtual_time
async def test_repeated_it_uses_the_pod_that_there_is_and_skips_what_is_done(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        first = await create(it, start=True)
        again = await create(it, start=True)
    assert (again["id"], again["rented"]) == (first["id"], False)
    assert states(again)[-1] == ("server", "skipped")
    assert "nothing was rented" in next(s["detail"] for s in again["steps"] if s["step"] == "rent")
    assert len(it.world.pods) == 1


@in_virtual_time
async def test_a_session_elsewhere_only_rents_and_waits_until_the_pod_runs(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False, host="ssh", ssh={"address": "root@memory"}) as it:
        done = await create(it, name="other", start=True)
    assert states(done) == [("rent", "done"), ("image", "done")]
    assert done["status"] == "running"


@in_virtual_time
async def test_a_pod_that_the_profile_does_not_name_is_said_to_be_lost_to_it(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        await create(it, name="annot-2")
    assert "add --save" in it.report.lines[-1]


@in_virtual_time
async def test_a_session_whose_pod_is_up_rents_no_pod_of_another_name(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True) as it:
        first = await create(it)
        error = await refused(it, name="annot-2")
        again = await create(it)
    assert (error.problem.code, error.exit_code) == (Code.POD_STILL_UP, 3)
    assert error.problem.message == "This session works on the pod annot, which is running."
    assert "profile" in error.problem.hint
    assert len(it.world.pods) == 1
    assert again["id"] == first["id"]


@in_virtual_time
async def test_the_pod_that_replaces_a_stopped_one_is_connected_before_anything_runs_there(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, rents=True) as it:
        first = await create(it)
        it.elsewhere(first["id"], "stop")  # the connection to it is not noticed to be lost yet
        second = await create(it, name="annot-2", key=str(tmp_path / "key.pub"))
        host = it.session.link.host
        reached = next(step["detail"] for step in second["steps"] if step["step"] == "ssh")
    assert isinstance(host, PodHost)
    assert host.pod_id == second["id"]
    assert second["ssh"]
    assert reached.startswith(second["ssh"])


@pytest.mark.parametrize("more", [{}, {"setup": True}, {"start": True}])
@in_virtual_time
async def test_every_deployment_ends_with_a_guard_on_the_pod(tmp_path: Path, more: dict[str, bool]) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        guard = FakeGuard(it.host)
        guard.alive = False
        done = await create(it, **more)
    assert guard.alive
    assert guard.requests("ensure")
    assert ("guard", "done") in states(done)
    assert done["guard"] == "Guard: stops the pod after 30 min idle, with RunPod's API (not tested yet)."
    assert it.report.state("guard") == "done"


@in_virtual_time
async def test_a_pod_that_no_guard_watches_is_deployed_and_the_last_words_say_so(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        guard = FakeGuard(it.host)
        guard.decision |= {
            "state": "stuck",
            "problem": "The key may not stop it",
            "hint": "Stop it yourself.",
        }
        stuck = await create(it)
        said = it.report.lines[-1]
        guard.silent = True
        silent = await create(it, start=True)
    words = "No guard will stop this pod: The key may not stop it. Stop it yourself."
    assert (stuck["guard"], said) == (words, words)
    assert ("guard", "failed") in states(stuck)
    assert silent["guard"].startswith("No guard will stop this pod: The guard does not answer.")
    assert states(silent)[-1] == ("server", "done")


@in_virtual_time
async def test_without_the_price_nothing_is_rented(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        refused = await it.failing("pod.create", gpu="RTX A5000")
    assert refused.problem.code == "price_not_agreed"
    assert "$0.2" in refused.problem.message
    assert not it.world.pods


@in_virtual_time
async def test_a_network_volume_is_made_first_and_public_ports_are_listed(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        done = await create(it, new_volume_gb=20, data_centre="EU-RO-1", public=True)
    (volume,) = it.world.volumes.values()
    assert (volume.name, volume.size, volume.center) == ("annot-data", 20, "EU-RO-1")
    assert states(done)[:2] == [("volume", "done"), ("rent", "done")]
    assert done["network_volume"] == volume.id
    assert done["public_urls"] == [f"https://{done['id']}-{port}.proxy.runpod.net" for port in (8888, 8000)]


@in_virtual_time
async def test_no_free_gpu_says_what_to_add(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        it.world.faults.arm("no_capacity")
        error = await refused(it, start=True)
    assert error.problem.code == "runpod_no_capacity"
    assert "--fallback" in error.problem.hint
    assert "--wait" in error.problem.hint
    assert states(error.document)[0] == ("rent", "failed")
    assert not it.session.store.state.alerts  # nothing costs money


def arm(name: str) -> Callable[[Desk], None]:
    return lambda it: it.world.faults.arm(name)


@pytest.mark.parametrize(
    ("happens", "code", "paid"),
    [
        (arm("image_refused"), "pod_stopped_early", False),
        (arm("zero_gpu"), "runpod_no_gpu", True),
        (arm("stuck_pulling"), "pod_slow", True),
        (arm("fails_to_start"), "runpod_pod_error", False),
    ],
)
@in_virtual_time
async def test_a_pod_that_does_not_come_up_ends_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Desk], None], code: str, paid: bool
) -> None:
    monkeypatch.setattr("labeltui.operations.deploy.pull.UP_WITHIN_S", 240.0)
    async with desk(tmp_path, rents=True, start=False) as it:
        happens(it)
        error = await refused(it, start=True)
        alerts = it.session.store.state.alerts
    assert error.problem.code == code
    assert states(error.document) == [
        ("rent", "done"), ("image", "failed"),
        *((step, "waiting") for step in ("ssh", "agent", "guard", "setup", "server")),
    ]  # fmt: skip
    assert error.document is not None
    assert error.document["error"]["code"] == code
    assert ("is still up and costs $0." in error.problem.hint) == paid
    assert any(alert.message.startswith("The deployment failed") for alert in alerts) == paid


@in_virtual_time
async def test_a_pod_that_is_terminated_elsewhere_ends_the_wait(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        it.world.faults.arm("stuck_pulling")
        task = begin(it, start=True)
        await it.report.wait_for(
            "'step': 'image', 'title': 'Pull the image, start the pod', 'state': 'running'"
        )
        (pod,) = it.world.pods
        it.elsewhere(pod, "terminate")
        with pytest.raises(LabeltuiError) as gone:
            await task
    assert gone.value.problem.code == "runpod_pod_gone"
    assert "still up" not in gone.value.problem.hint


@pytest.mark.parametrize("kind", [Unreachable, Failed])
@pytest.mark.timeout(
    60, method="thread"
)  # an attempt that fails at once must not keep other tasks from running
@in_virtual_time
async def test_a_pod_without_sshd_is_given_up_after_minutes(
    tmp_path: Path, kind: type[LabeltuiError]
) -> None:
    code = Code.REFUSED if kind is Unreachable else Code.HOST_KEY_REVOKED
    async with desk(tmp_path, rents=True, start=False) as it:
        it.host.refusals.extend([kind(code, "Connection refused.", "")] * 500)
        error = await refused(it, start=True)
    assert error.problem.code == "no_sshd"
    assert "RunPod's own images do" in error.problem.hint
    assert states(error.document)[2] == ("ssh", "failed")


@in_virtual_time
async def test_a_failed_setup_is_the_step_that_failed(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        report_facts(it.host, lambda: UNWRITABLE)
        error = await refused(it, setup=True)
    assert error.problem.code == "folder_unwritable"
    assert states(error.document)[-1] == ("setup", "failed")


@in_virtual_time
async def test_cancelled_while_the_image_is_pulled_the_pod_is_reported(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        it.world.faults.arm("stuck_pulling")
        task = begin(it, start=True)
        await it.report.wait_for(
            "'step': 'image', 'title': 'Pull the image, start the pod', 'state': 'running'"
        )
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (alert,) = it.session.store.state.alerts
        assert it.session.journal.entries[-1].outcome == "cancelled"
    assert it.report.state("image") == "cancelled"
    assert it.report.lines[-1] == (
        "The pod annot is still up and costs $0.28/h. Repeat the command to continue, "
        "or end it with `labeltui pod terminate`."
    )
    assert (alert.level, alert.hint) == (Level.WARNING, it.report.lines[-1])


@pytest.mark.parametrize("rented", [True, False])
@in_virtual_time
async def test_cancelled_while_runpod_is_asked_the_pod_is_searched_for(tmp_path: Path, rented: bool) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        it.world.faults.arm("hang", method="POST", path="pods$", done=rented)
        task = begin(it, start=True)
        await it.report.wait_for("Renting RTX A5000 as annot")
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(it.world.pods) == int(rented)
    assert any("Checking whether the pod exists" in line for line in it.report.lines)
    said = it.report.lines[-1]
    assert ("is still up and costs" in said) == rented
    assert ("RunPod lists no pod annot" in said) != rented


@in_virtual_time
async def test_a_session_without_a_file_can_not_save(tmp_path: Path) -> None:
    async with desk(tmp_path, rents=True, start=False) as it:
        error = await refused(it, save=True)
    assert error.problem.code == "no_config"
    assert "is still up" in error.problem.hint


@in_virtual_time
async def test_a_profile_that_names_the_pod_is_left_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "labeltui.toml"
    config.write_text("[profiles.p]\n")
    async with desk(tmp_path, rents=True, start=False) as it:
        it.session.config = config
        done = await create(it, save=True)
    assert ("profile", "skipped") in states(done)
    assert done["saved"] is None
    assert config.read_text() == "[profiles.p]\n"
