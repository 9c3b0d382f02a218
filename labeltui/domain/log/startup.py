"""Read from a server's output how far its start has come, or why the server ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labeltui.domain.failure_codes import Code
from labeltui.domain.log.disk_full import DISK_FULL, FREE_SPACE
from labeltui.domain.log.lines import parse_line
from labeltui.domain.problems import Problem
from labeltui.domain.text import one_line

SEARCHED_LINES = 400  # the newest lines, which are searched for the cause
FULL_PCT = 90.0  # of the memory, from which on it may have run out between two samples
SEARCHED_AFTER_RUNNING = 60
STARTUP_EXITS = (1, 2, 3)
DETAIL_LINES = 120
DETAIL_CHARACTERS = 4000  # of one line

_PHASES = (
    ("USING:: ", "starting"),
    ("Started server process", "starting"),
    ("Initializing App from", "loading the app"),
    ("Subclass for MONAILabelApp Found", "loading the app"),
    ("+++ Adding Model: ", "adding models"),
    ("Init Datastore for", "scanning studies"),
    ("+++ Adding Inferer", "adding tasks"),
    ("+++ Adding Trainer", "adding tasks"),
    ("App Init - completed", "listening"),
)
_BEGINNINGS = tuple(start for start, _ in _PHASES)
_READY = re.compile(r"Uvicorn running on (\S{1,200})")
_DOWNLOAD = re.compile(r"\d{1,3}%\|")


class StartupReader:
    """Reads a server's output from its first line and reports its phase until it is ready.

    ``url`` is the address that the server prints when it listens; None before that.
    """

    def __init__(self) -> None:
        self.phase = "importing"
        self.url: str | None = None
        self.failed = False

    @property
    def ready(self) -> bool:
        """True once the server has printed that it listens. It then answers ``/info/``."""
        return self.url is not None and not self.failed

    def feed(self, line: str) -> str | None:
        """Read one line. Returns the new phase if the line begins one, else None."""
        return self.take(parse_line(line).message)

    def take(self, message: str) -> str | None:
        """Read the message of a line that is already parsed. Returns as :meth:`feed` does."""
        if "Uvicorn running on" in message and (found := _READY.search(message)):
            self.url, self.failed = found[1], False
            return self._enter("ready")
        if "Application startup failed" in message or "error while attempting to bind" in message:
            self.failed = True
            return self._enter("failed")
        if message.startswith("+++ Adding Model: "):
            return self._enter(
                "adding model " + one_line(message.removeprefix("+++ Adding Model: ").split(" =>")[0])
            )
        if not self.ready and "%|" in message and _DOWNLOAD.search(message[:300]):
            return self._enter("downloading a model")
        if message.startswith(_BEGINNINGS):
            return self._enter(next(phase for start, phase in _PHASES if message.startswith(start)))
        return None

    def _enter(self, phase: str) -> str | None:
        if phase == self.phase:
            return None
        self.phase = phase
        return phase


@dataclass(frozen=True, slots=True)
class _Cause:
    """A pattern of the output, and its explanation; ``{0}`` in the message is the pattern's first group."""

    pattern: str
    code: Code
    message: str
    hint: str


