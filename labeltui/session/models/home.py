"""Watches the host's models, and copies each one that a training has published to this machine."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from labeltui.config.model import ModelsSection, ServerSection
from labeltui.domain.failure_codes import Code
from labeltui.domain.models import HostModel, ModelCopy, ModelFile, Models, Weights, is_better
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.domain.states import ServerState, TrainState
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.base import Progress
from labeltui.monailabel.checkpoints import why_unreadable
from labeltui.monailabel.launch import app_folder, expand
from labeltui.monailabel.own_labels import OFF, read_record, record_name
from labeltui.monailabel.weights import downloads_weights, model_names, weight_files
from labeltui.session.connection.link import Link
from labeltui.session.models.folder import ModelFolder
from labeltui.session.models.served import Served
from labeltui.session.models.stats import published_stats, text_of
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, error_text
from labeltui.session.server.process import ServerWatch
from labeltui.session.server.run import OPTIONS
from labeltui.support.backoff import backoff_s

SLOW_S = 300.0
WATCH_S = 5.0
SETTLES_S = 1.0
ALERT = "models"
UNREADABLE = "unreadable_models"
UNTRAINED = "untrained_models"  # raised by the start of a server
WORKING = (TrainState.RUNNING, TrainState.QUEUED, TrainState.ORPHANED)


class ModelHome:
    """Writes the store's field ``models``. Attach :meth:`run` to the link to copy models as they are published."""

    def __init__(
        self,
        store: Store,
        link: Link,
        watch: ServerWatch,
        folder: ModelFolder,
        section: ModelsSection,
        server: ServerSection,
        clock: Clock,
        machine: Callable[[], str | None],
    ) -> None:
        """``machine`` returns the host's name if that is not its address (a pod's id), else None."""
        self.folder, self.section = folder, section
        self._store, self._field = store, store.own(Fields.models)
        self._link, self._watch, self._server = link, watch, server
        self._clock, self._machine = clock, machine
        self._wake = asyncio.Event()
        self._training: tuple[TrainState, str | None] | None = None
        self._run: tuple[object, ...] = ()
        self._under_way: list[str] = []  # models that are copied, or wait for another copy
        self._watched: dict[str, str] = {}  # the names of the files listed last, and their models
        store.subscribe(self._on_store)

    def wake(self) -> None:
        """List the models now."""
        self._wake.set()

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if Fields.training in changed and (training := state.training.value) is not None:
            before, self._training = self._training, (training.state, training.task_id)
            if before != self._training and training.state not in WORKING:
                self._wake.set()
        if Fields.server in changed and (server := state.server.value) is not None:
            run = (server.state, server.run_id, server.models)
            before_run, self._run = self._run, run
            if before_run != run:
                self._wake.set()

    async def run(self, agent: AgentClient) -> None:
        """List the models and copy those that the profile selects, until the agent is gone."""
        failures = 0
        while True:
            self._wake.clear()
            try:
                pending = await self.copy_due(agent)
                failures = 0
                self._store.dismiss(ALERT)
                self._update_alerts()
            except Unreachable:
                raise
            except LabeltuiError as error:
                pending, failures = False, failures + 1
                self._report(error)
            if failures or pending:
                await self._woken(backoff_s(failures) if failures else SETTLES_S)
            else:
                await self._changed(agent)

    async def _woken(self, wait_s: float) -> bool:
        """Wait for :meth:`wake`, at most ``wait_s`` seconds. Returns whether it came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        return self._wake.is_set()

    async def _changed(self, agent: AgentClient) -> None:
        """Wait until the models need to be listed: after :meth:`wake`, a change of their files, or some minutes.

        Other programs change files too, such as another labeltui that sends a model. Only sizes and times are
        compared, because a checksum reads the whole file. A training changes its model's file all the time, so
        after the first time that file counts only once the training has ended.
        """
        for _ in range(round(SLOW_S / WATCH_S)):
            if await self._woken(WATCH_S) or (models := self._field.value.value) is None:
                return
            first = {model.name for model in models.on_host if model.published is None}
            names = [
                name for name, model in self._watched.items() if model in first or not self.is_training(model)
            ]
            try:
                files = (await agent.list_models(models.root, names)).files if names else ()
            except Unreachable:
                raise
            except LabeltuiError:
                return
            known = [one for model in models.on_host for one in (model.published, model.pretrained) if one]
            if _versions(files) != _versions(one for one in known if one.name in names):
                return
            copies = await asyncio.to_thread(self.folder.copies)
            if (models := self._field.value.value) is not None and copies != models.copies:
                self._change(replace(models, copies=copies))

    async def copy_due(self, agent: AgentClient, *, at_end: bool = False) -> bool:
        """List the models and copy those that the profile selects.

        Returns whether a file is still being written. A model in training is copied when its training has
        ended. With ``at_end``, its pod ends now, so it is copied at once.
        """
        models, declined = await self._list(agent, self.served(agent)), list[str]()
        if self.section.copy_ == "never":
            return False
        for model in models.absent:
            changes = self.is_training(model.name) and not at_end
            if model.published is None or model.published.sha256 is None or changes:
                continue
            if self.section.copy_ == "best":
                best, _ = await published_stats(agent, models.root, model)
                if not is_better(best, models.copies_of(model.name)):
                    declined.append(model.name)
                    continue
            await self.copy(model)
        models = replace(self._field.value.value or models, declined=tuple(declined))
        self._change(models)
        return any(model.published and model.published.sha256 is None for model in models.on_host)

    def _update_alerts(self) -> None:
        """Alert to published models that no server can load. Dismiss alerts about models whose cause has ended."""
        models = self._field.value.value
        if models is not None and not any(one.weights is Weights.UNTRAINED for one in models.on_host):
            self._store.dismiss(UNTRAINED)
        faults = {} if models is None else {one.name: models.why_unreadable(one) for one in models.on_host}
        named = [f"{name} ({why})" for name, why in faults.items() if why]
        message = f"No server can load what the host has as trained model: {', '.join(named)}."
        if not named:
            self._store.dismiss(UNREADABLE)
        elif not any(one.message == message for one in self._store.state.alerts):
            hint = "Its inference fails with HTTP 500. `labeltui models push` sends another version (t m)."
            self._store.alert(Alert(UNREADABLE, Level.WARNING, message, hint, self._clock()))

    def _report(self, error: LabeltuiError) -> None:
        if (models := self._field.value.value) is not None:
            self._change(replace(models, reason=error.problem.message))
        message = f"Models of the host are not copied to this machine: {error_text(error).rstrip('.')}."
        self._store.alert(Alert(ALERT, Level.WARNING, message, error.problem.hint, self._clock()))

    async def lost(self, why: str) -> None:
        """Mark the last reading as old, because the connection was lost."""
        if self._field.value.value is not None:
            self.failed(why)

    def failed(self, why: str) -> None:
        """Mark the reading as old or, before the first one, as unknown, and give the reason."""
        self._field.write(self._field.value.failed(why))

    def is_training(self, model: str) -> bool:
        """Whether a training of this model may publish a newer version at any time."""
        training = self._store.state.training.value
        return training is not None and training.state in WORKING and training.model in (None, model)

    @property
    def own_labels(self) -> tuple[str, ...] | None:
        """The own labels that the running server was started with. None without a server that labeltui started."""
        if not self._started_with:
            return None
        names = str(self._started_with.get("labels") or OFF)
        return () if names == OFF else tuple(names.split(","))

    # --- what is on the host

    def served(self, agent: AgentClient) -> Served:
        """Return the app, models and configuration of the running server, else those of the profile.

        The app is empty, and its models are unknown, for a server that labeltui did not start and whose app is
        unknown.
        """
        server, home = self._store.state.server.value, agent.hello.home
        models = dict.fromkeys((*self._server.models, *(server.models if server is not None else ())))
        if server is not None and server.pid is None and server.state is ServerState.RUNNING:
            return Served(self._watch.app_folder or "", tuple(models), {})
        app = self._watch.app_folder or app_folder(self._server.app, expand(self._server.folder, home), home)
        started = self._started_with.get("conf")
        conf = {str(key): str(value) for key, value in started.items()} if isinstance(started, dict) else None
        return Served(app, tuple(models), self._server.conf if conf is None else conf)

    @property
    def _started_with(self) -> Mapping[str, Any]:
        """The options of the run that labeltui has started; empty if none runs."""
        stored = self._watch.meta.get(OPTIONS)
        return stored if isinstance(stored, dict) and self._watch.run.state == "running" else {}

    async def refresh(self, served: Served | None = None) -> Models:
        """List the models of ``served``, by default the server's app, as soon as the agent runs."""
        agent = await self._link.ready()
        return await self._list(agent, served or self.served(agent))

    async def _list(self, agent: AgentClient, served: Served) -> Models:
        files = [
            found
            for name in model_names(served.app, served.models)
            if (found := weight_files(served.app, name, served.conf)) is not None
        ]
        by_model = {one.model: one for one in files}
        self._watched = {name: one.model for one in files for name in (one.published, one.pretrained) if name}
        published = [one.published for one in by_model.values()]
        pretrained = [one.pretrained for one in by_model.values() if one.pretrained]
        if not by_model:
            copies = await asyncio.to_thread(self.folder.copies)
            models = Models("", self.source, str(self.folder.root), (), copies)
            self._publish(models)
            return models
        answer = await agent.list_models(f"{served.app}/model", published + pretrained, published)
        there: dict[str, ModelFile] = {one.name: one for one in answer.files}
        fetches = downloads_weights(served.app, served.conf)
        on_host = tuple(
            HostModel(
                name, one.published, there.get(one.published), there.get(one.pretrained), fetches,
                is_bundle=not one.pretrained,
            )
            for name, one in by_model.items()
        )  # fmt: skip
        copies = await asyncio.to_thread(self.folder.copies)
        models = Models(
            answer.root, self.source, str(self.folder.root), on_host, copies, real_root=answer.real_root
        )
        self._publish(models)
        return models

    def _publish(self, models: Models) -> None:
        self._field.write(self._field.value.succeeded(self._now(models), self._clock(), interval_s=SLOW_S))

    def _change(self, models: Models) -> None:
        """Replace the reading's value, but not its time, because the host was not asked."""
        self._field.write(replace(self._field.value, value=self._now(models)))

    def _now(self, models: Models) -> Models:
        """Return the models with the one that is copied now."""
        return replace(models, copying=self._under_way[-1] if self._under_way else "")

    @property
    def source(self) -> str:
        """The pod's id, or the host's address."""
        return self._machine() or self._link.host.address

    # --- copying

    async def copy(
        self, model: HostModel, progress: Progress | None = None, waiting: Callable[[], None] = lambda: None
    ) -> ModelCopy:
        """Copy the published file of a model that :meth:`refresh` has listed. A copy that exists is returned.

        ``waiting`` is called once if another labeltui copies. Raises Failed ``copy_failed`` if the file changed
        meanwhile, and the errors of the connection and of the disk.
        """
        models, file = self._field.value.value, model.published
        if models is None or file is None or file.sha256 is None:
            raise _changing(model.name)
        self._under_way.append(model.name)
        self._change(replace(models, reason=""))
        try:
            async with self.folder.locked(waiting):
                copies = await asyncio.to_thread(self.folder.copies)
                known = next((one for one in copies if one.sha256 == file.sha256), None)
                return known or await self._fetch(models.root, model, file, progress)
        finally:
            self._under_way.remove(model.name)
            await self.refresh_copies()

    async def _fetch(
        self, root: str, model: HostModel, file: ModelFile, progress: Progress | None
    ) -> ModelCopy:
        agent, host = await self._link.ready(), await self._link.connected()
        arrived = self.folder.incoming(file.sha256 or "")
        await host.download(posixpath.join(root, file.name), arrived, progress=progress)
        now = (await agent.list_models(root, [file.name], [file.name])).files
        if not now or now[0].sha256 != file.sha256:
            arrived.unlink(missing_ok=True)
            raise _changing(model.name)
        best, stats = await published_stats(agent, root, model)
        copy = ModelCopy(
            model.name, file.name, file.sha256 or "", file.size, _moment(file.mtime_ns), self._clock(), self.source, "",
            (await self.labels(agent, root)).get(model.name, ()), best,
            await asyncio.to_thread(why_unreadable, arrived),
        )  # fmt: skip
        return await asyncio.to_thread(self.folder.place, arrived, copy, stats)

    async def refresh_copies(self) -> None:
        """Read the versions on this machine again."""
        if (models := self._field.value.value) is not None:
            copies = await asyncio.to_thread(self.folder.copies)
            self._change(replace(models, copies=copies))

    async def labels(self, agent: AgentClient, root: str) -> dict[str, tuple[str, ...]]:
        """Fetch the operator's own labels that models on the host were trained with, by model."""
        return read_record(await text_of(agent, self.record_path(agent, root)))

    def record_path(self, agent: AgentClient, root: str) -> str:
        """Return the path of the host's file with the models' own labels."""
        app = posixpath.dirname(root.rstrip("/"))
        return f"{expand(self._server.folder, agent.hello.home)}/run/{record_name(app)}"


def _versions(files: Iterable[ModelFile]) -> set[tuple[str, int, int]]:
    return {(one.name, one.size, one.mtime_ns) for one in files}


def _moment(mtime_ns: int) -> datetime:
    return datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)


def _changing(model: str) -> Failed:
    return Failed(
        Code.COPY_FAILED, f"The host writes the model {model} now.", "Copy it again once its training has ended."
    )  # fmt: skip
