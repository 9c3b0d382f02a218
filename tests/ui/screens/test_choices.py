"""Actions for a pod that does not start again, and for the last failure, are offered and run by a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from labeltui.actions import BY_ID
from labeltui.domain.failure_codes import Code
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.problems import Failed, Problem
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.domain.states import ServerState, TrainState
from labeltui.domain.training.training import TrainStatus
from labeltui.ui.screens.choices import ChoicesScreen, about_pod
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from tests.ui.fake_session import NOW, connected, console, fresh, settled, wait_for
from tests.ui.sample_pods import OWN, STOPPED, with_pod
from tests.ui.screen_text import screen_text

Compare = Callable[..., bool]
Ran = list[tuple[str, Mapping[str, Any]]]
ON_VOLUME = replace(STOPPED, network_volume_id="vol_x", volume_disk_gb=0)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Which actions ran; starting the pod once fails as a full host does."""
    done: Ran = []

    async def run(_session: Any, action: str, params: Mapping[str, Any], _report: Any, **_: Any) -> Any:
        done.append((action, dict(params)))
        if action == "pod.start" and not params:
            raise Failed(
                Code.RUNPOD_HOST_FULL,
                "The pod's machine has no free GPU now.",
                "Try again later.",
                "RunPod: no",
            )
        if action == "pod.stop":
            raise Failed(Code.RUNPOD_UNREACHABLE, "RunPod can not be reached.", "Check the network.")
        return {}

    monkeypatch.setattr("labeltui.operations.run.run_action", run)
    return done


def with_failed_training(message: str = "A label has other sizes than its image.") -> SessionState:
    problem = Problem(Code.TRAIN_FAILED, message, "Correct the label.")
    training = TrainStatus(TrainState.ERROR, "deepedit", problem=problem, ended_at=NOW)
    return replace(with_pod(STOPPED), training=fresh(training))


async def test_after_a_failed_training_its_solutions_are_listed(ran: Ran) -> None:
    app = console(with_failed_training())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("W")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ChoicesScreen), "the choices")
        shown = screen_text(pilot.app)
        assert "A label has other sizes than its image." in shown
        assert BY_ID["train.options"].title in shown


async def test_after_a_refused_login_its_solutions_are_listed(ran: Ran) -> None:
    refused = Alert(
        "host", Level.ERROR, "root@lab refused the connection.", "root@lab rejected the login.", NOW
    )
    app = console(replace(with_pod(STOPPED), alerts=(refused,)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await wait_for(
            pilot, lambda: "[W] what to do" in screen_text(app), "the key in the line of the alert"
        )
        await pilot.press("W")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ChoicesScreen), "the choices")
        assert "root@lab rejected the login." in screen_text(pilot.app)
        assert [action.id for action in app.screen.actions] == ["reconnect", "doctor"]  # type: ignore[attr-defined]


async def test_the_newer_of_an_actions_and_the_trainings_failure_is_solved(ran: Ran) -> None:
    app = console(with_failed_training())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        problem = Problem(Code.RUNPOD_UNREACHABLE, "RunPod can not be reached.", "")
        for minutes, message in ((1, "RunPod can not be reached."), (-1, "A label has other sizes")):
            app.dispatcher.last_problem = ("Stop the pod", problem)
            app.dispatcher.failed_at = NOW + timedelta(minutes=minutes)
            await pilot.press("W")
            await wait_for(pilot, lambda: isinstance(pilot.app.screen, ChoicesScreen), "the choices")
            assert message in str(app.screen.query_one(".message", Static).render())
            await pilot.press("escape")
            await settled(pilot)


