"""Trainings as the log shows them."""

from __future__ import annotations

from labeltui.domain.training.log import TrainLog


def runs_of(lines):
    train_log = TrainLog()
    for line in lines:
        train_log.feed(line)
    return train_log.runs
