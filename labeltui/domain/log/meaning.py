"""Explain problems in the server's output: the meaning and the remedy. Any text is accepted; nothing here raises.

Only two kinds of lines count: those that a logger marks as a warning or an error, and bare ones that look like
the last line of a traceback. The name of a study in an INFO line never counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from labeltui.domain.log.disk_full import DISK_FULL, FREE_SPACE
from labeltui.domain.log.events import ReturnCode
from labeltui.domain.log.lines import LineKind, LogRecord, event
from labeltui.domain.text import one_line

SHOWN = 160
SERIOUS = frozenset({"WARNING", "ERROR", "CRITICAL", "FATAL"})


class Trouble(StrEnum):
    """Kinds of problems that have an explanation."""

    GPU_MEMORY = "gpu_memory"
    KILLED = "killed"
    MEMORY = "memory"
    SHARED_MEMORY = "shared_memory"
    CROP_SIZE = "crop_size"
    CHANNELS = "channels"
    WEIGHTS = "weights"
    LABEL_INDEX = "label_index"
    DCMQI = "dcmqi"
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
    """The explanation of a log line.

    ``means`` says what happened and ``todo`` what to do, in one sentence each. Both are safe to show, even if
    the line is hostile.
    """

    kind: StrEnum
    means: str
    todo: str


@dataclass(frozen=True, slots=True)
class _Explanation:
    pattern: str
    kind: Trouble
    means: str  # {0} is the pattern's group
    todo: str


_ERROR_NAME = r"(?:[A-Za-z_][\w.]{0,200})?"
_EXPLANATIONS = (
    _Explanation(r"CUDA out of memory|CUDA error: out of memory|\bOutOfMemoryError\b", Trouble.GPU_MEMORY,
           "The GPU ran out of memory.",
           "Stop other programs on the GPU (an old training?), or train a smaller model or with dataset=Dataset."),
    _Explanation(r"(?i:bus error|out of shared memory|shared memory \(shm\)|(?:open|mmap).{0,60}shared memory)"
           r"|exitcode\s{0,3}: -7\b", Trouble.SHARED_MEMORY,
           "The host's shared memory is too small for the data loaders.",
           "Give the container more shared memory (docker run --shm-size=8g), or train with num_workers=0."),
    _Explanation(r"DefaultCPUAllocator|MemoryError\b|Cannot allocate memory|Unable to allocate [\d.]{1,9} [KMGTP]iB",
           Trouble.MEMORY,
           "The host does not have enough memory.",
           "Train with dataset=Dataset, which has no cache, or with a smaller input size; or use a larger host."),
    _Explanation(r"exitcode\s{0,3}: -9\b", Trouble.KILLED,
           "A training process was killed by signal 9; who or what sent it is unknown.",
           "If the host's memory was full (`dmesg` names what was killed), train with dataset=Dataset, which keeps no "
           "studies in memory, on fewer GPUs, or use a larger host."),
    _Explanation(r"crop ROI is larger than the image size, got ROI size (\([\d, ]{1,60}\))", Trouble.CROP_SIZE,
           "A study is smaller than the crop {0} that the model trains on.",
           "Give the model a smaller spatial_size in its app or bundle, or remove the smallest studies."),
    _Explanation(r"expected input\[.{1,80}\] to have (\d{1,5} channels?), but got (\d{1,5} channels?) instead",
           Trouble.CHANNELS,
           "A study has {1}, but the model needs {0}.",
           "Remove that study or convert it; several sequences in one volume are the usual cause."),
    _Explanation(r"Error\(s\) in loading state_dict for (\w{1,100})", Trouble.WEIGHTS,
           "The stored weights do not fit the model ({0}), because its labels or its network have changed.",
           "Restore the labels with which the weights were trained, or train with pretrained=false."),
    _Explanation(r"Target (-?\d{1,9}) is out of bounds|index (-?\d{1,9}) is out of bounds for dimension \d",
           Trouble.LABEL_INDEX,
           "Most likely a label holds the value {0}, for which the model has no label.",
           "Correct that label in Slicer, or add the missing label to the model."),
    _Explanation(r"device-side assert triggered", Trouble.LABEL_INDEX,
           "The GPU stopped, most likely because a label holds a value for which the model has no label.",
           "Correct that label in Slicer, or add the missing label to the model."),
    _Explanation(r"No such file or directory: '[^']{0,300}itkimage2segimage'|itkimage2segimage: (?:command )?not found",
           Trouble.DCMQI,
           "The host lacks dcmqi, without which no label can be stored as DICOM.",
           "Run `labeltui setup`, or install it on the host: pip install dcmqi."),
    _Explanation(DISK_FULL, Trouble.DISK_FULL,
           "The host's disk is full: labels and models can't be saved.", FREE_SPACE),
    _Explanation(r"error while attempting to bind on address \('[^']{0,80}', (\d{1,5})\): address already in use",
           Trouble.PORT_TAKEN,
           "Port {0} on the host is in use.", "Stop the program that uses it, or choose another port (server.port)."),
    _Explanation(r"num_samples should be a positive integer value, but got num_samples=0", Trouble.NO_LABELS,
           "There was nothing to train on: no study has a submitted label.",
           "Submit a label in Slicer first, then train again."),
    _Explanation(r"LoadImage cannot find a suitable reader for file: (.{1,1000}?)\.?\s*$", Trouble.UNREADABLE,
           "A volume can't be read: {0}.", "Replace or delete that file, then train again."),
    _Explanation(r"MLflow no longer supports the filesystem|MLFlowHandler.{0,80}(?:rror|xception)|mlflow\.exceptions\.",
           Trouble.MLFLOW,
           "Tracking with MLflow failed, which ends the training.",
           "Train with tracking=None, as labeltui does, or set tracking_uri=sqlite:///..."),
    _Explanation(r"/dicom-?web\b.{0,400}?(?:refused|timed out|Max retries|\b50\d\b|\b40[134]\b)"
           r"|Max retries exceeded with url: (?:/dicom-?web/|\S{0,200}/(?:studies|series|instances)\b)",
           Trouble.DICOMWEB,
           "The DICOMweb server does not answer.", "Check that it runs and that the host can reach it."),
    _Explanation(r"Download failed from (\S{1,300})", Trouble.DOWNLOAD,
           "Model weights could not be downloaded: {0}.",
           "Give the host internet access, or send the weights with `labeltui models push MODEL --pretrained`. To do"
           " without them, run `labeltui server start --conf use_pretrained_model false`"
           " (for SAM2: `--conf sam2 false`)."),
    _Explanation(r"urlopen error .{1,200}|Max retries exceeded with url: \S{1,300}|rate limit exceeded"
           r"|No such file or directory: '[^']{0,300}\.(?:pt|pth|ts)'", Trouble.DOWNLOAD,
           "The server could not download a file that it needs.",
           "Give the host internet access, or choose models whose weights are on the host."),
    _Explanation(r"\[Errno 13\] Permission denied(?:: '?([^'\n]{1,300}))?", Trouble.PERMISSION,
           "The server is not allowed to use {0}.", "Correct its owner on the host, or choose another folder."),
    _Explanation(r"Exception in ASGI application", Trouble.REQUEST_FAILED,
           "A request failed inside the server (HTTP 500); the traceback below says why.",
           "The traceback's last line names the cause; the server still answers other requests."),
)  # fmt: skip
_COMPILED = tuple((re.compile(explanation.pattern), explanation) for explanation in _EXPLANATIONS)
_LAST_LINE = re.compile(
    r"(?:(?:ERROR|CRITICAL): {1,8})?"
    rf"(?:{_ERROR_NAME}(?:Error|Exception|Interrupt|Exit)\b|\[Errno \d|Download failed from |Exception in ASGI"
    r"|Unexpected bus error)|\s{0,8}exitcode\s{0,3}: -\d|[EW]\d{4} .{0,400}exitcode: -\d|.{0,40}: itkimage2segimage: "
)
_KILLED = Meaning(
    Trouble.KILLED,
    "A task was killed by signal 9; who or what sent it is unknown.",
    "If the host's memory was full (`dmesg` names what was killed), train with dataset=Dataset, which keeps no studies "
    "in memory, or with fewer studies.",
)


def meaning(record: LogRecord) -> Meaning | None:
    """Return the problem that a line reports by itself; None for most lines.

    A task that a user stopped is killed too, and looks like a problem here.
    :class:`labeltui.domain.log.errors.ErrorIndex` knows that the user stopped it.
    """
    message = record.message
    if not is_trouble(record):
        if record.kind is LineKind.BARE:
            return None
        code = event(record) if message == "Return code: -9" else None
        return _KILLED if isinstance(code, ReturnCode) else None
    for pattern, explanation in _COMPILED:
        if found := pattern.search(message):
            named = [one_line(group, SHOWN) for group in found.groups() if group] or ["something"]
            return Meaning(explanation.kind, explanation.means.format(*named), explanation.todo)
    return None


def is_trouble(record: LogRecord) -> bool:
    """True when a line may report a problem: by its level, or as the last line of a traceback."""
    if record.kind is LineKind.BARE:
        return _LAST_LINE.match(record.message) is not None
    return record.level in SERIOUS