_SETUP = "Run `labeltui setup`: it installs versions that work together."
_CAUSES = (
    _Cause(r"error while attempting to bind on address \('[^']*', (\d+)\): address already in use",
           Code.PORT_TAKEN,
           "Port {0} on the host is in use.", "Stop the program that uses it, or choose another port (server.port)."),
    _Cause(r"error while attempting to bind on address \((.{1,80}?)\): (?!address already)", Code.PORT_REFUSED,
           "The server is not allowed to listen on {0}.", "Choose a port above 1023 (server.port)."),
    _Cause(r"Invalid Model\(s\) are provided: (.{1,200})", Code.UNKNOWN_MODEL,
           "The app has no model {0}.", "Choose among: {available}."),
    _Cause(r"Provide --conf models <name>", Code.NO_MODEL,
           "No model was chosen.", "Choose among: {available}."),
    _Cause(r"There is no model '?([^'\n]{1,100})'? available", Code.UNKNOWN_MODEL,
           "The app has no model {0}.", "Choose a model that `labeltui server status` lists."),
    _Cause(r"APP Directory (.{1,300}?) NOT Found", Code.APP_MISSING,
           "The app is not on the host: {0}.", "Run `labeltui setup` to copy the apps, or correct server.app."),
    _Cause(r"APP Directory NOT provided", Code.APP_MISSING, "No app was given.", "Set server.app."),
    _Cause(r"App Does NOT have main\.py|App Does NOT Implement MONAILabelApp", Code.APP_BROKEN,
           "The app folder holds no MONAI Label app.", "Set server.app to the folder that holds main.py."),
    _Cause(r"STUDIES Path/Directory NOT provided", Code.STUDIES_MISSING,
           "No studies were given.", "Set server.studies."),
    _Cause(r"No module named 'pydicom\._storage_sopclass_uids'", Code.DEPENDENCIES,
           "pydicom 3 is installed, which MONAI Label 0.8.5 cannot use.", _SETUP),
    _Cause(r"cannot import name 'parse_basic_offsets' from 'pydicom\.encaps'", Code.DEPENDENCIES,
           "The installed dicomweb-client does not work with the pydicom version that MONAI Label needs.", _SETUP),
    _Cause(r"operator torchvision::\w+ does not exist", Code.DEPENDENCIES,
           "The installed torchvision does not work with the installed torch.", _SETUP),
    _Cause(r"No module named '?monailabel|venv/bin/python[^\n]{0,40}: (?:No such file|not found)",
           Code.NOT_INSTALLED,
           "MONAI Label is not installed in the host's folder.", _SETUP),
    _Cause(r"(?:ModuleNotFoundError|ImportError): (.{1,200})", Code.DEPENDENCIES,
           "A Python package of the server cannot be imported: {0}.", _SETUP),
    _Cause(r"QIICR/dcmqi", Code.DOWNLOAD_FAILED,
           "The server could not download dcmqi, which it needs for DICOMweb.", _SETUP),
    _Cause(r"(?:raw\.githubusercontent|github)\.com[^\n]{0,200}model-zoo", Code.DOWNLOAD_FAILED,
           "The server could not reach the MONAI model zoo.",
           "Give the host internet access, or put the bundle into the app and add `--conf zoo_source ngc`."),
    _Cause(r"Download failed from (\S{0,300}sam2\S{0,100})", Code.DOWNLOAD_FAILED,
           "The server could not download SAM2.",
           "Give the host internet access, or run `labeltui server start --conf sam2 false`."),
    _Cause(r"Download failed from (\S{1,300})", Code.DOWNLOAD_FAILED,
           "The server could not download {0}.",
           "Give the host internet access, or send the weights with `labeltui models push MODEL --pretrained`. To do"
           " without them, run `labeltui server start --conf use_pretrained_model false`."),
    _Cause(r"rate limit exceeded", Code.DOWNLOAD_FAILED,
           "GitHub accepts no more downloads for now (rate limit).",
           "Wait an hour, or set `auth_token` in the `conf` of the profile's section `server`."),
    _Cause(r"<urlopen error (.{1,200}?)>|Max retries exceeded with url: (\S{1,200})", Code.DOWNLOAD_FAILED,
           "The server could not download what it needs: {0}.", "Give the host internet access."),
    _Cause(r"CUDA out of memory|OutOfMemoryError", Code.GPU_MEMORY,
           "The GPU ran out of memory.",
           "Stop other programs on the GPU (an old training?), or choose a smaller model."),
    _Cause(r"CUDA error: (.{1,200})|NVIDIA driver on your system is too old", Code.GPU,
           "The GPU cannot be used: {0}.",
           "Run nvidia-smi on the host; the host may need a restart."),
    _Cause(DISK_FULL, Code.DISK_FULL, "The host's disk is full.", FREE_SPACE),
    _Cause(r"\[Errno 13\] Permission denied: (.{1,200})", Code.PERMISSION,
           "The server is not allowed to write {0}.", "Correct the owner of the file, or choose another folder."),
    _Cause(r"MemoryError|Cannot allocate memory", Code.MEMORY,
           "The host ran out of memory.", "Use a larger host."),
    _Cause(r"(?:unrecognized arguments|error: argument)[^\n:]{0,60}: ?(.{0,200})", Code.USAGE,
           "The server does not know the argument {0}.", "Check server.conf and the version of MONAI Label."),
)  # fmt: skip
_SOURCE = (
    "    "  # begins the lines of code in a traceback, which quote the message before its values are put in
)
_COMPILED = tuple((re.compile(cause.pattern), cause) for cause in _CAUSES)
_EXCEPTION = re.compile(r"(?:[\w.]{1,200}\.)?\w{0,80}(?:Error|Exception|Interrupt)\b(?:: .*)?$")