@pytest.mark.parametrize(
    ("code", "first"),
    [(Code.APP_MISSING, "setup"), (Code.NOT_INSTALLED, "setup"), (Code.CRASHED, "server.start")],
)
async def test_a_newer_problem_of_the_server_is_solved_although_an_action_failed_before(
    ran: Ran, code: Code, first: str
) -> None:
    problem = Problem(code, "The server does not start.", "Do something.")
    server = fresh(ServerStatus(ServerState.CRASHED, problem=problem))
    alert = Alert("server", Level.ERROR, problem.message, problem.hint, NOW)
    app = console(replace(connected(), server=server, alerts=(alert,)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        earlier = Problem(Code.RUNPOD_UNREACHABLE, "RunPod can not be reached.", "")
        app.dispatcher.last_problem = ("Stop the pod", earlier)
        app.dispatcher.failed_at = NOW - timedelta(minutes=1)
        await pilot.press("W")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ChoicesScreen), "the choices")
        assert pilot.app.screen.actions[0].id == first  # type: ignore[attr-defined]


async def test_any_failed_action_has_a_next_step(ran: Ran) -> None:
    app = console(connected())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        app.dispatcher.last_problem = ("Pull", Problem(Code.INTERNAL, "KeyError: 'x'", ""))
        await pilot.press("W")
        await wait_for(pilot, lambda: isinstance(pilot.app.screen, ChoicesScreen), "the choices")
        assert pilot.app.screen.actions  # type: ignore[attr-defined]


async def start(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("p", "s")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen), "the question")
    await pilot.press("y")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, ChoicesScreen), "the choices")


async def test_a_full_host_is_a_decision_and_a_number_takes_it(ran: Ran) -> None:
    app = console(with_pod(STOPPED))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await pilot.press("1")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("y")
        await wait_for(pilot, lambda: len(ran) == 2, "the second try")
        assert ran[1] == ("pod.start", {"retry": True})


async def test_what_can_not_be_done_says_why(ran: Ran) -> None:
    app = console(with_pod(STOPPED))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await pilot.press("4")  # its files are on its own disk
        await pilot.pause()
        assert isinstance(app.screen, ChoicesScreen)
        assert "no other pod can use" in app.export_screenshot().replace("&#160;", " ")
        await pilot.press("escape")
        await pilot.pause()
        assert len(ran) == 1


async def test_its_network_volume_is_taken_to_another_pod(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    prefills: list[Any] = []
    app = console(with_pod(ON_VOLUME))
    monkeypatch.setattr(type(app), "action_deploy", lambda _self, prefill=None: prefills.append(prefill))
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        await pilot.press("4")
        await wait_for(pilot, lambda: bool(prefills), "the form")
        assert prefills == [{"network_volume": "vol_x"}]


async def test_any_failure_says_by_which_key_its_choices_open(ran: Ran) -> None:
    app = console(with_pod())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("p", "x")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("y")
        await wait_for(pilot, lambda: "[W] what to do" in screen_text(app), "the failure")
        await pilot.press("W")
        await wait_for(pilot, lambda: isinstance(app.screen, ChoicesScreen), "the choices")
        assert [action.id for action in app.screen.actions] == ["doctor"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("pod", "says", "first"),
    [
        (OWN, "nothing is wrong", "pod.stop"),
        (STOPPED, "annot" if STOPPED.name == "annot" else "is stopped", "pod.start"),
        (replace(OWN, gpus_attached=0), "without a GPU", "pod.retry"),
        (replace(OWN, status=PodStatus.ERROR), "failed", "events"),
        (replace(OWN, status=PodStatus.TERMINATED), "terminated", "pods"),
        (
            replace(OWN, status=PodStatus.STARTING, started_at=NOW - timedelta(hours=1)),
            "been starting",
            "events",
        ),
    ],
)
def test_what_is_said_of_every_pod(pod: Any, says: str, first: str) -> None:
    title, problem = about_pod(pod, NOW)
    assert pod.name in title
    assert says in problem.message
    assert ChoicesScreen(title, problem).actions[0].id == first


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture(snap_compare: Compare, ran: Ran, size: tuple[int, int]) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        for part in ("strip", "body", "flash", "keys", "tabs"):
            getattr(pilot.app.frame_screen, part).display = False  # type: ignore[attr-defined]
        await start(pilot)
        await pilot.pause()

    assert snap_compare(console(with_pod(STOPPED)), terminal_size=size, run_before=prepare)
