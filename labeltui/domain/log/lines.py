"""Parse the lines of a MONAI Label server's stdout. Any text is accepted; nothing here raises.

Three kinds of lines are mixed: lines of the server itself, lines of MONAI's handlers, and bare lines
(tracebacks, warnings, progress bars). The output of a training passes through the server unchanged, with the
same kinds.
"""

from __future__ import annotations

import ast
import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from labeltui.domain.log.events import (
    BatchProgress,
    EpochComplete,
    Event,
    Iteration,
    KeyMetric,
    Killed,
    LabelDeleted,
    LabelReceived,
    LabelStored,
    Metrics,
    Published,
    Records,
    Resumed,
    ReturnCode,
    Role,
    SampleRequested,
    SampleServed,
    TaskCommand,
    TaskResult,
    Unreadable,
    WorkersEnded,
)
from labeltui.domain.studies.datastore import SUBMITTED, client_of

LONGEST = 65_536  # characters of a line that are parsed


class LineKind(StrEnum):
    """The format of a line."""

    SERVER = "server"  # [time] [pid] [thread] [LEVEL] (logger:line) - message
    HANDLER = "handler"  # time - LEVEL - message, or time - logger - LEVEL - message of a model zoo bundle
    WORKER = "worker"  # [time][ LEVEL](logger) - message, of a multi-GPU training
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line. ``time`` is the host's local time without a zone; ``level`` is INFO, WARNING... or empty."""

    message: str
    kind: LineKind = LineKind.BARE
    time: datetime | None = None
    level: str = ""
    logger: str = ""
    thread: str = ""
    pid: int | None = None


_TIME = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[,.](\d{3})"
_SERVER = re.compile(
    rf"\[{_TIME}\] (?:\[(\d{{1,10}})\] )?\[([^\]]{{0,200}})\] \[(\w{{1,12}})\] "
    r"(?:\(([^)]{0,300}?)(?::\d+)?\) - )?"
)
BUNDLE_LEVELS = r"DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL"
BUNDLE_LOGGER = r"[A-Z\d]{0,40}[a-z_.]\S{0,200}"
"""A logger's name, which bundles of the model zoo print before the level. It never matches a level."""
_HANDLER = re.compile(rf"{_TIME} - (?:({BUNDLE_LOGGER}) - ({BUNDLE_LEVELS})|(\w{{1,12}})) - ")
_WORKER = re.compile(rf"\[{_TIME}\]\[ ?(\w{{1,12}})\]\(([^)]{{0,300}})\) - ")
_WITH_ID = re.compile(rf"(?:{_SERVER.pattern})(?:Saving Label for Image|Removing \w[\w ]{{0,40}}): ")
"""Lines that contain a study's id unchanged. A part of the id may look like a colour's escape sequence."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def parse_line(text: str) -> LogRecord:
    """Parse a line. A line of no known format is bare, with its whole text as message."""
    text = text.rstrip("\r\n")
    # A progress bar redraws itself after carriage returns; a terminal shows the last state.
    text = text.rpartition("\r")[2]
    head = text[:LONGEST]
    if "\x1b" in head and not _WITH_ID.match(head):
        head = _COLOUR.sub("", head)
    if found := _SERVER.match(head):
        time, milliseconds, pid, thread, level, logger = found.groups()
        message = head[found.end() :]
        return LogRecord(
            message, LineKind.SERVER, _when(time, milliseconds), level, logger or "", thread,
            int(pid) if pid else None,
        )  # fmt: skip
    if found := _HANDLER.match(head):
        time, milliseconds, logger, level, only = found.groups()
        return LogRecord(
            head[found.end() :], LineKind.HANDLER, _when(time, milliseconds), level or only, logger or ""
        )
    if found := _WORKER.match(head):
        return LogRecord(head[found.end() :], LineKind.WORKER, _when(found[1], found[2]), found[3], found[4])
    return LogRecord(head)


def _when(time: str, milliseconds: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{time}.{milliseconds}")
    except ValueError:
        return None


_COMMAND = re.compile(r"COMMAND:: .{0,4000}? -m monailabel\.interfaces\.utils\.app -m (\w{1,20}) -r (?=\{)")
_ITERATION = re.compile(r"Epoch: (\d{1,9})/(\d{1,9}), Iter: (\d{1,9})/(\d{1,9}) -- \w{1,60}: (\S{1,40})")
_METRICS = re.compile(r"Epoch\[(\d{1,9})\] Metrics -- ")
_KEY = re.compile(r"Key metric: (\S{1,200}) best value: (\S{1,40}) at epoch: (\d{1,9})")
_COMPLETE = re.compile(r"Epoch\[(\d{1,9})\] Complete\. Time taken: ([\d:.]{1,20})")
_RESUMED = re.compile(r"Engine run resuming from iteration (\d{1,9}), epoch (\d{1,9}) until (\d{1,9}) epochs")
_RECORDS = re.compile(r"Total Records for (Training|Validation): (\d{1,9})")
_RETURN = re.compile(r"Return code: (-?\d{1,5})$")
_KILLED = re.compile(r"Killed background process: (\d{1,10})")
_BATCH = re.compile(r"\d{1,9} => (.{1,300}) => (\S{1,60}) => (\d{1,9}) / (\d{1,9})$")
_LABEL = re.compile(r"Saving Label for Image: (.{1,400}?); Tag: (.{1,100}?); Info: ")
_DELETED = (
    re.compile(r"Removing label: (.{1,400}) => (.{1,100})"),
    re.compile(r"Removing non existing Label Id: '(.{1,400})' for '(.{1,100})'"),
    re.compile(r"Removing (?:Image|non existing Image Id): (.{1,400})()"),
)
_ID = re.compile(r"""'id': ('(?:[^'\\]|\\.){1,800}'|"(?:[^"\\]|\\.){1,800}")""")
_LABEL_INFO = "Label Info: "
_REQUEST = "Active Learning Request: "
# MONAI Label's own strategies log nothing when they find no study.
_NOTHING_LEFT = "Worklist: no study for "
_UNREADABLE = re.compile(r"LoadImage cannot find a suitable reader for file: (.{1,1000}?)\.?\s*$")


