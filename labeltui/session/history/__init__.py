"""Stores the actions, alerts, trainings, studies and costs of a profile in one SQLite file for all sessions."""
