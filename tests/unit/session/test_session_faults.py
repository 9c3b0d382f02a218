"""A session over RunPod, whatever goes wrong and in whatever order, in virtual time.

Never two pods, nothing terminated that was not confirmed, no poller that stops, no secret in any message.
"""

from __future__ import annotations

import logging
import os
import tempfile
import traceback
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncssh
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from labeltui.config.model import Profile
from labeltui.domain.pod.pod import PodStatus
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.hosts.base import HostKey, Prompter
from labeltui.operations.run import run_action
from labeltui.sandbox.runpod.world import events
from labeltui.sandbox.runpod.world.refusals import Refusal
from labeltui.sandbox.runpod.world.world import World
from labeltui.session.clients import Clients
from labeltui.session.pod.host import PodHost
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from tests.actions import RecordingReport
from tests.fakes.account import KEY, EmulatedAccount
from tests.fakes.containers import fingerprint
from tests.virtual_time import VirtualLoop

NAME = "annot"
GPU = "RTX A5000"
LONGEST_SILENCE_S = 600.0
FAULTS = (
    "no_capacity", "no_resources", "over_limit", "something_wrong", "image_refused", "stuck_pulling", "slow_start",
    "host_full", "zero_gpu", "fails_to_start", "stale_address", "no_ports", "no_fingerprints", "terminate_ignored",
    "hidden", "short_pages", "runtime_null", "answer_lost", "cut", "hang", "garbage", "log_cut",
)  # fmt: skip
STATUSES = (400, 401, 402, 403, 404, 409, 410, 422, 429, 500, 502, 503)
SHAPES = ("problem", "error", "message", "empty", "html")
ELSEWHERE = (
    "stopped_elsewhere", "started_elsewhere", "restarted_elsewhere", "host_failed", "gpu_taken", "gpu_freed",
    "address_changed", "pull_goes_on", "deleted_elsewhere", "migrated",
)  # fmt: skip
DESTROY = ("deleted_elsewhere", "migrated")


class NobodyThere:
    """Refuses what it is asked."""

    async def secret(self, title: str, prompt: str) -> str | None:
        return None

    def notice(self, text: str) -> None:
        return

    async def trust_host_key(self, key: HostKey) -> bool:
        return False


class UnreachableSsh:
    """The SSH endpoint of an emulated pod. With the right address and host key, it does not answer."""

    loopback = False

    def __init__(self, world: World, address: str, prompter: Prompter) -> None:
        self._world, self._address, self._prompter = world, address, prompter

    async def connect(self) -> None:
        port = int(self._address.rpartition(":")[2])
        pod = next((p for p in self._world.pods.values() if p.mapping.get(22) == port), None)
        if pod is None:
            raise Unreachable("refused", "The connection was refused.", "It is tried again.")
        shown = fingerprint(pod, "ED25519")
        key = HostKey(self._address, "ssh-ed25519", shown)
        if not await self._prompter.trust_host_key(key):
            raise Failed("host_key", "The host key is not trusted.", "Look at it.")
        raise Unreachable("no_sshd", "The pod is emulated.", "There is nothing behind it.")

    async def close(self) -> None:
        """Nothing was opened."""


