"""``models push`` and ``models rollback``: sends weights to the host, where the server's app loads them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltui.actions.models import ModelsPushParams, ModelsRollbackParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.models import HostModel, ModelCopy, Models
from labeltui.domain.problems import Failed, Misused
from labeltui.domain.states import ServerState
from labeltui.hosts.transfer import local_sum
from labeltui.monailabel.checkpoints import why_unreadable
from labeltui.monailabel.own_labels import record_text
from labeltui.monailabel.weights import WeightFiles, weight_files
from labeltui.operations.copying import RECONNECT_S, Furthest, until_copied
from labeltui.operations.models.commands import copy_here, known_model, of_model
from labeltui.operations.models.download import fetch_weights
from labeltui.operations.models.transfer import Target, delete_parts, send_file
from labeltui.session.runtime.fields import Fields

if TYPE_CHECKING:
    from labeltui.hosts.agent.client import AgentClient
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session


@dataclass(frozen=True, slots=True)
class Sent:
    """Weights to send.

    ``name`` is their path below the host's model folder. ``labels`` are the label names of the training.
    """

    path: Path
    sha256: str
    name: str
    labels: tuple[str, ...]
    shown: str


async def models_push(session: Session, params: ModelsPushParams, report: Report) -> Document:
    """Send a version, a file or pretrained weights to the host. A server that runs loads them at its next inference.

    A published file that they replace is copied to this machine first. Raises Failed ``unknown_model``,
    ``no_model``, ``no_file``, ``checksum``, ``labels_changed``, ``unreadable``, ``already_training`` or
    ``download_failed``, and a copy's errors.
    """
    models, model = await _found(session, params)
    if params.pretrained:
        sent = await _pretrained(session, model, params.sha256, report)
    else:
        sent = await _stored(session, models, model, params)
    return await send(session, models, model, sent, report)


async def before_push(session: Session, given: Mapping[str, Any]) -> str:
    """Raise the error of a ``models push`` with these parameters that would send nothing. Downloads nothing."""
    params = ModelsPushParams.of(given)
    models, model = await _found(session, params)
    if params.pretrained:
        await _pretrained_files(session, model)
    else:
        await _refuse_unfit(session, model, await _stored(session, models, model, params))
    return ""


async def before_rollback(session: Session, given: Mapping[str, Any]) -> str:
    """Raise the error of a ``models rollback`` with these parameters that would send nothing."""
    models = await _listed(session)
    model = known_model(models, ModelsRollbackParams.of(given).model)
    await _refuse_unfit(session, model, await _version_before(models, model))
    return ""


async def models_rollback(session: Session, params: ModelsRollbackParams, report: Report) -> Document:
    """Send the version before the host's present one. Raises Failed ``no_model`` if there is none on this machine."""
    models = await _listed(session)
    model = known_model(models, params.model)
    return await send(session, models, model, await _version_before(models, model), report)


async def _version_before(models: Models, model: HostModel) -> Sent:
    """Return the version before the host's present one. Raises Failed ``no_model``, and ``checksum`` if it changed."""
    present = None if model.published is None else model.published.sha256
    copies = models.copies_of(model.name)
    at = next((number for number, copy in enumerate(copies) if copy.sha256 == present), len(copies))
    if at == 0:
        raise Failed(
            Code.NO_MODEL, f"There is no version of {model.name} before the present one on this machine.",
            "`labeltui models list` lists the versions; `labeltui models push` sends any of them."
            if copies
            else "A version comes here after each training, or by `labeltui models pull`.",
        )  # fmt: skip
    sent = _sent(copies[at - 1], model)
    await _checked(sent.path, sent.sha256)
    return sent


async def send(session: Session, models: Models, model: HostModel, sent: Sent, report: Report) -> Document:
    """Send weights, unless the host has them.

    A published file that they replace is copied to this machine first. The host's file is replaced in one step,
    after the checksum of the received file was compared. After a lost connection the rest is sent. Raises Failed
    ``unreadable`` for a file that PyTorch can't load.
    """
    await _refuse_unfit(session, model, sent)
    if sent.name == model.file and model.published is not None and not models.is_here(model):
        report.progress(f"Copying the present {model.name} to this machine first")
        await copy_here(session, model, report)
    target = Target.of(f"{models.root}/{sent.name}")
    is_new = False

    furthest = Furthest(of_model(report, f"Sending {sent.shown}"))

    async def attempt() -> None:
        nonlocal is_new
        agent, host = await session.link.ready(RECONNECT_S), await session.link.connected()
        if not await _is_there(agent, models.root, sent):
            is_new = True
            await send_file(host, agent, sent.path, target, furthest)
        if sent.name == model.file:
            record = await session.models.labels(agent, models.root)
            record[model.name] = sent.labels
            await agent.write(session.models.record_path(agent, models.root), record_text(record))
        await session.models.refresh()

    try:
        await until_copied(attempt, lambda: furthest.done, report)
    except Failed:
        await delete_parts(session, target.folder)
        raise
    await delete_parts(session, target.folder)
    path = f"{target.folder}/{target.name}"
    return {
        "as_of": documents.moment(session.clock()),
        "model": model.name,
        "sent": is_new,
        "sha256": sent.sha256,
        "file": path,
        "message": f"{path} is {sent.shown}; a running server loads it at its next inference"
        if is_new
        else f"{sent.shown} was there already",
    }


async def _is_there(agent: AgentClient, root: str, sent: Sent) -> bool:
    """Whether the host has these weights under their name."""
    files = (await agent.list_models(root, (sent.name,), (sent.name,))).files
    return any(file.sha256 == sent.sha256 for file in files)


