"""Six situations that an operator meets, as pictures: in each one thing must be seen before everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest

from labeltui.domain.host import Prepared
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.money import Account
from labeltui.domain.state import Alert, Identity, Level, SessionState
from labeltui.domain.studies.study import StudyQueue
from labeltui.ui.app import NEWS_S
from tests.ui.fake_session import LOG, FakeSession, ago, console, crashed, fresh, stopped
from tests.ui.sample_pods import with_pod
from tests.ui.test_snapshots import MIDDLE, PROMPT, SMALL, Compare, before

lines = LOG.splitlines(keepends=True)
LOGS = {"crash": LOG, "first-minute": b"", "all-well": b"".join(lines[:2] + lines[-1:])}
"""What the server has printed; in the other situations, what it prints while all is well."""
HERE = LabelCopies(14, 14, "/home/ana/labels")


def all_well() -> SessionState:
    state = with_pod()
    assert state.queue.value is not None
    calm = tuple(one._replace(fetches=one.fetches[:1], review="") for one in state.queue.value.studies)
    return replace(
        state, identity=Identity("liver-ct", rents=True), labels=fresh(HERE), alerts=(),
        queue=fresh(StudyQueue(len(calm), state.queue.value.completed, calm)),
    )  # fmt: skip


def alarmed(state: SessionState, *alert: str, level: Level = Level.ERROR) -> SessionState:
    """The state with one alert (key, message, hint) that is no longer news."""
    key, message, hint = alert
    return replace(state, alerts=(Alert(key, level, message, hint, ago(NEWS_S + 30)),))


def crash() -> SessionState:
    state = crashed()
    return alarmed(
        replace(all_well(), server=state.server, training=state.training, queue=state.queue, info=state.info,
                log_errors=1),
        "server", "The server ran out of GPU memory.", "Use a smaller spatial_size.",
    )  # fmt: skip


def collision() -> SessionState:
    return alarmed(
        replace(all_well(), queue=with_pod().queue), "shared:liver_081",
        "liver_081 is open at two annotators (ana, ben).",
        "Ask one of them to fetch another study.", level=Level.WARNING,
    )  # fmt: skip


def money_low() -> SessionState:
    state = replace(all_well(), account=fresh(Account(Decimal("0.40"), Decimal("0.27"))))
    return alarmed(
        state, "balance", "The credit of $0.40 ends in 1 h 29 min; RunPod then deletes the pod and its disk.",
        "Pay in, or copy everything and stop the pod.",
    )  # fmt: skip


def copy_failed() -> SessionState:
    reason = "no space left on this machine"
    copies = replace(HERE, here=11, reason=reason, hint="Free some space in /home/ana/labels.", stuck=3)
    return alarmed(
        replace(all_well(), labels=fresh(copies)), "labels", f"3 labels are not copied to this machine: {reason}.",
        copies.hint,
    )  # fmt: skip


def first_minute() -> SessionState:
    state = stopped()
    return replace(all_well(), server=state.server, tunnel=state.tunnel, queue=state.queue, info=state.info,
                   training=state.training, labels=fresh(LabelCopies(0, 0)),
                   prepared=fresh(Prepared(True, True)))  # fmt: skip


SITUATIONS: Mapping[str, Callable[[], SessionState]] = {
    "all-well": all_well, "crash": crash, "collision": collision, "money-low": money_low,
    "copy-failed": copy_failed, "first-minute": first_minute,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeSession, "prompt", f"root@{PROMPT} ".encode())


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_eye_goes_first_to_what_needs_a_decision(
    snap_compare: Compare, situation: str, size: tuple[int, int]
) -> None:
    app = console(SITUATIONS[situation](), log=LOGS.get(situation, LOGS["all-well"]))
    if situation == "first-minute":
        cast("FakeSession", app._given).state_folder.documents.clear()  # the next step is not hidden
    assert snap_compare(app, terminal_size=size, run_before=before())
