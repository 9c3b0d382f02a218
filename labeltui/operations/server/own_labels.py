"""Sets trained models aside that do not fit the server's next labels. The operator must agree first."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.monailabel.launch import ServerOptions, app_folder, expand
from labeltui.monailabel.own_labels import (
    files_of,
    is_pretrained,
    read_record,
    record_name,
    record_text,
    sized_by_labels,
)

if TYPE_CHECKING:
    from labeltui.hosts.agent.client import AgentClient
    from labeltui.operations.progress import Report
    from labeltui.session.session import Session

LONGEST_RECORD = 1 << 20  # bytes


async def fit_models_to_labels(
    session: Session, agent: AgentClient, options: ServerOptions, *, replace: bool, report: Report
) -> None:
    """Move away weights in the app's model folder that do not fit the labels.

    Raises Failed ``labels_changed`` without ``replace`` if a trained model does not fit. Earlier starts on this
    host recorded each model's labels. A model without a record has its app's labels.
    """
    app = app_folder(options.app, expand(options.folder, agent.hello.home), agent.hello.home)
    path = f"{expand(options.folder, agent.hello.home)}/run/{record_name(app)}"
    record = await _record(agent, path)
    models = sized_by_labels(options.models)
    changed = [model for model in models if record.get(model, ()) != options.labels]
    found = await _names_in(agent, f"{app}/model") if changed else ()
    stale = {model: files for model in changed if (files := files_of(model, found))}
    trained = [m for m, files in stale.items() if not all(map(is_pretrained, files))]
    if trained and not replace:
        raise _ask(trained, record, options.labels)
    if stale:
        await _set_aside(
            session, f"{app}/model", [name for files in stale.values() for name in files], report
        )
    if changed:
        record.update(dict.fromkeys(changed, options.labels))
        await agent.write(path, record_text(record))


async def _record(agent: AgentClient, path: str) -> dict[str, tuple[str, ...]]:
    try:
        return read_record(await agent.read(path, limit=LONGEST_RECORD))
    except Failed as error:
        if error.problem.code == Code.NOT_FOUND:
            return {}
        raise


async def _names_in(agent: AgentClient, folder: str) -> tuple[str, ...]:
    try:
        return await agent.list_folder(folder)
    except Failed as error:
        if error.problem.code == Code.NOT_FOUND:
            return ()
        raise


def _ask(trained: list[str], record: Mapping[str, tuple[str, ...]], labels: tuple[str, ...]) -> Failed:
    app = "the labels of its app"
    made = "; ".join(
        f"{model} was trained with {', '.join(record.get(model, ())) or app}" for model in trained
    )
    return Failed(
        Code.LABELS_CHANGED,
        f"{made}. That does not fit {', '.join(labels) or app}.",
        "To start with untrained models, add --replace-models (in the form, set replace_models): the trained ones are "
        "moved to a folder beside them. Submitted labels keep their numbers; each number then means a new label.",
    )


async def _set_aside(session: Session, folder: str, names: list[str], report: Report) -> None:
    host = await session.link.connected()
    target = f"{folder}/other-labels-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    paths = " ".join(shlex.quote(f"{folder}/{name}") for name in names)
    ran = await host.run(f"mkdir {shlex.quote(target)} && mv {paths} {shlex.quote(target)}/")
    if ran.exit_code:
        why = ran.stderr.decode("utf-8", "replace").strip()
        raise Failed(
            Code.NOT_WRITTEN, f"The earlier models could not be moved to {target}.", "Move them on the host.", why
        )  # fmt: skip
    report.progress(f"Moved {', '.join(names)} to {target}")
