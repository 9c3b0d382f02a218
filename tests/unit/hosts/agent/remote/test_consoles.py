"""Consoles of one folder see each other, and one at a time has the lease."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.remote.consoles import EXPIRED_S, HEARD_S, SILENT_S, STUCK_S, Consoles
from labeltui.hosts.agent.remote.processes import start_of
from tests.unit.hosts.agent_process import AgentProcess, wait_for

Start = Callable[..., AgentProcess]
BOOT = "boot"


def console(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "who": f"{name}@desk", "client_id": "labeltui", "program": "console", "read_only": False, **more,
    }  # fmt: skip


class Desk:
    """An agent's part in this process, with the id of a process that really runs and a clock of the test."""

    now = 1000.0

    def __init__(self, folder: Path, name: str, pid: int, boot: str = BOOT) -> None:
        self.consoles = Consoles(folder, boot, lambda: Desk.now)
        self.consoles.pid, self.consoles.start = pid, start_of(pid)
        self.consoles.path = self.consoles.directory / f"{pid}.json"
        self.me = console(name)

    def take(self, action: str = "Start the server", over: str | None = None) -> dict[str, Any] | None:
        return self.consoles.take(self.me, action, over)["holder"]

    def hear(self) -> None:
        self.consoles.hear()
        self.consoles.note()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def desks(tmp_path: Path, processes: list[subprocess.Popen[bytes]]) -> list[Desk]:
    Desk.now = 1000.0
    names = ("anna", "ben")
    return [Desk(tmp_path, name, one.pid) for name, one in zip(names, processes, strict=True)]


def test_the_second_gets_who_has_the_lease_since_when_and_for_what(desks: list[Desk]) -> None:
    anna, ben = desks
    assert anna.take() is None
    Desk.now += 7
    anna.hear()
    holder = ben.take("Stop the server")
    assert holder is not None
    assert (holder["who"], holder["action"], holder["action_age_s"]) == ("anna@desk", "Start the server", 7.0)
    assert holder["may_be_taken"] is False
    anna.consoles.release("Start the server")
    assert ben.take("Stop the server") is None


def test_one_console_may_do_two_things_and_frees_both(desks: list[Desk]) -> None:
    anna, ben = desks
    assert (anna.take("Start the server"), anna.take("Stop the server")) == (None, None)
    anna.consoles.release("Start the server")
    assert ben.take() is not None
    anna.consoles.release("Stop the server")
    assert ben.take() is None


def test_the_lease_of_an_agent_that_has_ended_is_free(
    desks: list[Desk], processes: list[subprocess.Popen[bytes]]
) -> None:
    anna, ben = desks
    anna.take()
    processes[0].kill()
    processes[0].wait()
    assert ben.take() is None
    assert not anna.consoles.path.exists()


def test_another_process_with_the_same_id_has_no_lease(desks: list[Desk]) -> None:
    anna, ben = desks
    anna.take()
    record = json.loads(anna.consoles.path.read_text())
    anna.consoles.path.write_text(json.dumps({**record, "start": "0"}))
    assert ben.take() is None


def test_a_silent_console_can_be_taken_over_and_its_lease_expires(desks: list[Desk]) -> None:
    anna, ben = desks
    anna.take()
    Desk.now += SILENT_S - 1
    ben.hear()
    assert ben.take(over="anna") is not None, "a console that may still answer was taken over"
    Desk.now += 2
    holder = ben.take()
    assert holder is not None, "nobody asked to take it over"
    assert holder["may_be_taken"]
    assert ben.take(over="anna") is None
    anna.consoles.release("Start the server")
    assert anna.take() is not None, "the release of the earlier holder freed the new holder's lease"


def test_the_lease_of_a_silent_console_expires(desks: list[Desk]) -> None:
    anna, ben = desks
    anna.take()
    Desk.now += EXPIRED_S + 1
    ben.hear()
    assert ben.take() is None