def diagnose_exit(lines: Sequence[str], exit_code: int | None, memory_pct: float | None = None) -> Problem:
    """Return the problem of a server that ended unexpectedly, with the cause in one line and the traceback as detail.

    ``lines`` are the server's newest output, oldest first. ``exit_code`` is negative for a signal, None when
    unknown. ``memory_pct`` is the highest use of the host's memory shortly before the end, None when unknown.
    """
    # A server that did not start prints the cause above its tracebacks; one that ran may have survived older errors.
    searched = SEARCHED_LINES if exit_code in STARTUP_EXITS else SEARCHED_AFTER_RUNNING
    newest = [parse_line(line).message for line in lines[-searched:]]
    detail = traceback_of(lines)
    if exit_code in (-9, 137):
        return _killed(memory_pct, detail)
    found = _cause(newest)
    if found is not None:
        return Problem(*found, detail)
    if exit_code is not None and exit_code < 0:
        return _by_signal(-exit_code, detail)
    if exit_code == 127:
        return Problem(
            Code.NOT_INSTALLED, "MONAI Label is not installed in the host's folder.", _SETUP, detail
        )
    last = _last_message(newest)
    how = "ended" if exit_code is None else f"ended with exit code {exit_code}"
    return Problem(Code.CRASHED, f"The server {how}: {last}", "The traceback is in the server's log.", detail)


def _killed(memory_pct: float | None, detail: str) -> Problem:
    """Explain an end by signal 9. The explanation names the host's memory only if it was full."""
    if memory_pct is not None and memory_pct >= FULL_PCT:
        return Problem(
            Code.KILLED,
            "The host killed the server (signal 9), most likely because memory ran out: "
            f"it was {memory_pct:.0f} % full.",
            "Check the host's memory; start the server again when enough is free.",
            detail,
        )
    memory = (
        "" if memory_pct is None else f"Memory was at most {memory_pct:.0f} % full in the minute before. "
    )
    return Problem(
        Code.KILLED,
        "The server was killed by signal 9; who or what sent it is unknown.",
        f"{memory}Ask whether somebody ended it with `kill -9`; `dmesg` on the host names a process that was killed "
        "for lack of memory. Then start the server again.",
        detail,
    )


def cause_in(message: str) -> Problem | None:
    """Return the cause of a failed start if this line names it, else None."""
    found = _cause([message[:DETAIL_CHARACTERS]])
    return None if found is None else Problem(*found)


def _by_signal(number: int, detail: str) -> Problem:
    names = {
        1: "hangup",
        2: "interrupt",
        6: "abort",
        7: "bus error",
        11: "segmentation fault",
        15: "terminate",
    }
    name = names.get(number, "a signal")
    return Problem(
        Code.KILLED if number in (1, 2, 15) else Code.CRASHED,
        f"The server was ended by signal {number} ({name}).",
        "Start it again; the end of its log shows its last actions.",
        detail,
    )


def _cause(lines: Sequence[str]) -> tuple[Code, str, str] | None:
    text = "\n".join(line for line in lines if not line.startswith(_SOURCE))
    for pattern, cause in _COMPILED:
        found = pattern.search(text)
        if found is None:
            continue
        group = one_line(next((part for part in found.groups() if part), "")).strip("[]'\" ")
        hint = cause.hint.replace("{available}", _available(lines))
        return cause.code, cause.message.replace("{0}", group), hint
    return None


def _available(lines: Sequence[str]) -> str:
    """Return the models that the app printed below the heading "available models"."""
    for at, line in enumerate(lines[:-1]):
        if "available models" in line and lines[at + 1].startswith(" "):
            return one_line(lines[at + 1].strip())
    return "the models in the app's lib/configs"


def _last_message(lines: Sequence[str]) -> str:
    printed = [line.strip() for line in lines if line.strip()]
    for line in reversed(printed):
        if _EXCEPTION.match(line):
            return one_line(line)
    return one_line(printed[-1]) if printed else "it printed nothing"


def traceback_of(lines: Sequence[str]) -> str:
    """The newest traceback and the lines after it; without one, the newest lines."""
    start = max(
        (at for at, line in enumerate(lines) if "Traceback (most recent call last)" in line), default=-1
    )
    chosen = lines[start:] if start >= 0 else lines[-30:]
    return "\n".join(chosen[-DETAIL_LINES:])
