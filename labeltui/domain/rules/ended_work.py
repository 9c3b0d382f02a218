"""What ends or is lost when a server or a pod is stopped: its training, inferences, scorings and models, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.domain.rules.label_risk import lost_with
from labeltui.domain.states import BATCH_INFER, SCORING, TRAIN, TrainState

if TYPE_CHECKING:  # keeps first paint light
    from labeltui.domain.pod.pod import Pod
    from labeltui.domain.server.server import OrphanTask
    from labeltui.domain.state import SessionState
    from labeltui.domain.training.record import TrainingRecord

ENDS = (TrainState.RUNNING, TrainState.QUEUED, TrainState.ORPHANED)
MOST = 5
STOPS = {TRAIN: "train stop", BATCH_INFER: "infer stop", SCORING: "score stop"}
KEYS = {
    TRAIN: "Stop training (t x)",
    BATCH_INFER: "Stop the batch inference (Q X)",
    SCORING: "Stop the scoring",
}


def work_note(state: SessionState, action: str) -> str:
    """Sentences on the training that ends and the models that are lost; empty if there is nothing to lose."""
    pod = state.pod.value
    if pod is None:
        return ""
    return " ".join(
        note for note in (_training_note(state, pod, action), _models_note(state, pod, action)) if note
    )


def _training_note(state: SessionState, pod: Pod, action: str) -> str:
    training = state.training.value
    if training is None or training.state not in ENDS:
        return ""
    of = f"The training of {training.model}" if training.model else "A training"
    at = f" (epoch {training.epoch} of {training.total_epochs or '?'})" if training.epoch is not None else ""
    stays = pod.network_volume_id or (action != "terminate" and pod.volume_disk_gb > 0)
    lost = "its current epoch" if stays else "everything it has learned"
    more = f" Queued trainings are lost too ({training.queued})." if training.queued else ""
    return f"{of}{at} ends, and {lost} is lost.{more}"


def _models_note(state: SessionState, pod: Pod, action: str) -> str:
    since, home, read_at = pod.created_at, state.models.value, state.models.as_of
    listed = {home.path_of(model): model for model in home.on_host} if home is not None else {}
    if home is None or home.source != pod.id:
        listed = {}
    here = {path for path, model in listed.items() if home is not None and home.is_here(model)}
    trained = {  # the newest training of each file
        home.listed_path(record.model_file) if home is not None else record.model_file: record
        for record in state.trainings
        if record.model_file and (since is None or record.started_at >= since)
        if lost_with(pod, action, record.model_file)
    }
    named = [
        _named(record)
        for path, record in trained.items()
        if path not in here
        or (record.ended_at is not None and read_at is not None and read_at < record.ended_at)
    ]
    named += [
        f"{model.name} ({path})"
        for path, model in listed.items()
        if path not in here and path not in trained and lost_with(pod, action, path)
    ]
    if not named:
        return ""
    more = f" and {len(named) - MOST} more" if len(named) > MOST else ""
    return f"Models that were trained on the pod are not on this machine: {', '.join(named[-MOST:])}{more}."


def _named(record: TrainingRecord) -> str:
    best = f"{record.best.metric} {record.best.value:.3f}, " if record.best is not None else ""
    return f"{record.model} ({best}{record.model_file})"


def own_orphans(state: SessionState, *tasks: str) -> tuple[OrphanTask, ...]:
    """Return the tasks of these kinds that outlived their server, and that labeltui may end."""
    found = state.server.value.orphans if state.server.value is not None else ()
    return tuple(one for one in found if one.ours and one.task in tasks)


def stopped_too(state: SessionState) -> str:
    """Return the inferences and scorings that a stop of the server ends, as sentences after its question."""
    batch = state.server.value.batch if state.server.value is not None else None
    done = f" ({batch.done} of {batch.total} studies done)" if batch is not None and batch.total else ""
    running = [f" The running batch inference{done} is stopped too; the labels that it has stored stay."]
    return "".join(
        (running if batch is not None else [])
        + [
            f" The {one.named} of an earlier server is stopped too."
            for one in own_orphans(state, BATCH_INFER, SCORING)
        ]
    )