def test_a_console_that_is_heard_keeps_its_lease_until_it_is_stuck(desks: list[Desk]) -> None:
    anna, ben = desks
    anna.take("Set up MONAI Label")
    for _ in range(int(STUCK_S / HEARD_S) - 1):
        Desk.now += HEARD_S
        anna.hear()
    assert ben.take(over="anna") is not None
    Desk.now += HEARD_S
    anna.hear()
    Desk.now += HEARD_S
    anna.hear()
    assert ben.take(over="anna") is None


def test_a_console_that_connects_again_has_its_lease_still(
    tmp_path: Path, desks: list[Desk], processes: list[subprocess.Popen[bytes]]
) -> None:
    anna, ben = desks
    anna.take("Set up MONAI Label")
    again = Desk(tmp_path, "anna", os.getpid())
    assert again.take("Set up MONAI Label") is None, "its earlier agent, whose connection is lost, still runs"
    assert ben.take() is not None
    again.consoles.release("Set up MONAI Label")
    assert ben.take() is None


def test_a_record_of_an_earlier_boot_or_of_another_machine_does_not_count(
    tmp_path: Path, desks: list[Desk]
) -> None:
    anna = Desk(tmp_path, "anna", desks[0].consoles.pid, boot="earlier boot")
    anna.take()
    assert desks[1].take() is None
    assert anna.consoles.path.exists(), "the other machine may still use its record"


@pytest.mark.parametrize("text", ["", "[]", '{"id": "x"}', '{"leases": 1, "since": {}, "heard": null}', "\0"])
def test_a_damaged_record_does_not_count(desks: list[Desk], text: str) -> None:
    desks[0].consoles.directory.mkdir()
    desks[0].consoles.path.write_text(text)
    assert desks[1].take() is None
    assert desks[0].take() is not None


def test_consoles_are_listed_while_they_are_there(desks: list[Desk]) -> None:
    anna, ben = desks
    anna.consoles.enter(console("anna", read_only=True))
    Desk.now += 60
    (listed,) = ben.consoles.listed()["consoles"]
    assert (listed["who"], listed["read_only"], listed["age_s"], listed["silent_s"]) == (
        "anna@desk",
        True,
        60.0,
        60.0,
    )
    assert "action" not in listed
    assert anna.consoles.listed() == {"consoles": []}, "a console does not list itself"
    ben.take("Start training")
    assert anna.consoles.listed()["consoles"][0]["action"] == "Start training"
    ben.consoles.release("Start training")
    assert anna.consoles.listed() == {"consoles": []}, "a command is listed only while it has the lease"


def test_two_agents_and_the_end_of_one(start_agent: Start) -> None:
    one, two = start_agent(), start_agent()
    assert one.ask("lease.take", console=console("anna"), action="Start the server") == {"holder": None}
    holder = two.ask("lease.take", console=console("ben"), action="Start the server")["holder"]
    assert holder["who"] == "anna@desk"
    one.process.send_signal(signal.SIGKILL)
    wait_for(lambda: two.ask("lease.take", console=console("ben"), action="x")["holder"] is None, "the lease")
    assert two.close() == 0
    assert not list((two.folder / "consoles").glob("*.json")), "records were left behind"


@pytest.mark.slow
def test_of_two_that_start_the_server_at_once_exactly_one_does(start_agent: Start) -> None:
    agents = {"anna": start_agent(), "ben": start_agent()}
    for number in range(100):
        asked = {
            name: agent.send("lease.take", console=console(name), action="Start the server")
            for name, agent in (agents.items() if number % 2 else reversed(agents.items()))
        }
        holders = {name: agents[name].answer(asked[name])["ok"]["holder"] for name in agents}
        winners = [name for name, holder in holders.items() if holder is None]
        assert len(winners) == 1, (number, holders)
        (loser,) = set(agents) - set(winners)
        assert holders[loser]["id"] == winners[0]
        agents[winners[0]].ask("lease.release", action="Start the server")
