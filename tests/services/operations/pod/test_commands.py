"""From no pod to a pod that is worked on, and back, against the emulated RunPod."""

from __future__ import annotations

import pytest

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.states import LinkState
from labeltui.session.session import Session
from tests.actions import RecordingReport, run_confirmed
from tests.services.emulated_session import GPU


@pytest.mark.slow
async def test_rent_reach_stop_start_terminate(session: Session) -> None:
    with pytest.raises(LabeltuiError, match="no pod 'annot'"):
        await run_confirmed(session, "pod.show")
    offers = (await run_confirmed(session, "pod.gpus"))["gpus"]
    assert next(o for o in offers if o["name"] == GPU)["secure"] is not None

    report = RecordingReport()
    pod = await run_confirmed(session, "pod.create", report, gpu=GPU, max_price=1.0)
    assert (pod["name"], pod["status"]) == ("annot", "running")
    assert f"Renting {GPU} as annot" in report.lines
    await session.link.ready(30)
    assert session.store.state.host.value is not None
    assert session.store.state.host.value.state is LinkState.CONNECTED

    again = await run_confirmed(session, "pod.create", gpu=GPU, max_price=1.0)
    assert again["id"] == pod["id"]
    assert len((await run_confirmed(session, "pod.list"))["pods"]) == 1

    stopped = await run_confirmed(session, "pod.stop")
    assert stopped["status"] == "stopped"
    assert float(stopped["cost_per_hour"]) > 0
    state = await session.store.wait_for(lambda s: s.host.value.state is LinkState.REFUSED, 40)
    assert "is stopped" in state.host.value.detail  # type: ignore[union-attr]

    started = await run_confirmed(session, "pod.start")
    assert started["ssh"] != pod["ssh"] or started["started_at"] != pod["started_at"]
    await session.link.ready(30)

    assert (await run_confirmed(session, "pod.terminate"))["status"] == "terminated"
    assert (await run_confirmed(session, "pod.list"))["pods"] == []
