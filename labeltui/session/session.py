"""An annotation session: one host, its server, and the parts that watch both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from labeltui.config.model import Profile
from labeltui.domain.log.events import Event
from labeltui.domain.rules.pod import pod_has_ended
from labeltui.domain.state import Alert, Identity, Level, SessionState
from labeltui.hosts.base import Host, Shell
from labeltui.session.alerts import Alerts
from labeltui.session.clients import Clients
from labeltui.session.connection.consoles import Consoles
from labeltui.session.connection.link import Link
from labeltui.session.connection.load import HostLoad
from labeltui.session.connection.shells import Shells
from labeltui.session.connection.tunnel import Tunnel
from labeltui.session.day import DayWatch
from labeltui.session.demo import DemoPod
from labeltui.session.history.alerts import AlertHistory
from labeltui.session.history.costs import CostHistory
from labeltui.session.history.database import Database
from labeltui.session.history.invitations import InvitationHistory
from labeltui.session.history.journal import Journal
from labeltui.session.history.studies import StudyHistory
from labeltui.session.history.trainings import TrainingHistory
from labeltui.session.invitations import InvitationWatch
from labeltui.session.labels.choice import LabelTransports
from labeltui.session.labels.copier import LabelCopier
from labeltui.session.labels.folder import LabelFolder
from labeltui.session.labels.readings import ReadingsKeeper
from labeltui.session.log.store import LogStore
from labeltui.session.models.folder import ModelFolder
from labeltui.session.models.home import ModelHome
from labeltui.session.pod.account import Access, PodAccount
from labeltui.session.pod.events import PodWatch
from labeltui.session.pod.guard import GuardSettings, GuardWatch
from labeltui.session.pod.proxy_shell import ProxyShells
from labeltui.session.pod.spending import Spending
from labeltui.session.pod.stops import PodStops
from labeltui.session.readiness import Readiness
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.state_folder import StateFolder, copies_folder
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock, Supervisor
from labeltui.session.server.began import SessionStart
from labeltui.session.server.client import ServerApi
from labeltui.session.server.found import FoundWatch
from labeltui.session.server.last_training import LastTraining
from labeltui.session.server.orphans import OrphanWatch
from labeltui.session.server.pollers import Pollers
from labeltui.session.server.prepared import PreparedWatch
from labeltui.session.server.process import ServerWatch
from labeltui.session.server.remote_log import RemoteLog
from labeltui.session.server.trainings import EarlierRuns, TrainingRecorder
from labeltui.session.studies.cut_off import CutOffWatch
from labeltui.session.studies.worklist import WorklistWatch

RECALLED = timedelta(hours=12)  # a study that was fetched earlier is not open any more

Hook = Callable[["Session"], Coroutine[Any, Any, None]]


def utc_now() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)


class Session:
    """Builds the parts of a session and connects them to each other. Nothing runs before :meth:`start`.

    ``host`` creates the host; the account that it gets finds a pod's address. ``on_reached`` runs each time the
    host is connected, if the session holds the tunnel's fixed local port. ``autostart`` runs once, after the
    start.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        host: Callable[[PodAccount], Host],
        state: StateFolder,
        *,
        read_only: bool = False,
        pod: DemoPod | None = None,
        clock: Clock = utc_now,
        config: Path | None = None,
        proxy_shells: Callable[[PodAccount], ProxyShells] | None = None,
        on_reached: Hook | None = None,
        autostart: Hook | None = None,
        clients: Clients | None = None,
    ) -> None:
        self.name, self.profile, self.read_only, self.pod, self.clock = name, profile, read_only, pod, clock
        self.config, self.state_folder, self.started = config, state, False
        self.demo = pod.scenario if pod is not None else None
        demo, rents = self.demo or "", profile.host == "runpod"
        identity = Identity(name, read_only, pod is not None, demo, rents, profile.client_id)
        self.store = Store(SessionState(identity))
        self.log = LogStore()
        clients = clients or Clients()
        self._build_history()
        self._build_connection(host, proxy_shells, clients)
        self._build_server(clients)
        self._build_copies()
        self._build_watches()
        self._supervisor = Supervisor()
        self._on_reached, self._autostart = on_reached, autostart
        self._watching_pod = False
        self._wire()

    def _build_history(self) -> None:
        self.history = Database(self.state_folder)
        self.journal = Journal(self.history)
        self.alert_history = AlertHistory(self.store, self.history, self.clock)
        self.trainings = TrainingHistory(self.store, self.history)
        self.study_history = StudyHistory(self.history)

    def _build_connection(
        self,
        host: Callable[[PodAccount], Host],
        proxy_shells: Callable[[PodAccount], ProxyShells] | None,
        clients: Clients,
    ) -> None:
        """Build the account, and the parts of the connection to the host."""
        profile, server, pod = self.profile, self.profile.server, self.pod
        access = Access(*pod.account) if pod is not None and pod.account is not None else None
        self.account = PodAccount(
            self.store, self.clock, profile.runpod, access, clients.runpod, demo=pod is not None
        )
        self.pod_stops = PodStops(self.state_folder, self.clock, self.account)
        self.link = Link(host(self.account), self.name, server.folder, server.python, self.store, self.clock)
        self.consoles = Consoles(self.store, self.link, self.clock)
        self.shells = Shells(
            self.link.connected, profile.shell, self.name, read_only=self.read_only,
            proxy=None if proxy_shells is None else proxy_shells(self.account).open,
        )  # fmt: skip
        self.tunnel = Tunnel(self.store, self.state_folder, server.port, self.clock, hold=True)

    def _build_server(self, clients: Clients) -> None:
        """Build the parts that watch the server and its trainings."""
        self.watch = ServerWatch(
            self.store, self.log, self.clock, lambda: self.tunnel.status.url, lambda: self.tunnel.problem,
            self.pod_stops.explain,
        )  # fmt: skip
        self.api = ServerApi(self.tunnel, self.profile.client_id, clients.server)
        self.pollers = Pollers(
            self.store, self.watch, self.tunnel, self.clock, self.api.client,
            settings=self.profile.server, client_id=self.profile.client_id,
            studies=self.study_history,
            agent=lambda: self.link.agent,
            ready=self.link.ready,
            last_training=LastTraining(self.state_folder),
        )  # fmt: skip
        self.worklist = WorklistWatch(
            self.store, lambda: self.watch.meta, lambda: self.link.agent, self.clock, self.profile.client_id
        )
        self._recorder = TrainingRecorder(self.store, self.watch, self.trainings)
        self._began = SessionStart(self.store, self.journal, self.clock)
        self.earlier_runs = EarlierRuns(self.store, self.watch, self.trainings, self.profile.server.folder)
        self._remote_log = RemoteLog(self.store, self.watch, self.api.client)
        self.readiness = Readiness(self.store, self.link, self.pollers, self.watch)

    def _build_copies(self) -> None:
        """Build the parts that copy labels and models to this machine."""
        transports = LabelTransports(
            self.store, self.profile, self.link, self.api.client,
            lambda: self.account.pod_id, lambda: self.watch.pid, lambda: self.watch.meta,
        )  # fmt: skip
        self.segs, self.dicomweb = transports.segs, transports.dicomweb
        self.labels = LabelCopier(
            self.store, self.profile.labels, LabelFolder(self._copies("labels")), self.state_folder, transports,
            self.clock,
        )  # fmt: skip
        self.models = ModelHome(
            self.store, self.link, self.watch, ModelFolder(self._copies("models")), self.profile.models,
            self.profile.server, self.clock, lambda: self.account.pod_id,
        )  # fmt: skip
        self.readings = ReadingsKeeper(
            self.store, self.labels, self.worklist, self.pollers.queue, self.api.client, self.clock
        )  # fmt: skip

    def _build_watches(self) -> None:
        """Build the parts that watch pod, host and cost. The alerts come last, so that they get the others' changes."""
        self.spending = Spending(self.store, self.account, CostHistory(self.history), self.clock)
        self.guard = GuardWatch(
            self.store, self.link, self.account, self.journal, self.clock,
            GuardSettings.of(self.profile, read_only=self.read_only),
        )  # fmt: skip
        self.invitations = InvitationWatch(
            self.store, self.link, InvitationHistory(self.history), self.clock,
            local=self.profile.host == "local",
        )  # fmt: skip
        self._load = HostLoad(self.store, self.clock, self.profile.server.folder)
        self._orphans = OrphanWatch(self.store, self.watch)
        self._prepared = PreparedWatch(self.store, self.profile.server, self.clock)
        self.day = DayWatch(self.store, self.journal, self.state_folder, self.clock)
        self._cut_off = CutOffWatch(self.store, self.profile.server)
        self._found = FoundWatch(self.store, self.watch, self.profile.server.port)
        self._alerts = Alerts(self.store, self.clock, self.pod_stops, self.labels.folder.has_final)
        self.pod_watch = PodWatch(
            self.store, self.clock, self.state_folder, self.account, self.link, self.pod_stops
        )

    def _wire(self) -> None:
        self.store.subscribe(self._on_store)
        self.history.on_problem = lambda why: self._alerts.history_problem(why, self.state_folder.folder)
        self.watch.on_event.add(self._on_event)
        self.watch.on_problem.append(self._alerts.log_problem)
        self.watch.on_run.append(self._alerts.dismiss_log_problems)
        self.link.on_arrival(self.tunnel.open)
        self.link.on_arrival(self._poll_all)
        watches = (self._load, self.invitations, self.models, self.consoles)
        for lost in (self.tunnel.close, self._host_lost, *(watch.lost for watch in watches)):
            self.link.on_departure(lost)
        for name, run in {
            "server": self.watch.attach, "metrics": self._load.run, "volume": self._load.sum_volume,
            "prepared": self._prepared.run, "orphans": self._orphans.run, "found server": self._found.run,
            "guard": self.guard.run, "studies": self.pollers.listing.folder.run,
        }.items():  # fmt: skip
            self.link.attach(name, run)
        self.labels.on_copied.append(self.guard.on_copied)
        self.labels.on_reported.append(self.segs.on_reported)
        self.segs.on_stored = self.labels.on_stored

    def _copies(self, kind: Literal["labels", "models"]) -> Path:
        """Return the folder for copies. The demo's folder is deleted with the demo."""
        chosen = getattr(self.profile, kind).folder
        if chosen:
            return Path(chosen).expanduser()
        return self.state_folder.folder / kind if self.pod is not None else copies_folder(kind, self.name)

    async def start(self, *, hold: bool = True) -> None:
        """Start connecting and polling in the background. Returns at once.

        With ``hold``, as for a console, the session takes the tunnel's fixed local port and copies labels. A
        command does neither.
        """
        self.tunnel.hold, self.started = hold, True
        await self.journal.load()
        self.day.refresh()
        await self.trainings.load()
        await self.spending.load()
        self.pollers.annotators.recall(await self.study_history.load(self.clock() - RECALLED))
        if (problem := self.state_folder.problem) is not None:
            self.store.alert(
                Alert("state folder", Level.WARNING, problem.message, problem.hint, self.clock())
            )
        if hold:
            self.alert_history.begin()
            self.link.attach("consoles", self.consoles.run)
            self.link.attach("earlier runs", self.earlier_runs.run)
            self.link.attach("DICOM SEGs", self.segs.run)
            self.link.attach("models", self.models.run)
            self.link.attach("cut-off images", self._cut_off.run)
            if self.pod is None:  # the demo's host is this machine, whose own keys it leaves alone
                self.link.attach("invitations", self.invitations.run)
        self._supervisor.run("link", self.link.run)
        for poller in self.pollers.all:
            self._supervisor.run(poller.name, poller.run)
        self._supervisor.run("worklist", self.worklist.poller.run)
        self._supervisor.run("remote log", self._remote_log.run)
        if hold:
            self._supervisor.run("labels", self.labels.run)
            if not self.read_only:
                self._supervisor.run("second readings", self.readings.run)
            self.link.on_arrival(self._run_on_reached)
        if self.profile.host == "runpod" and hold:
            self.pod_watch.begin(store=True)
            self.watch_pod()
            self._supervisor.run("account", self.account.balance.run)
            self._supervisor.run("spending", self.spending.run)
        if self._autostart is not None:
            autostart = self._autostart
            self.readiness.first_steps = self._supervisor.run("autostart", lambda: autostart(self))

    async def reach(self, deadline_s: float) -> Host:
        """Return the connected host. Starts the session if necessary. Raises the errors of Link.connected."""
        if not self.started:
            await self.start(hold=False)
        return await self.link.connected(deadline_s)

    def watch_pod(self) -> None:
        """Poll the pod from now on."""
        if not self._watching_pod:
            self._watching_pod = True
            self._supervisor.run("pod", self.account.pod.run)

    def watch_pods(self) -> Callable[[], None]:
        """Poll the list of all pods until the returned function is called."""
        task = self._supervisor.run("pods", self.account.pods.run)

        def stop() -> None:
            task.cancel()

        return stop

    async def close(self) -> None:
        """Stop polling and disconnect. Programs on the host continue to run, except on the demo's pod."""
        await self._supervisor.close()
        await self.api.close()
        await self.account.close()
        await self.history.close()
        self.state_folder.close()
        if self.pod is not None:
            await self.pod.close()

    async def open_shell(self, columns: int, rows: int, command: str | None = None) -> Shell:
        """Open a shell as soon as the host is connected. The shell ends with the connection."""
        return await self.shells.plain(columns, rows, command)

    def reconnect(self) -> None:
        """Connect now instead of waiting for the back-off."""
        self.link.reconnect()

    async def hold_tunnel(self) -> None:
        """Take the tunnel's fixed local port, in a session that was started without it."""
        host = await self.link.connected()
        if await self.tunnel.hold_port(host):
            self.pollers.wake()

    async def _poll_all(self, _host: Host) -> None:
        self.pollers.wake()
        self.labels.wake()

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        if changed & {Fields.host, Fields.pod} and pod_has_ended(state):
            # Not here, because the other subscribers have not had this change yet.
            asyncio.get_running_loop().call_soon(self.watch.pod_ended)

    def _on_event(self, event: Event) -> None:
        if self.watch.caught_up:  # skip events in earlier lines of the log
            self.labels.on_event(event)
            self.worklist.on_event(event)

    async def _run_on_reached(self, _host: Host) -> None:
        if self._on_reached is not None:
            await self._on_reached(self)

    async def _host_lost(self, why: str) -> None:
        self.watch.host_lost(why)
        if self.store.state.labels.value is not None:
            self.labels.failed(why)