def version_of(
    models: Models, model: HostModel, version: str | None, labels: tuple[str, ...] | None = None
) -> Sent | None:
    """Return the newest version on this machine, or the version whose checksum begins with ``version``.

    None if there is none. Only versions that the host can load as this model count; with ``labels``, only those
    trained with these own labels.
    """
    found = [
        copy
        for copy in models.copies_of(model.name)
        if copy.file == model.file and copy.sha256.startswith((version or "").lower())
        if labels is None or copy.labels == labels
    ]
    return _sent(found[-1], model) if found and (version is None or len(found) == 1) else None


def _sent(copy: ModelCopy, model: HostModel) -> Sent:
    return Sent(Path(copy.path), copy.sha256, model.file, copy.labels, f"{copy.model} of {copy.named}")


async def _listed(session: Session) -> Models:
    state = await session.readiness.settled()
    if state.server.value is not None and state.server.value.state is ServerState.RUNNING:
        await session.readiness.first_readings(Fields.training)
    return await session.models.refresh()


def _chosen(models: Models, model: HostModel, version: str | None) -> Sent:
    sent = version_of(models, model, version)
    if sent is None:
        which = "version of" if version is None else f"single version {version} of"
        raise Failed(
            Code.NO_MODEL, f"This machine has no {which} {model.name} that the host loads as {model.file}.",
            "`labeltui models list` lists the versions on this machine.",
        )  # fmt: skip
    return sent


async def _found(session: Session, params: ModelsPushParams) -> tuple[Models, HostModel]:
    """Return the listed models and the one that gets the weights. Raises Misused, and Failed ``unknown_model``."""
    if sum((bool(params.version), bool(params.file), params.pretrained)) > 1:
        raise Misused(Code.BAD_PARAMETER, "Give one of --version, --file and --pretrained.")
    models = await _listed(session)
    return models, known_model(models, params.model)


async def _stored(session: Session, models: Models, model: HostModel, params: ModelsPushParams) -> Sent:
    """Return the file or the version on this machine that is sent, with its checksum compared."""
    if params.file is not None:
        path = _local(params.file)
        digest = await _checked(path, params.sha256)
        return Sent(path, digest, model.file, session.profile.server.labels, path.name)
    sent = _chosen(models, model, params.version)
    await _checked(sent.path, params.sha256 or sent.sha256)
    return sent


async def _pretrained(session: Session, model: HostModel, sha256: str | None, report: Report) -> Sent:
    files = await _pretrained_files(session, model)
    path, digest = await fetch_weights(session.models.folder, files.url, sha256, report)
    return Sent(path, digest, files.pretrained, (), f"pretrained weights of {model.name}")


async def _pretrained_files(session: Session, model: HostModel) -> WeightFiles:
    """Return names and URL of a model's pretrained weights. Raises Failed ``labels_changed`` and ``no_model``."""
    served = session.models.served(await session.link.ready())
    files = weight_files(served.app, model.name, served.conf)
    own = session.models.own_labels
    if session.profile.server.labels if own is None else own:
        raise Failed(
            Code.LABELS_CHANGED, f"No pretrained weights of {model.name} fit your own labels.",
            "Train the model, or send one that was trained with these labels.",
        )  # fmt: skip
    if files is None or not files.url:
        raise Failed(
            Code.NO_MODEL, f"There are no pretrained weights to send for {model.name}: a bundle brings its own.",
            "Send a file with --file.",
        )  # fmt: skip
    return files


async def _refuse_unfit(session: Session, model: HostModel, sent: Sent) -> None:
    """Raise Failed for weights that the host's server could not use, or that a training would replace."""
    _refuse_other_labels(session, model, sent)
    await _refuse_unreadable(sent)
    if session.models.is_training(model.name):
        raise Failed(
            Code.ALREADY_TRAINING, f"{model.name} is being trained, and the training would replace what is sent.",
            "Wait until it has ended, or stop it first.",
        )  # fmt: skip


def _refuse_other_labels(session: Session, model: HostModel, sent: Sent) -> None:
    """Raise Failed ``labels_changed`` if the running server was started with other own labels."""
    labels = session.models.own_labels
    if labels is None or sent.name != model.file or labels == sent.labels:
        return
    own, now = (", ".join(names) or "the labels of its app" for names in (sent.labels, labels))
    raise Failed(
        Code.LABELS_CHANGED, f"{sent.shown} was trained with {own}, and the server runs with {now}.",
        "Start the server with the labels of the model, or send another version.",
    )  # fmt: skip


async def _refuse_unreadable(sent: Sent) -> None:
    if why := await asyncio.to_thread(why_unreadable, sent.path):
        raise Failed(
            Code.UNREADABLE, f"{sent.shown} is not sent, because no server can load it: {why}.",
            "Send weights that torch.save or torch.jit.save has written, or another version.",
        )  # fmt: skip


def _local(file: str) -> Path:
    return Path(file).expanduser()


async def _checked(path: Path, sha256: str | None) -> str:
    """Return a local file's checksum. Raises Failed ``no_file``, and ``checksum`` if it is not ``sha256``."""
    try:
        digest = await asyncio.to_thread(local_sum, path, None)
    except OSError as error:
        raise Failed(Code.NO_FILE, f"{path} can't be read: {error.strerror}.", "Check the path.") from None
    if sha256 is not None and digest != sha256.lower():
        raise Failed(
            Code.CHECKSUM, f"{path} is not the expected file: its SHA-256 is {digest}.", "Copy or download it again."
        )  # fmt: skip
    return digest
