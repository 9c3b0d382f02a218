"""Raises alerts for changes that need the operator, and for the end of long work."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from labeltui.domain.guard.rules import span
from labeltui.domain.log.meaning import Meaning
from labeltui.domain.money import Account
from labeltui.domain.pod.pod import Pod, PodStatus
from labeltui.domain.problems import Problem
from labeltui.domain.rules.ended_work import KEYS
from labeltui.domain.rules.pod import pod_has_ended
from labeltui.domain.server.server import ServerStatus
from labeltui.domain.state import Alert, Level, SessionState
from labeltui.domain.states import LinkState, ServerState, TrainState
from labeltui.domain.studies.datastore import NAMELESS
from labeltui.domain.studies.study import FINAL_TAG, Study, Submission, changed_studies
from labeltui.domain.studies.worklist import Worklist
from labeltui.domain.text import one_line
from labeltui.domain.training.training import LOSS, TrainStatus
from labeltui.runpod.lifecycle import balance_problem, pod_problem, public_problem
from labeltui.session.pod.stops import PodStops
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Changed, Store
from labeltui.session.runtime.supervise import Clock

LOG = "log:"

LONGEST_CACHE_S = 60
OPEN = timedelta(hours=8)
WARN_HOURS, URGENT_HOURS = Decimal(8), Decimal(2)


class Alerts:
    """Compares each snapshot with the previous one, and raises or dismisses alerts."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        stops: PodStops | None = None,
        is_copied: Callable[[str, Submission], bool] = lambda _study, _label: True,
    ) -> None:
        """``is_copied`` returns whether a final label of a study is on this machine."""
        self._store, self._clock, self._stops, self._is_copied = store, clock, stops, is_copied
        self._before = store.state
        self._orphans: frozenset[int] = frozenset()
        self._shared: dict[str, tuple[str, ...]] = {}
        self._held: dict[str, str] = {}  # the message, by study
        self._replaced: dict[str, Submission] = {}  # the newest, by study
        self._studies: tuple[Study, ...] = ()
        store.subscribe(self._on_store)

    def _on_store(self, state: SessionState, changed: Changed) -> None:
        before, self._before = self._before, state
        if changed & {Fields.host, Fields.pod} and pod_has_ended(state):
            self._store.dismiss("host")  # the host is expected to be unreachable, and the pod pane says why
        elif Fields.host in changed:
            self._host(before, state)
        if Fields.server in changed:
            self._server(before, state)
        if Fields.training in changed:
            self._training(before, state)
        if Fields.queue in changed:
            self._queue(state)
        if Fields.labels in changed:
            self._labels(state)
        if changed & {Fields.pod, Fields.account}:
            self._pod(state)

    def _raise(self, key: str, level: Level, message: str, hint: str = "") -> None:
        self._store.alert(Alert(key, level, message, hint, self._clock()))

    def log_problem(self, meaning: Meaning, line: int, at: datetime) -> None:
        """Raise an alert for a problem in the server's output at ``line``.

        The alert replaces an older alert of the same kind.
        """
        self._store.alert(Alert(f"{LOG}{meaning.kind}", Level.ERROR, meaning.means, meaning.todo, at, line))

    def dismiss_log_problems(self) -> None:
        """Dismiss the alerts of the log, because another run's output begins and its lines have other numbers."""
        for alert in self._store.state.alerts:
            if alert.key.startswith(LOG):
                self._store.dismiss(alert.key)

    def history_problem(self, why: str, folder: Path) -> None:
        """Raise an alert for a history that can't be stored in ``folder``. With an empty ``why``, dismiss it."""
        if not why:
            self._store.dismiss("history")
            return
        message = f"The history can't be stored on this machine: {why}."
        hint = f"Check {folder}. Otherwise action log and trainings are lost when labeltui ends."
        self._raise("history", Level.WARNING, message, hint)

    def _host(self, before: SessionState, state: SessionState) -> None:
        was, now = before.host.value, state.host.value
        if was is None or now is None or was.state is now.state:
            return
        if now.state is LinkState.REFUSED:
            self._raise("host", Level.ERROR, f"{now.address} refused the connection.", now.detail)
        elif now.state is LinkState.RECONNECTING and was.state is LinkState.CONNECTED:
            if self._stops is not None and self._stops.explain(was.since, self._clock()):
                return
            self._raise(
                "host",
                Level.WARNING,
                f"The connection to {now.address} was lost.",
                "labeltui reconnects by itself.",
            )
        elif now.state is LinkState.CONNECTED:
            self._store.dismiss("host")

    def _server(self, before: SessionState, state: SessionState) -> None:
        was, now = before.server.value, state.server.value
        if now is None:
            return
        self._orphaned(frozenset(o.pid for o in now.orphans), state)
        if was is None or was.dicomweb_cache_s != now.dicomweb_cache_s or was.state is not now.state:
            self._dicomweb_cache(now)
        if was is not None and was.state is now.state and was.problem == now.problem:
            return
        if now.problem is not None:
            self._raise("server", Level.ERROR, now.problem.message, now.problem.hint)
        else:
            self._store.dismiss("server")

    def _dicomweb_cache(self, server: ServerStatus) -> None:
        """Raise an alert for a server that hands out finished studies for longer than a minute."""
        cache_s = server.dicomweb_cache_s or 0
        if server.state is not ServerState.RUNNING or cache_s <= LONGEST_CACHE_S:
            self._store.dismiss("dicomweb_cache")
            return
        where = "start it with MONAI_LABEL_DICOMWEB_CACHE_EXPIRY=5"
        if server.pid is not None:
            where = "restart it (s r); `dicomweb_cache_s` in the profile sets this time"
        self._raise(
            "dicomweb_cache", Level.WARNING,
            f"For {span(cache_s)} after a final label the server may hand out the same study again.",
            f"A second label would replace the first. To prevent this, {where}.",
        )  # fmt: skip

    def _orphaned(self, pids: frozenset[int], state: SessionState) -> None:
        previous, self._orphans = self._orphans, pids
        if not pids:
            if previous:
                self._store.dismiss("orphans")
            return
        server = state.server.value
        if pids == previous or server is None:
            return
        named = ", ".join(orphan.named for orphan in server.orphans)
        stops = ", ".join(dict.fromkeys(KEYS[one.task] for one in server.orphans if one.ours))
        self._raise(
            "orphans", Level.WARNING,
            f"Still at work although its server has ended: {named}.",
            f"End it with {stops}. A new server does not know of it."
            if stops
            else "It runs from another folder than the profile's, so labeltui does not end it: ask its user.",
        )  # fmt: skip

    def _training(self, before: SessionState, state: SessionState) -> None:
        was, now = before.training.value, state.training.value
        self._not_numbers(now)
        if was is None or now is None:
            return
        if (was.state, was.task_id) == (now.state, now.task_id) and not self._found_cause(was, now):
            return
        if now.state is TrainState.ERROR and now.problem is not None:
            self._raise("training", Level.ERROR, now.problem.message, now.problem.hint)
        elif now.state is TrainState.DONE and was.state in (TrainState.RUNNING, TrainState.ERROR):
            best = f": best {now.best.metric} {now.best.value:.3f}" if now.best else ""
            self._raise("training", Level.INFO, f"Training of {now.model} is done{best}.")
        elif (
            now.state is not TrainState.IDLE
        ):  # a server that restarts forgets its trainings, also the failed one
            self._store.dismiss("training")

    def _found_cause(self, was: TrainStatus, now: TrainStatus) -> bool:
        """Whether a later reading has found another reason for the failure that an alert reports."""
        reported = was.problem is not None and any(
            alert.key == "training" and alert.message == was.problem.message
            for alert in self._store.state.alerts
        )
        return reported and now.problem != was.problem

    def _not_numbers(self, training: TrainStatus | None) -> None:
        """Raise one alert while the loss or a mean score is NaN.

        Scores of single labels do not count: they are NaN for a label that no study has.
        """
        values = training.not_numbers if training is not None else {}
        since = {name: epoch for name, epoch in values.items() if name.startswith((LOSS, "val", "train"))}
        if training is None or not since:
            self._store.dismiss("not_a_number")
            return
        name = LOSS if LOSS in since else min(since)
        message = f"The {one_line(name)} of {training.model} is NaN since epoch {since[name]}."
        if not any(
            alert.key == "not_a_number" and alert.message == message for alert in self._store.state.alerts
        ):
            self._raise(
                "not_a_number", Level.ERROR, message,
                "The model learns nothing more: stop the training (t x), and search for a damaged study or label.",
            )  # fmt: skip

    def _pod(self, state: SessionState) -> None:
        """Raise alerts for a problem of the pod, and for credit that will soon be used up.

        RunPod then deletes the pod and its data.
        """
        pod, account = state.pod.value, state.account.value
        if pod is None:
            return
        troubles = {
            "pod": (pod_problem(pod, self._clock()), Level.ERROR),
            "public": (public_problem(pod), Level.ERROR),
            "balance": self._balance(account, state.pods.value or (pod,)),
        }
        for key, (problem, level) in troubles.items():
            if problem is None:
                self._store.dismiss(key)
            elif not any(
                (alert.key, alert.message, alert.level) == (key, problem.message, level)
                for alert in state.alerts
            ):
                self._raise(key, level, problem.message, problem.hint)

    def _balance(self, account: Account | None, pods: tuple[Pod, ...]) -> tuple[Problem | None, Level]:
        """Return the alert's problem and level if the credit ends within hours, else None.

        It is an error in the last two hours, or if a pod without a network volume would lose data.
        """
        problem = balance_problem(account, pods, WARN_HOURS) if account is not None else None
        if problem is None or account is None:
            return None, Level.WARNING
        left = account.hours_left
        stored = all(pod.network_volume_id or pod.status is PodStatus.TERMINATED for pod in pods)
        mild = stored and left is not None and left >= URGENT_HOURS
        return problem, Level.WARNING if mild else Level.ERROR

    def _labels(self, state: SessionState) -> None:
        """Raise an alert for labels that can't be copied. They exist on the host only, and so may be lost."""
        copies = state.labels.value
        if copies is None or state.labels.error is not None or copies.copying:
            return
        if copies.safe or not copies.reason:
            self._store.dismiss("labels")
            return
        count = copies.concerned
        labels = "1 label is" if count == 1 else f"{count} labels are" if count else "Some labels are perhaps"
        message = f"{labels} not copied to this machine: {copies.reason}."
        if not any(alert.key == "labels" and alert.message == message for alert in state.alerts):
            self._raise("labels", Level.ERROR, message, copies.hint)

    def _queue(self, state: SessionState) -> None:
        """Raise an alert for each study that two annotators have open, and for each final label that was replaced."""
        queue = state.queue.value
        if queue is None:
            return
        self._filtered(queue.filtered_out)
        changed, gone = changed_studies(self._studies, queue.studies)
        self._studies = queue.studies
        for study_id in gone:
            self._not_shared(study_id)
            self._not_held(study_id)
        for study in changed:
            if len(study.fetches) > 1 or study.id in self._shared:
                self._compare_openers(study)
            if study.holders or study.id in self._held:
                self._still_open(study)
            if study.replaced and study.replaced[-1] != self._replaced.get(study.id):
                self._replaced[study.id] = study.replaced[-1]
                if not study.has_reading_of(study.replaced[-1].client):
                    self._final_replaced(study)

    def _compare_openers(self, study: Study) -> None:
        openers = study.openers
        if len(openers) < 2:
            self._not_shared(study.id)
        elif self._shared.get(study.id) != openers:
            self._shared[study.id] = openers
            self._raise(
                f"shared:{study.id}",
                Level.WARNING,
                f"{study.id} is open at {' and '.join(map(_named, openers))}.",
                "The label that is submitted last will replace the other.",
            )

    def _not_shared(self, study_id: str) -> None:
        if self._shared.pop(study_id, None) is not None:
            self._store.dismiss(f"shared:{study_id}")

    def _still_open(self, study: Study) -> None:
        """Raise an alert for a final label of a study that another annotator fetched in the last eight hours."""
        since = self._clock() - OPEN
        worklist = self._store.state.worklist.value or Worklist()
        holders = [
            one.client
            for one in study.holders
            if one.at is not None
            and one.at > since
            # The labels of a study that is restored appear one by one.
            and not (study.has_label_of(one) or worklist.has_read(study.id, one))
        ]
        if not holders:
            self._not_held(study.id)
            return
        author, names = study.authors.get(FINAL_TAG, ""), " and ".join(holders)
        verb = "has" if len(holders) == 1 else "have"
        message = f"{author} submitted the final label of {study.id}, which {names} still {verb} open."
        if self._held.get(study.id) == message:
            return
        self._held[study.id] = message
        hint = f"A submit by {names} would replace {author}'s label: MONAI Label keeps only the newer one."
        at = study.tags.get(FINAL_TAG) or self._clock()
        self._store.alert(Alert(f"held:{study.id}", Level.WARNING, message, hint, at))

    def _not_held(self, study_id: str) -> None:
        if self._held.pop(study_id, None) is not None:
            self._store.dismiss(f"held:{study_id}")

    def _filtered(self, message: str) -> None:
        """Raise an alert if no study has the modality that the server serves, so that it hands out nothing."""
        if not message:
            self._store.dismiss("modality")
        elif not any(a.key == "modality" and a.message == message for a in self._store.state.alerts):
            self._raise(
                "modality", Level.WARNING, message,
                "Stop the server (s x), and start it for another modality (s o), which `dicomweb_modality` sets.",
            )  # fmt: skip

    def _final_replaced(self, study: Study) -> None:
        at, label = study.tags.get(FINAL_TAG), study.replaced[-1]
        message = f"{study.authors.get(FINAL_TAG)} replaced {label.client}'s final label of {study.id}."
        hint = f"MONAI Label keeps only the newer label. {label.client}'s is " + (
            f"on this machine: labeltui labels list {shlex.quote(one_line(study.id))}"
            if self._is_copied(study.id, label)
            else "not on this machine, so it is lost unless another labeltui has copied it."
        )
        self._store.alert(Alert(f"replaced:{study.id}", Level.WARNING, message, hint, at or self._clock()))


def _named(client: str) -> str:
    return "a client without a name" if client == NAMELESS else client
