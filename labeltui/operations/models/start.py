"""Sends models from this machine before a server starts, and reports models that are untrained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.models import HostModel, Models, Weights
from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.domain.state import Alert, Level
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.launch import ServerOptions, app_folder, expand
from labeltui.operations.models.push import Sent, send, version_of
from labeltui.session.models.home import UNTRAINED
from labeltui.session.models.served import Served

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

NEWEST = "newest"


async def send_models(
    session: Session, agent: AgentClient, options: ServerOptions, wanted: str, report: Report
) -> None:
    """Send models from this machine that the host does not have, before the server starts.

    ``wanted`` is ``newest``, or the first digits of a version. Raises Failed ``no_model`` if nothing fits, and Refused
    ``exists`` if a chosen version would replace a published model.
    """
    models = await session.models.refresh(_served(agent, options))
    found: list[tuple[HostModel, Sent]] = []
    for model in models.on_host:
        sent = version_of(models, model, None if wanted == NEWEST else wanted, options.labels)
        if sent is not None and (model.published is None or model.published.sha256 != sent.sha256):
            found.append((model, sent))
    for model, sent in found:
        if model.published is None:
            await send(session, models, model, sent, report)
        elif wanted == NEWEST:
            report.progress(f"The host has a trained {model.name}, so {sent.shown} stays here")
        else:
            raise Refused(
                Code.EXISTS, f"The host has a trained {model.name}, which {sent.shown} would replace.",
                f"`labeltui models push {model.name} --version {sent.sha256[:12]}` replaces it.",
            )  # fmt: skip
    if not found:
        report.progress(
            f"No model is sent: this machine has no version ({wanted}) that the host lacks and can load"
        )


async def report_weights(session: Session, options: ServerOptions, report: Report) -> None:
    """Report which models of the server are untrained, and whether this machine has a trained version.

    Raises nothing.
    """
    session.store.dismiss(UNTRAINED)
    try:
        agent = await session.link.ready()
        models = await session.models.refresh(_served(agent, options))
    except LabeltuiError:
        return
    untrained = [model for model in models.on_host if model.weights is Weights.UNTRAINED]
    offered = [offer for model in models.on_host if (offer := _offer(models, model, options.labels))]
    if untrained:
        names, verb = " and ".join(model.name for model in untrained), "is" if len(untrained) == 1 else "are"
        because = "no pretrained weights fit your labels" if options.labels else "the host has no weights"
        message = f"{names} {verb} untrained: {because}."
        hint = "Auto segmentation gives noise until a training has published a model."
        hint = " ".join((hint, *offered))
        report.progress(f"{message} {hint}")
        session.store.alert(Alert(UNTRAINED, Level.INFO, message, hint, session.clock()))
        return
    for offer in offered:
        report.progress(offer)


def _offer(models: Models, model: HostModel, labels: tuple[str, ...]) -> str:
    """Return a sentence with the newest version on this machine, for a model that was not trained on the host."""
    copy = (
        models.newest_for(model, labels) if model.weights in (Weights.UNTRAINED, Weights.PRETRAINED) else None
    )
    if copy is None:
        return ""
    return (
        f"This machine has {model.name} of {copy.named}: t m sends it (`labeltui models push {model.name}`)."
    )


def _served(agent: AgentClient, options: ServerOptions) -> Served:
    home = agent.hello.home
    app = app_folder(options.app, expand(options.folder, home), home)
    return Served(app, options.models, options.conf)