class Console(RuleBasedStateMachine):
    """One operator, one account, and a great deal of bad luck."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.account = EmulatedAccount(self.loop.time)
        self.world = self.account.world
        self.folder = tempfile.TemporaryDirectory()
        self.may_go: set[str] = set()
        self.said: list[str] = []
        self.crashes: list[str] = []
        self.handler = _Collect(self.said, self.crashes)
        logging.getLogger().addHandler(self.handler)

    @initialize()
    def open(self) -> None:
        """A profile whose pod is not there yet."""
        self.patches = [
            patch.dict(os.environ, {"RUNPOD_API_KEY": KEY}),
        ]
        for one in self.patches:
            one.start()
        public = Path(self.folder.name, "key.pub")
        public.write_text(asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode())
        profile = Profile.model_validate(
            {"host": "runpod", "runpod": {"pod": NAME, "key": str(public.with_suffix(""))}}
        )
        state = StateFolder(Path(self.folder.name) / "state")
        prompter = NobodyThere()

        def ssh(address: str, _known_hosts: Path, prompter: Prompter) -> Any:
            return UnreachableSsh(self.world, address, prompter)

        self.session = Session(
            "p",
            profile,
            lambda account: PodHost(account, state, prompter, ssh),
            state,
            clock=self.world.clock.now,
            clients=Clients(runpod=self.account.client),
        )
        self.session.store.subscribe(lambda state, changed: self.said.append(repr(state.alerts)))
        self.run(self.session.start())
        self.ticking = self.loop.create_task(self.account.run())

    def run(self, work: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(work)

    @rule(
        action=st.sampled_from(
            ["pod.create", "pod.create", "pod.start", "pod.stop", "pod.restart", "pod.terminate"]
        ),
        confirmed=st.booleans(),
        after=st.sampled_from([0.0, 2.0, 30.0, None]),
    )
    def act(self, action: str, confirmed: bool, after: float | None) -> None:
        """An action, confirmed or not; with ``after`` the operator cancels it so many seconds later."""
        if action == "pod.terminate" and confirmed:
            self.may_go |= {pod.id for pod in self.world.pods.values() if pod.spec.name == NAME}
        params = {"gpu": GPU, "max_price": 1.0} if action == "pod.create" else {}
        self.run(self.do(action, params, confirmed, after))

    async def do(self, action: str, params: dict[str, Any], confirmed: bool, after: float | None) -> None:
        from asyncio import timeout

        report = RecordingReport()
        try:
            async with timeout(after):
                document = await run_action(self.session, action, params, report, confirmed=confirmed)
            self.said.append(str(document))
        except TimeoutError:
            pass
        except LabeltuiError as error:
            self.said.append("".join(traceback.format_exception(error)) + repr(error.problem))
        self.said += report.texts

    @rule(name=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def something_goes_wrong(self, name: str, times: int) -> None:
        self.world.faults.arm(name, times=times)

    @rule(status=st.sampled_from(STATUSES), shape=st.sampled_from(SHAPES), times=st.integers(1, 4))
    def runpod_answers(self, status: int, shape: str, times: int) -> None:
        more: dict[str, Any] = {"retry_after": 3} if status == 429 else {}
        self.world.faults.arm("status", times=times, status=status, shape=shape, detail=f"no {KEY}", **more)

    @rule(event=st.sampled_from(ELSEWHERE))
    def somebody_else(self, event: str) -> None:
        for pod in list(self.world.pods.values()):
            if event in DESTROY:
                self.may_go.add(pod.id)
            if event == "migrated" and pod.status != "RUNNING":
                continue
            if event == "started_elsewhere" and pod.status != "EXITED":
                continue
            with suppress(Refusal):  # RunPod may refuse the other user too: no GPU, no credit
                events.happen(self.world, event, pod=pod.id)

    @rule(seconds=st.sampled_from([1.0, 10.0, 60.0, 900.0]))
    def time_passes(self, seconds: float) -> None:
        from asyncio import sleep

        pollers = (self.session.account.pod, self.session.account.balance)
        before = [poller.attempts for poller in pollers]
        self.run(sleep(seconds))
        if seconds >= LONGEST_SILENCE_S:
            assert all(poller.attempts > n for poller, n in zip(pollers, before, strict=True)), (
                "a poller is dead"
            )

    @invariant()
    def never_two_pods(self) -> None:
        assert sum(pod.spec.name == NAME for pod in self.world.pods.values()) <= 1

    @invariant()
    def nothing_goes_unconfirmed(self) -> None:
        assert set(self.world.gone) <= self.may_go

    @invariant()
    def nothing_crashes(self) -> None:
        assert not self.crashes, self.crashes[0]

    @invariant()
    def no_secret_is_shown(self) -> None:
        session = getattr(self, "session", None)
        if session is not None:
            self.said += [repr(session.store.state), repr(session.journal.entries)]
        assert not any(KEY in text for text in self.said)
        self.said.clear()

    def teardown(self) -> None:
        """Once the bad luck ends, the pod is found, or said to be gone."""
        logging.getLogger().removeHandler(self.handler)
        if not hasattr(self, "session"):
            return
        self.world.faults.clear()
        self.run(self.session.store.wait_for(self.says_what_is, 3600))
        self.ticking.cancel()
        self.run(self.session.close())
        for one in self.patches:
            one.stop()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        self.folder.cleanup()

    def says_what_is(self, state: Any) -> bool:
        there = next((pod for pod in self.world.pods.values() if pod.spec.name == NAME), None)
        if there is None:
            gone = state.pod.value is not None and state.pod.value.status is PodStatus.TERMINATED
            return gone or state.pod.error is not None
        return state.pod.value is not None and state.pod.error is None and state.pod.value.id == there.id


class _Collect(logging.Handler):
    def __init__(self, said: list[str], crashes: list[str]) -> None:
        super().__init__()
        self._said, self._crashes = said, crashes

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(self.format(record))
        if record.exc_info and record.name.startswith("labeltui.session"):
            self._crashes.append(self.format(record))


EXAMPLES = int(os.environ.get("LABELTUI_EXAMPLES", "12"))
# A task that never waits for anything stops this loop's time and fills the memory. An exception in it would only be the
# result of that example, so the process is ended, with its stack.
TestConsole = pytest.mark.timeout(60 + EXAMPLES, method="thread")(Console.TestCase)
TestConsole.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking plays of hours takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
