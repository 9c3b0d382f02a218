"""A pod as a host: looked up at each connect, its key vouched for by its own log, one pin per container start."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labeltui.config.model import RunpodSection
from labeltui.domain.pod.pod import Pod, PodLogLine, PodStatus, SshEndpoint
from labeltui.domain.problems import Failed, Refused, Unreachable
from labeltui.hosts.base import HostKey, Prompter
from labeltui.session.pod.account import PodAccount
from labeltui.session.pod.host import PodHost, VouchedPrompter
from labeltui.session.runtime.state_folder import StateFolder

NOW = datetime(2026, 11, 23, 17, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 18, tzinfo=UTC)
KEY = "SHA256:" + "a" * 43
OTHER = "SHA256:" + "b" * 43
UP = Pod(
    "abc",
    "annot",
    PodStatus.RUNNING,
    LATER,
    ssh=SshEndpoint("203.0.113.7", 40022, "root"),
    started_at=NOW,
    uptime_s=3600,
)
YOUNG = replace(UP, read_at=NOW, uptime_s=5)


def printed(fingerprint: str) -> str:
    """As ssh-keygen prints it."""
    return f"256 {fingerprint} root@x (ED25519)"


class Asked:
    """A prompter that notes what it is asked, and says no."""

    def __init__(self, *, present: bool = True) -> None:
        self.present = present
        self.keys: list[str] = []
        self.shown: list[HostKey] = []

    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    def notice(self, text: str) -> None:
        return

    async def trust_host_key(self, key: HostKey) -> bool | None:
        self.keys.append(key.fingerprint)
        self.shown.append(key)
        return False if self.present else None


class Log:
    """A client that only has a container log."""

    def __init__(self, *lines: str, error: Exception | None = None) -> None:
        self.lines, self.error = ("SSH host keys:", *lines, "Start script(s) finished"), error

    async def recent_logs(self, _pod: str, _source: str, *, tail: int) -> tuple[PodLogLine, ...]:
        if self.error:
            raise self.error
        return tuple(PodLogLine("container", line) for line in self.lines)


class Found:
    """An account whose pod is ``pod``."""

    def __init__(self, pod: Pod, log: Log) -> None:
        self.name, self.section = "annot", RunpodSection(pod="annot")
        self.found, self.log = pod, log
        self.shown: list[Pod] = []
        self.pod = SimpleNamespace(learned=self.shown.append)
        self.events: list[tuple[str, str]] = []

    def report_event(self, kind: str, text: str) -> None:
        self.events.append((kind, text))

    async def find(self) -> Pod:
        return self.found

    async def client(self) -> Log:
        return self.log

    def wake(self) -> None:
        pass


class Connecting:
    """In place of SshHost: shows its host key to the prompter, and keeps it when it is trusted."""

    def __init__(self, address: str, known_hosts: Path, prompter: Prompter, fingerprint: str) -> None:
        self.address, self.known_hosts, self.prompter, self.fingerprint = (
            address,
            known_hosts,
            prompter,
            fingerprint,
        )

    async def connect(self) -> None:
        if self.known_hosts.exists():
            if self.known_hosts.read_text() != self.fingerprint:
                raise Refused("host_key_changed", "The key has changed.", "", self.fingerprint)
            return
        if not await self.prompter.trust_host_key(HostKey(self.address, "ed25519", self.fingerprint)):
            raise Refused("host_key_unknown", "no")
        self.known_hosts.write_text(self.fingerprint)

    async def close(self) -> None:
        pass


def host(tmp_path: Path, account: Found, asked: Asked, shows: list[str]) -> PodHost:
    def make(address: str, known_hosts: Path, prompter: Prompter) -> Any:
        return Connecting(address, known_hosts, prompter, shows[0])

    return PodHost(cast(PodAccount, account), StateFolder(tmp_path), asked, make)


async def test_without_a_terminal_a_key_that_contradicts_the_pods_log_is_refused_with_both(
    tmp_path: Path,
) -> None:
    asked = Asked(present=False)
    pod = host(tmp_path, Found(UP, Log(printed(KEY))), asked, ["SHA256:" + "z" * 43])
    with pytest.raises(Refused) as caught:
        await pod.connect()
    message = caught.value.problem.message
    assert "SHA256:" + "z" * 43 in message
    assert KEY in message
    assert ">>" not in caught.value.problem.hint


async def test_a_key_that_the_containers_log_shows_is_trusted_without_a_question(tmp_path: Path) -> None:
    asked = Asked()
    account = Found(UP, Log("noise", printed(KEY)))
    pod = host(tmp_path, account, asked, [KEY])
    await pod.connect()
    assert (pod.address, asked.keys) == ("root@203.0.113.7:40022", [])
    since = NOW.astimezone().strftime("%H:%M")
    assert account.events == [
        (
            "pinned",
            f"New container since {since}: its host keys are new, and the pod's log confirms them.",
        )
    ]
    await pod.connect()
    assert len(account.events) == 1  # the same container is no news


@pytest.mark.parametrize(
    "log", [Log("nothing here"), Log(error=Failed("x", "logs are down")), Log(printed(OTHER))]
)
async def test_any_other_key_is_asked_about(tmp_path: Path, log: Log) -> None:
    asked = Asked()
    with pytest.raises(Refused):
        await host(tmp_path, Found(UP, log), asked, [KEY]).connect()
    assert asked.keys == [KEY]
    assert asked.shown[0].because
    assert asked.shown[0].expected == ((OTHER,) if log.error is None and "SHA256" in log.lines[1] else ())


@pytest.mark.parametrize("log", [Log("nothing yet"), Log(printed(OTHER))])
async def test_a_young_container_is_tried_again_before_anybody_is_asked(tmp_path: Path, log: Log) -> None:
    asked = Asked()
    with pytest.raises(Unreachable) as error:
        await host(tmp_path, Found(YOUNG, log), asked, [KEY]).connect()
    assert error.value.problem.code == "pod_key_unseen"
    assert asked.keys == []


async def test_a_new_start_of_the_container_is_a_new_pin_and_the_same_one_is_not(tmp_path: Path) -> None:
    asked, shows = Asked(), [KEY]
    account = Found(UP, Log(printed(KEY)))
    pod = host(tmp_path, account, asked, shows)
    await pod.connect()
    account.log = Log()  # the key is pinned now: the log is not needed
    await pod.connect()

    shows[0] = OTHER
    with pytest.raises(Refused) as changed:
        await pod.connect()  # the same container with another key is not let in
    assert changed.value.problem.code == "host_key_changed"

    account.found, account.log = Pod(**{**_fields(UP), "started_at": LATER}), Log(printed(OTHER))
    await pod.connect()
    assert asked.keys == []


RESTARTED = replace(UP, uptime_s=600)  # in place: the pod's start is the same


async def test_a_container_that_was_restarted_in_place_is_pinned_again_if_its_log_vouches(
    tmp_path: Path,
) -> None:
    asked, shows = Asked(), [KEY]
    account = Found(UP, Log(printed(KEY)))
    pod = host(tmp_path, account, asked, shows)
    await pod.connect()
    shows[0], account.found, account.log = OTHER, RESTARTED, Log(printed(OTHER))
    await pod.connect()
    assert (asked.keys, pod.vouched) == ([], True)
    since = (LATER - timedelta(minutes=10)).astimezone().strftime("%H:%M")
    assert f"New container since {since}: " in account.events[1][1]
    await pod.connect()  # the new key is pinned
    assert len(account.events) == 2


@pytest.mark.parametrize("log", [Log(printed(KEY)), Log(), Log(error=Failed("x", "logs are down"))])
async def test_a_changed_key_that_the_log_does_not_show_is_refused_and_the_old_one_stays(
    tmp_path: Path, log: Log
) -> None:
    asked, shows = Asked(), [KEY]
    account = Found(UP, Log(printed(KEY)))
    pod = host(tmp_path, account, asked, shows)
    await pod.connect()
    shows[0], account.found, account.log = OTHER, RESTARTED, log
    for _ in range(2):
        with pytest.raises(Refused) as changed:
            await pod.connect()
        assert changed.value.problem.code == "host_key_changed"
    assert asked.keys == []
    shows[0] = KEY
    await pod.connect()
    assert len(account.events) == 1


async def test_a_changed_key_of_a_young_container_is_looked_up_again(tmp_path: Path) -> None:
    asked, shows = Asked(), [KEY]
    account = Found(UP, Log(printed(KEY)))
    pod = host(tmp_path, account, asked, shows)
    await pod.connect()
    shows[0], account.found, account.log = OTHER, replace(UP, uptime_s=5), Log()
    with pytest.raises(Unreachable) as unseen:
        await pod.connect()
    assert unseen.value.problem.code == "pod_key_unseen"
    account.log = Log(printed(OTHER))
    await pod.connect()
    assert asked.keys == []


async def test_keys_of_earlier_pods_are_deleted(tmp_path: Path) -> None:
    account = Found(UP, Log(printed(KEY)))
    pod = host(tmp_path, account, Asked(), [KEY])
    await pod.connect()
    account.found = replace(UP, id="xyz")
    await pod.connect()
    stored = await asyncio.to_thread(lambda: [file.name for file in tmp_path.glob("known_hosts*")])
    assert stored == ["known_hosts-xyz"]


@pytest.mark.parametrize(
    ("pod", "error", "code"),
    [
        (Pod("abc", "annot", PodStatus.STOPPED, NOW), Refused, "pod_stopped"),
        (Pod("abc", "annot", PodStatus.STARTING, NOW), Unreachable, "pod_starting"),
        (Pod("abc", "annot", PodStatus.RUNNING, NOW), Unreachable, "pod_starting"),
        (replace(UP, ssh=None, uptime_s=20), Unreachable, "pod_starting"),
        (replace(UP, ssh=None), Failed, "pod_no_address"),
    ],
)
async def test_a_pod_that_cannot_be_reached_says_what_to_do(
    tmp_path: Path, pod: Pod, error: type[Exception], code: str
) -> None:
    account = Found(pod, Log())
    with pytest.raises(error) as raised:
        await host(tmp_path, account, Asked(), [KEY]).connect()
    assert account.shown == [pod]
    assert raised.value.problem.code == code  # type: ignore[attr-defined]
    assert raised.value.problem.hint  # type: ignore[attr-defined]


async def test_secrets_are_asked_of_the_operator() -> None:
    assert await VouchedPrompter(Asked(), ()).secret("t", "p") is None


def _fields(pod: Pod) -> dict[str, Any]:
    return {name: getattr(pod, name) for name in pod.__dataclass_fields__}
