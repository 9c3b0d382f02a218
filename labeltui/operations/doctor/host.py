"""The doctor's checks of the host: labels, disk, GPU, server, tunnel, training."""

from __future__ import annotations

from labeltui.domain.checks import Check, Verdict
from labeltui.domain.host import URL_OPENS
from labeltui.domain.rules.ended_work import STOPS
from labeltui.domain.rules.volume import summed
from labeltui.domain.state import SessionState
from labeltui.domain.states import ServerState, TrainState, TunnelState
from labeltui.operations.doctor.disks import host_disk


def host_checks(state: SessionState) -> tuple[Check, ...]:
    """Return the checks of disk, GPU, server, tunnel and training, from readings that were just refreshed."""
    return _disk(state), _gpu(state), _server(state), _tunnel(state), _training(state)


def labels_check(state: SessionState) -> Check:
    """Check whether every label is copied to this machine."""
    copies = state.labels.value
    if copies is None or state.labels.error:
        why = state.labels.error or "the labels could not be counted"
        return Check("labels", Verdict.UNKNOWN, f"Whether the labels are copied is unknown: {why.rstrip('.')}.",
                     "Try again with `labeltui labels pull`.")  # fmt: skip
    if copies.safe and copies.skipped:
        return Check(
            "labels", Verdict.WARNING, f"The labels folder has an entry that is not a label: {copies.skipped[0]}.",
            "labeltui does not copy this entry. Move it away, or replace it by a file.",
        )  # fmt: skip
    if not copies.total and copies.safe:
        return Check("labels", Verdict.OK, "There are no labels yet.")
    if copies.safe:
        return Check("labels", Verdict.OK, f"{copies.whole_text} are on this machine.")
    why = f": {copies.reason}" if copies.reason else ""
    return Check(
        "labels", Verdict.WARNING, f"{copies.absent_text} not on this machine{why}.",
        copies.hint or "Copy the labels with `labeltui labels pull`.",
    )  # fmt: skip


def _disk(state: SessionState) -> Check:
    hint = "Models and labels need space: free some, or move the folder."
    return host_disk("disk", state.metrics.value, hint, summed(state))


def _gpu(state: SessionState) -> Check:
    load = state.metrics.value
    if load is None:
        return Check("gpu", Verdict.UNKNOWN, "The GPU's state is unknown.")
    if load.gpu_error:
        return Check(
            "gpu", Verdict.WRONG, f"nvidia-smi fails: {load.gpu_error}.", "Restart the machine or its driver."
        )
    if not load.gpus:
        return Check(
            "gpu",
            Verdict.WARNING,
            "No GPU: training and inference run on the CPU.",
            "Rent a GPU for 3D work.",
        )
    return Check("gpu", Verdict.OK, f"{', '.join(gpu.name for gpu in load.gpus)}.")


def _server(state: SessionState) -> Check:
    server = state.server.value
    if server is None:
        return Check("server", Verdict.UNKNOWN, "The server's state is unknown.")
    if server.problem is not None:
        return Check("server", Verdict.WRONG, server.problem.message, server.problem.hint)
    if server.state is ServerState.RUNNING:
        return Check("server", Verdict.OK, f"MONAI Label {server.version} answers.")
    return Check(
        "server",
        Verdict.WARNING,
        f"The server {server.state.clause}.",
        "Start it with `labeltui server start`.",
    )


def _tunnel(state: SessionState) -> Check:
    tunnel = state.tunnel.value
    if tunnel is not None and tunnel.problem is not None:
        return Check("tunnel", Verdict.WRONG, tunnel.problem.message, tunnel.problem.hint)
    if tunnel is None or tunnel.state is TunnelState.DOWN:
        return Check(
            "tunnel",
            Verdict.WARNING,
            "The tunnel is not open.",
            "labeltui opens it when the host is connected.",
        )
    if tunnel.state is TunnelState.OPEN:
        server = state.server.value
        if server is not None and server.state in (ServerState.STOPPED, ServerState.CRASHED):
            why = f"nothing answers through it, because the server {server.state.clause}"
        else:
            why = f"the server has not answered through it yet ({tunnel.detail or 'no request was made'})"
        return Check("tunnel", Verdict.OK, f"The tunnel is open; {why}.")
    reason = f" {tunnel.port_reason}" if tunnel.port_reason else ""
    opens = "" if tunnel.url_open else f" {URL_OPENS}"
    return Check(
        "tunnel",
        Verdict.OK,
        f"The server answers through the tunnel; Slicer's URL is {tunnel.url}{opens}.{reason}",
    )


NOT_OURS = "It runs from another folder, so labeltui does not end it: ask its user."


def _training(state: SessionState) -> Check:
    server, training = state.server.value, state.training.value
    orphans = server.orphans if server is not None else ()
    if orphans:
        ours = dict.fromkeys(orphan.task for orphan in orphans if orphan.ours)
        named = ", ".join(orphan.named for orphan in orphans)
        stops = ", ".join(f"`labeltui {STOPS[task]}`" for task in ours)
        return Check(
            "training", Verdict.WRONG if ours else Verdict.WARNING,
            f"Still at work although its server has ended: {named}.",
            f"End it with {stops}." if ours else NOT_OURS,
        )  # fmt: skip
    if training is None or training.state is TrainState.IDLE:
        return Check("training", Verdict.OK, "No training is running.")
    if training.problem is not None:
        return Check("training", Verdict.WARNING, training.problem.message, training.problem.hint)
    return Check("training", Verdict.OK, f"{training.model}: {training.state}.")