def event(record: LogRecord) -> Event | None:
    """The event that a record reports; None for most."""
    message = record.message
    if record.kind is LineKind.SERVER:
        found_event = _server_event(record)
        if found_event is not None:
            return found_event
    if message.startswith("Epoch"):
        return _epoch_event(record)
    if message.startswith("Key metric: ") and (found := _KEY.match(message)):
        value = _number(found[2])
        return None if value is None else KeyMetric(found[1], value, int(found[3]))
    # Every reader that fails on a file logs that, but a later one may succeed: only this line is final.
    if "LoadImage cannot find" in message and (found := _UNREADABLE.search(message)):
        return Unreadable(found[1])
    return _engine_event(record)


def _server_event(record: LogRecord) -> Event | None:
    """Return the event that the server itself reports. Each kind is accepted only from the logger that writes it."""
    message, logger = record.message, record.logger
    if logger == "monailabel.utils.async_tasks.utils":
        return _task_event(message)
    if logger == "__main__" and message.startswith("Result: "):
        return TaskResult(_object(message[len("Result: ") :]))
    if logger == "monailabel.tasks.train.bundle" and (found := _RETURN.match(message)):
        return WorkersEnded(int(found[1]))
    if logger == "monailabel.interfaces.tasks.batch_infer" and (found := _BATCH.match(message)):
        return BatchProgress(found[1], found[2], int(found[3]), int(found[4]))
    if logger.startswith("monailabel.datastore"):
        return _label_event(message, record.time)
    if logger == "monailabel.endpoints.activelearning" and message.startswith("Next sample: "):
        return SampleServed(_served(message[len("Next sample: ") :]), record.time)
    if logger == "labeltui" and message.startswith(_NOTHING_LEFT):
        return SampleServed(None, record.time)
    if logger == "monailabel.endpoints.activelearning" and message.startswith(_REQUEST):
        request = _literal(message[len(_REQUEST) :])
        return SampleRequested(str(request.get("strategy", "")), client_of(request.get("client_id")))
    return None


