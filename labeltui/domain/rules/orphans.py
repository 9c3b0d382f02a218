"""Which tasks outlived their server and may be ended by labeltui, and what ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.domain.states import BATCH_INFER, SCORING, TRAIN

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.server.server import OrphanTask
    from labeltui.domain.state import SessionState

STOPS = {TRAIN: "train stop", BATCH_INFER: "infer stop", SCORING: "score stop"}
KEYS = {
    TRAIN: "Stop training (t x)",
    BATCH_INFER: "Stop the batch inference (Q X)",
    SCORING: "Stop the scoring",
}


def own_orphans(state: SessionState, *tasks: str) -> tuple[OrphanTask, ...]:
    """Return the tasks of these kinds that outlived their server, and that labeltui may end."""
    found = state.server.value.orphans if state.server.value is not None else ()
    return tuple(one for one in found if one.ours and one.task in tasks)


def stopped_too(state: SessionState) -> str:
    """Return the inferences and scorings that a stop of the server ends, as sentences after its question."""
    batch = state.server.value.batch if state.server.value is not None else None
    done = f" ({batch[0]} of {batch[1]} studies done)" if batch is not None and batch[1] else ""
    running = [f" The running batch inference{done} is stopped too; the labels that it has stored stay."]
    return "".join(
        (running if batch is not None else [])
        + [
            f" The {one.named} of an earlier server is stopped too."
            for one in own_orphans(state, BATCH_INFER, SCORING)
        ]
    )
