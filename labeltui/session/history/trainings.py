"""The trainings of a profile's servers, also of servers that have ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from labeltui.domain.states import TrainState
from labeltui.domain.training.record import TrainingRecord
from labeltui.session.history.database import Connection, Database
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store

SHOWN = 200
MAX_STORED = 2000
MAX_LOGS = 1000


class TrainingHistory:
    """Writes the store's field ``trainings``: the newest 200, oldest first. The file has up to 2000."""

    def __init__(self, store: Store, database: Database) -> None:
        self._database = database
        self._field = store.own(Fields.trainings)
        self._added: dict[tuple[datetime, str], TrainingRecord] = {}  # shown even if they can't be stored
        self._live_run: str | None = None

    async def load(self) -> tuple[TrainingRecord, ...]:
        """Read the trainings of earlier sessions and of other processes, and return all that are shown."""
        self._publish(await self._database.read(_newest) or [])
        return self._field.value

    def on_live_run(self, run_id: str | None) -> None:
        """Set the id of the present server's run, or None if no server is up.

        A training of any other run is not shown as running, even if its record says so.
        """
        if run_id != self._live_run:
            self._live_run = run_id
            self._publish(self._field.value)

    def add(self, records: Sequence[TrainingRecord], *, found: bool = False) -> None:
        """Store trainings. A stored one is replaced unless it is more complete.

        With ``found``, the records come from the output of a server that no labeltui watched. Then a stored
        record that is as complete is not replaced.
        """
        if found:
            stored = {(record.started_at, record.model): record for record in self._field.value}
            records = [
                record
                for record in records
                if (before := stored.get((record.started_at, record.model))) is None
                or _completeness(record) > _completeness(before)
            ]
        self._added |= {(record.started_at, record.model): record for record in records}
        self._publish(self._field.value)
        self._database.write(lambda connection: _put(connection, records, found))

    def _publish(self, stored: Sequence[TrainingRecord]) -> None:
        both = {(record.started_at, record.model): record for record in stored}
        for key, record in self._added.items():
            both[key] = record if key not in both else max(record, both[key], key=_completeness)
        newest = sorted(both.values(), key=lambda record: record.started_at)[-SHOWN:]
        self._field.write(tuple(self._as_known(record) for record in newest))

    def _as_known(self, record: TrainingRecord) -> TrainingRecord:
        if record.state is TrainState.RUNNING and record.run_id != self._live_run:
            return replace(record, state=None)
        return record

    async def logs_read(self) -> dict[str, int]:
        """Return the bytes that were read of each earlier run's output, by the run's id."""
        return await self._database.read(_logs) or {}

    def log_was_read(self, run_id: str, size: int) -> None:
        """Store that a run's output was read up to ``size`` bytes."""
        self._database.write(lambda connection: _put_log(connection, run_id, size))


def _completeness(record: TrainingRecord) -> tuple[bool, int]:
    return record.ended, record.epochs


def _put(connection: Connection, records: Sequence[TrainingRecord], found: bool) -> None:
    connection.executemany(
        "INSERT INTO trainings (started_at, model, run_id, state, ended, epochs, document) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (started_at, model) DO UPDATE SET run_id = excluded.run_id, state = excluded.state,"
        " ended = excluded.ended, epochs = excluded.epochs, document = excluded.document"
        " WHERE (excluded.ended, excluded.epochs, ?) > (trainings.ended, trainings.epochs, 0)",
        [
            (
                record.started_at.astimezone(UTC).isoformat(), record.model, record.run_id,
                record.state,
                record.ended, record.epochs, json.dumps(record.document(), default=str), not found,
            )
            for record in records
        ],
    )  # fmt: skip
    connection.execute(
        "DELETE FROM trainings WHERE id IN (SELECT id FROM trainings ORDER BY started_at DESC LIMIT -1 OFFSET ?)",
        (MAX_STORED,),
    )


def _newest(connection: Connection) -> list[TrainingRecord]:
    rows = connection.execute(
        "SELECT started_at, model, run_id, state, document FROM trainings ORDER BY started_at DESC LIMIT ?",
        (SHOWN,),
    )
    records = []
    for started, model, run_id, reached, document in rows:
        try:
            values = json.loads(document)
            started_at, state = datetime.fromisoformat(started), TrainState(reached) if reached else None
            records.append(TrainingRecord.of_document(model, started_at, state, run_id, values))
        except (KeyError, TypeError, ValueError):
            continue  # another version of labeltui may have written it
    return records


def _logs(connection: Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT run_id, size FROM server_logs"))


def _put_log(connection: Connection, run_id: str, size: int) -> None:
    connection.execute("INSERT OR REPLACE INTO server_logs (run_id, size) VALUES (?, ?)", (run_id, size))
    connection.execute(
        "DELETE FROM server_logs WHERE run_id IN"
        " (SELECT run_id FROM server_logs ORDER BY run_id DESC LIMIT -1 OFFSET ?)",
        (MAX_LOGS,),
    )