def _label_event(message: str, at: datetime | None) -> Event | None:
    if found := _LABEL.match(message):
        info = _literal(message[found.end() :])
        client = info.get("client_id")
        return LabelReceived(
            found[1], found[2], client if isinstance(client, str) else "", at, restored=SUBMITTED in info
        )
    if message.startswith(_LABEL_INFO):
        name = _literal(message[len(_LABEL_INFO) :]).get("name")
        return LabelStored(name if isinstance(name, str) else "", at)
    if message.startswith("Removing "):
        deleted = next((found for pattern in _DELETED if (found := pattern.fullmatch(message))), None)
        return LabelDeleted(deleted[1], deleted[2], at) if deleted else None
    return None


def _served(text: str) -> str | None:
    """Return the study's id from a sample that Python has printed, with its escapes undone.

    The end of a long line is missing.
    """
    document = _literal(text)
    if not document and (found := _ID.search(text)):
        document = _literal(f"{{'id': {found[1]}}}")
    image = document.get("id")
    return image if isinstance(image, str) and image else None


def _task_event(message: str) -> Event | None:
    if found := _COMMAND.match(message):
        return TaskCommand(found[1], _object(message[found.end() :]))
    if found := _RETURN.match(message):
        return ReturnCode(int(found[1]))
    if found := _KILLED.match(message):
        return Killed(int(found[1]))
    return None


def _epoch_event(record: LogRecord) -> Event | None:
    message = record.message
    if found := _ITERATION.match(message):
        epoch, epochs, iteration, iterations = (int(number) for number in found.groups()[:4])
        loss = _float(found[5])
        if loss is not None and not math.isfinite(loss):
            return Iteration(epoch, epochs, iteration, iterations, None, not_a_number=True)
        return Iteration(epoch, epochs, iteration, iterations, loss)
    if found := _METRICS.match(message):
        return _metrics(int(found[1]), message[found.end() :])
    if (found := _COMPLETE.match(message)) and (role := _role(record.logger)):
        return EpochComplete(role, int(found[1]), _seconds(found[2]))
    return None


def _engine_event(record: LogRecord) -> Event | None:
    message = record.message
    if message.startswith("Engine run resuming") and (role := _role(record.logger)):
        found = _RESUMED.match(message)
        return Resumed(role, *(int(number) for number in found.groups())) if found else None
    if message.startswith("Total Records") and (found := _RECORDS.match(message)):
        return Records(Role.TRAIN if found[1] == "Training" else Role.VALIDATE, int(found[2]))
    if message.startswith("New Model published: "):
        source, arrow, target = message[len("New Model published: ") :].partition(" => ")
        return Published(source, target) if arrow else None
    return None


def _metrics(epoch: int, text: str) -> Metrics:
    """Parse ``aorta_dice: 0.5 inferior vena cava_dice: 0.25`` to numbers by name. Names may contain spaces."""
    values: dict[str, float] = {}
    not_numbers: list[str] = []
    name, *rest = text.strip().split(": ")
    for part in rest:
        token, _, following = part.partition(" ")
        value = _float(token)
        if value is None:  # the colon belonged to the name
            name = f"{name}: {part}"
            continue
        if math.isfinite(value):
            values[name.strip()] = value
        else:
            not_numbers.append(name.strip())
        name = following
    return Metrics(epoch, values, tuple(not_numbers))


def _role(logger: str) -> Role | None:
    """Return the role of an engine by its class, the last part of the logger's name.

    Bundles use other classes than apps.
    """
    engine = logger.rpartition(".")[2]
    if "Trainer" in engine:
        return Role.TRAIN
    return Role.VALIDATE if "Evaluator" in engine else None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    value = _float(text)
    return value if value is not None and math.isfinite(value) else None


def _seconds(text: str) -> float | None:
    """Convert ``00:01:12.313`` to seconds; None for anything else."""
    total = 0.0
    for part in text.split(":"):
        value = _number(part)
        if value is None:
            return None
        total = total * 60 + value
    return total


def _literal(text: str) -> dict[str, Any]:
    """Parse a dict that Python has printed. Empty for anything else, and for a line that was cut."""
    try:
        document = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
