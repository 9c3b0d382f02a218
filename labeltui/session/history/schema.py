"""The tables of the history, as the steps that make them."""

from __future__ import annotations

_ACTIONS_AND_ALERTS = """
CREATE TABLE actions (
    id TEXT PRIMARY KEY, at TEXT NOT NULL, title TEXT NOT NULL, command TEXT NOT NULL, outcome TEXT NOT NULL,
    ok INTEGER, machine TEXT NOT NULL, pid INTEGER NOT NULL, process TEXT NOT NULL
);
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, at TEXT NOT NULL, message TEXT NOT NULL, level TEXT NOT NULL,
    hint TEXT NOT NULL, ended_at TEXT, UNIQUE (key, at, message)
)
"""

_TRAININGS = """
CREATE TABLE trainings (
    id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, model TEXT NOT NULL, run_id TEXT NOT NULL, state TEXT,
    ended INTEGER NOT NULL, epochs INTEGER NOT NULL, document TEXT NOT NULL, UNIQUE (started_at, model)
);
CREATE TABLE server_logs (run_id TEXT PRIMARY KEY, size INTEGER NOT NULL)
"""

_COSTS = """
CREATE TABLE costs (
    id INTEGER PRIMARY KEY, pod_id TEXT NOT NULL, began REAL NOT NULL, at REAL NOT NULL, document TEXT NOT NULL,
    UNIQUE (pod_id, began)
)
"""

_STUDIES = """
CREATE TABLE study_events (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, kind TEXT NOT NULL, study TEXT NOT NULL, client TEXT NOT NULL,
    detail TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX study_events_by_study ON study_events (study);
CREATE INDEX study_events_by_time ON study_events (at)
"""

_INVITATIONS = """
CREATE TABLE invitations (name TEXT PRIMARY KEY COLLATE NOCASE, public_key TEXT NOT NULL, since REAL NOT NULL)
"""

_NAMELESS = """
DELETE FROM study_events WHERE kind = 'fetch' AND client = 'admin' AND EXISTS (
    SELECT 1 FROM study_events AS other WHERE other.study = study_events.study AND other.kind = 'fetch'
    AND other.source = study_events.source AND other.detail = study_events.detail AND other.client = '?'
    AND abs(other.at - study_events.at) < 2
);
UPDATE study_events SET client = '?' WHERE kind = 'fetch' AND client = 'admin'
"""
"""Merges events that were stored twice.

MONAI Label stores ``admin`` for a request without a client id, but prints no name for it.
"""

MIGRATIONS = (_ACTIONS_AND_ALERTS, _TRAININGS, _COSTS, _STUDIES, _INVITATIONS, _NAMELESS)
"""Step N changes a file from version N to N + 1. A released step never changes; a new table is a new step."""
