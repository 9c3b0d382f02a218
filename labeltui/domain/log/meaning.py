"""What trouble in a server's output means, and what to do about it. Pure; any text is taken, none raises.

Believed is what a logger calls a warning or an error, and bare lines that read as the last one of a traceback: the
name of a study, printed at level INFO, says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from labeltui.domain.log.events import ReturnCode
from labeltui.domain.log.lines import LineKind, LogRecord, event

SHOWN = 160
SERIOUS = frozenset({"WARNING", "ERROR", "CRITICAL", "FATAL"})


class Trouble(StrEnum):
    """Kinds of trouble that have words of their own."""

    GPU_MEMORY = "gpu_memory"
    KILLED = "killed"
    DOWNLOAD = "download"
    PORT_TAKEN = "port_taken"
    DISK_FULL = "disk_full"
    NO_LABELS = "no_labels"
    UNREADABLE = "unreadable"
    REQUEST_FAILED = "request_failed"
    MLFLOW = "mlflow"
    DICOMWEB = "dicomweb"
    PERMISSION = "permission"


@dataclass(frozen=True, slots=True)
class Meaning:
    """``means`` and ``todo`` are one sentence each: safe text, whatever the line held."""

    kind: StrEnum
    means: str
    todo: str


@dataclass(frozen=True, slots=True)
class _Words:
    pattern: str
    kind: Trouble
    means: str  # {0} is the pattern's group
    todo: str


_ERROR_NAME = r"(?:[A-Za-z_][\w.]{0,200})?"
_WORDS = (
    _Words(r"CUDA out of memory|CUDA error: out of memory|\bOutOfMemoryError\b", Trouble.GPU_MEMORY,
           "The GPU had no memory left for this.",
           "End what else uses it (an orphaned training?), or train with a smaller model or plain Dataset."),
    _Words(r"No space left on device", Trouble.DISK_FULL,
           "The host's disk is full: labels and models can't be saved.", "Free space there before going on."),
    _Words(r"error while attempting to bind on address \('[^']{0,80}', (\d{1,5})\): address already in use",
           Trouble.PORT_TAKEN,
           "Port {0} on the host is taken.", "Stop what holds it, or choose another port (server.port)."),
    _Words(r"num_samples should be a positive integer value, but got num_samples=0", Trouble.NO_LABELS,
           "There was nothing to train on: no study has a submitted label.",
           "Submit a label in Slicer first, then train again."),
    _Words(r"LoadImage cannot find a suitable reader for file: (.{1,1000}?)\.?\s*$", Trouble.UNREADABLE,
           "A volume can't be read: {0}.", "Replace or delete that file, then train again."),
    _Words(r"MLflow no longer supports the filesystem|MLFlowHandler.{0,80}(?:rror|xception)|mlflow\.exceptions\.",
           Trouble.MLFLOW,
           "Tracking by MLflow failed, which ends the training.",
           "Train with tracking off, as labeltui does, or give tracking_uri=sqlite:///..."),
    _Words(r"/dicom-?web\b.{0,400}?(?:refused|timed out|Max retries|\b50\d\b|\b40[134]\b)"
           r"|Max retries exceeded with url: /dicom-?web/", Trouble.DICOMWEB,
           "The DICOMweb server does not answer.", "See whether it runs and whether the host reaches it."),
    _Words(r"Download failed from (\S{1,300})", Trouble.DOWNLOAD,
           "Weights could not be downloaded: {0}.",
           "Give the host a way to the internet, or set conf use_pretrained_model=false (or sam2=false)."),
    _Words(r"urlopen error .{1,200}|Max retries exceeded with url: \S{1,300}|rate limit exceeded"
           r"|No such file or directory: '[^']{0,300}\.(?:pt|pth|ts)'", Trouble.DOWNLOAD,
           "Something that the server needs could not be downloaded.",
           "Give the host a way to the internet, or choose models whose weights are there."),
    _Words(r"\[Errno 13\] Permission denied(?:: '?([^'\n]{1,300}))?", Trouble.PERMISSION,
           "The server is not allowed to use {0}.", "Correct its owner on the host, or choose another folder."),
    _Words(r"Exception in ASGI application", Trouble.REQUEST_FAILED,
           "A request failed inside the server (HTTP 500); the traceback below says why.",
           "Its last line names the cause; the others were served on."),
)  # fmt: skip
_COMPILED = tuple((re.compile(words.pattern), words) for words in _WORDS)
_LAST_LINE = re.compile(
    r"(?:(?:ERROR|CRITICAL): {1,8})?"
    rf"(?:{_ERROR_NAME}(?:Error|Exception|Interrupt|Exit)\b|\[Errno \d|Download failed from |Exception in ASGI)"
)
_KILLED = Meaning(
    Trouble.KILLED,
    "The host killed a task (signal 9), most likely for want of memory.",
    "Look at the host's memory; train with plain Dataset (no cache), or on fewer studies at once.",
)


def meaning(record: LogRecord) -> Meaning | None:
    """What trouble a line tells of by itself; None for most.

    A task that somebody stopped is killed too: :class:`labeltui.domain.log.errors.ErrorIndex` knows which.
    """
    message = record.message
    if not is_trouble(record):
        if record.kind is LineKind.BARE:
            return None
        told = event(record) if message == "Return code: -9" else None
        return _KILLED if isinstance(told, ReturnCode) else None
    for pattern, words in _COMPILED:
        if found := pattern.search(message):
            named = [plain(group) for group in found.groups() if group] or ["something"]
            return Meaning(words.kind, words.means.format(*named), words.todo)
    return None


def is_trouble(record: LogRecord) -> bool:
    """Whether a line is believed when it speaks of trouble."""
    if record.kind is LineKind.BARE:
        return _LAST_LINE.match(record.message) is not None
    return record.level in SERIOUS


def plain(text: str) -> str:
    """Text of a log inside a sentence: one line, nothing that a terminal obeys, not too long."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 2 * SHOWN])
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
