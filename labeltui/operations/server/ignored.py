"""Reports options of a server that have no effect. It reads the source of the app on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeltui.domain.problems import LabeltuiError
from labeltui.domain.state import Alert, Level
from labeltui.hosts.agent.client import AgentClient
from labeltui.monailabel.app_options import APPS, MAIN, MODELS_FOLDER, without_effect
from labeltui.monailabel.launch import ServerOptions

if TYPE_CHECKING:
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

ALERT = "ignored_options"
LONGEST_SOURCE = 1 << 20  # bytes


async def report_ignored(session: Session, options: ServerOptions, folder: str, report: Report) -> None:
    """Report options that the app in ``folder`` does not read, also as an alert.

    Does nothing if the app can't be read.
    """
    session.store.dismiss(ALERT)
    if options.app not in APPS or not options.conf:
        return
    try:
        sources = await _sources(await session.link.ready(), options, folder)
    except LabeltuiError:
        return
    names = without_effect(options.conf, sources)
    if not names:
        return
    verb, them = ("has", "it") if len(names) == 1 else ("have", "them")
    served = f"{options.app} with {', '.join(options.models)}" if options.models else options.app
    message = f"{' and '.join(names)} {verb} no effect: {served} does not read {them}."
    hint = f"Remove {them} from `conf`."
    report.progress(message)
    session.store.alert(Alert(ALERT, Level.WARNING, message, hint, session.clock()))


async def _sources(agent: AgentClient, options: ServerOptions, folder: str) -> dict[str, str]:
    """Read the app's main file and the files of its models. The models of ``monaibundle`` have none."""
    paths = [MAIN]
    if options.app == "radiology":
        names = [f"{model}.py" for model in options.models]
        if "all" in options.models:
            names = [
                name for name in await agent.list_folder(f"{folder}/{MODELS_FOLDER}") if name.endswith(".py")
            ]
        paths += [f"{MODELS_FOLDER}/{name}" for name in names]
    read = {path: await agent.read(f"{folder}/{path}", limit=LONGEST_SOURCE) for path in paths}
    return {path: source.decode("utf-8", "replace") for path, source in read.items()}
