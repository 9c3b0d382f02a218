"""A rented host that is unreachable because of its pod: the texts name the reason and the key that helps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from labeltui.domain.host import HostStatus
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.reading import Reading
from labeltui.domain.rules.conditions import not_connected
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import LinkState
from labeltui.ui.panes.shell.words import Phase, standing
from labeltui.ui.presentation.absence import absence
from labeltui.ui.presentation.strip import facts, strip_line
from labeltui.ui.presentation.words import Tone
from tests.ui.fake_session import NOW, ago, console, fresh, settled, wait_for
from tests.ui.sample_pods import OWN, STOPPED, with_pod
from tests.ui.screen_text import rows

MADE = replace(OWN, status=PodStatus.PROVISIONING, ssh=None, uptime_s=None)
STARTING = replace(MADE, status=PodStatus.STARTING)
SILENT = replace(OWN, ssh=None)
GONE = replace(STOPPED, status=PodStatus.TERMINATED, actions=())
NO_POD = "There is no pod 'annot-demo' in this account."
WAITS = HostStatus(
    "annot", "ssh", "annot-demo", LinkState.CONNECTING, ago(3), NO_POD, NOW + timedelta(seconds=8)
)
REFUSED = replace(WAITS, state=LinkState.REFUSED, detail="The pod annot is stopped. Start it with p s.")


def without_host(pod: Pod, host: HostStatus) -> SessionState:
    """A session on RunPod whose host is away, as the connection reports it."""
    reading = replace(fresh(host), error=host.detail)
    return SessionState(Identity("annot", rents=True), reading, pod=fresh(pod))


def of_host(state: SessionState) -> Any:
    return next(fact for fact in facts(state, NOW) if fact.names[0] == "host")


PANES = 5  # pod, shell, log, queue and training: all of them wait for it
CASES = [
    (MADE, WAITS, "host ◌ pod starting", "wait", "looking for a machine"),
    (STARTING, WAITS, "host ◌ pod starting", "wait", "pulls its image"),
    (SILENT, WAITS, "host ◌ pod starting", "wait", "SSH address"),
    (STOPPED, REFUSED, "host ○ offline, pod stopped", "off", "The pod is stopped."),
    (GONE, REFUSED, "host ○ offline, pod gone", "off", "The pod was terminated."),
]


@pytest.mark.parametrize(("pod", "host", "long", "short", "reason"), CASES)
def test_the_strip_says_what_the_pod_does_to_the_host(
    pod: Pod, host: HostStatus, long: str, short: str, reason: str
) -> None:
    state = without_host(pod, host)
    fact = of_host(state)
    assert fact.at(0).plain == long
    assert fact.texts[2] == short
    assert fact.tone in (Tone.BUSY, Tone.FAINT)
    assert not fact.old
    why = absence(state)
    assert why is not None
    assert reason in why.reason
    narrow = strip_line(state, NOW, 80)
    assert "refused" not in narrow.plain
    assert "0s" not in narrow.plain


def test_where_the_pod_explains_nothing_the_connection_speaks_for_itself() -> None:
    assert absence(without_host(OWN, WAITS)) is None  # it has an address
    assert absence(without_host(replace(STOPPED, status=PodStatus.UNKNOWN), WAITS)) is None
    assert absence(replace(without_host(OWN, WAITS), pod=Reading())) is None  # nothing was read yet
    assert absence(with_pod(STOPPED)) is None  # it is connected, whatever RunPod says
    elsewhere = replace(without_host(STOPPED, REFUSED), identity=Identity("annot"))
    assert absence(elsewhere) is None  # the pod is watched, the host is another machine


async def test_where_there_is_no_pod_every_pane_says_that_and_none_says_to_connect() -> None:
    state = replace(without_host(OWN, WAITS), pod=Reading(error=f"{NO_POD} Make a new pod."))
    assert of_host(state).at(0).plain == "host ◌ waiting for the pod"
    app = console(state, log=b"")
    async with app.run_test(size=(200, 60)) as pilot:
        await settled(pilot)
        await wait_for(
            pilot, lambda: screen(app).count("There is no pod") == PANES, "the reason in every pane"
        )
        assert "tries again now" not in screen(app)


def test_an_old_reading_of_the_pod_is_marked_as_old() -> None:
    state = without_host(MADE, WAITS)
    assert of_host(replace(state, pod=fresh(MADE, old=90.0))).old == "1m"


@pytest.mark.parametrize(
    ("pod", "host", "wanted", "never"),
    [
        (
            MADE,
            WAITS,
            ("RunPod is looking for a machine", "then connects to it"),
            (NO_POD, "p c", "next try"),
        ),
        (
            STOPPED,
            REFUSED,
            ("The pod is stopped.", "p s starts it."),
            ("refused", "p c", "no automatic retry"),
        ),
    ],
)
async def test_every_pane_that_waits_for_the_host_says_the_same(
    pod: Pod, host: HostStatus, wanted: tuple[str, ...], never: tuple[str, ...]
) -> None:
    app = console(without_host(pod, host), log=b"")
    async with app.run_test(size=(200, 60)) as pilot:
        await settled(pilot)
        await wait_for(pilot, lambda: screen(app).count(wanted[0]) == PANES, "the reason in every pane")
        assert wanted[1] in screen(app)
        for one in never:
            assert one not in screen(app).replace(footer(app), "")


def screen(app: Any) -> str:
    lines = rows(app)
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


def footer(app: Any) -> str:
    return screen(app).splitlines()[-1]


def test_a_shell_that_went_with_its_pod_offers_no_key_that_cannot_help() -> None:
    why = absence(without_host(STOPPED, REFUSED))
    ended = "the connection was lost"
    assert standing(Phase.LOST, ended, 0, in_tmux=True, absent=why) == f"✕ {ended}: the pod is stopped"
    assert standing(Phase.LOST, ended, 0, in_tmux=True).endswith(
        "the shell continues in tmux · enter reconnects now"
    )


def test_what_needs_the_host_is_disabled_because_of_the_pod() -> None:
    assert not_connected(without_host(STOPPED, REFUSED)) == "the pod is stopped"
    assert not_connected(without_host(OWN, WAITS)) == "the host is not connected"
