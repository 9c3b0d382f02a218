"""How a server comes up, and why it went down, read from its output. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labeltui.domain.failure_codes import Code
from labeltui.domain.log.lines import parse_line
from labeltui.domain.problems import Problem

LOOKED_AT = 400  # newest lines that can hold the cause
LOOKED_AT_AFTER_RUNNING = 60
STARTUP_EXITS = (1, 2, 3)
DETAIL_LINES = 120
DETAIL_CHARACTERS = 4000  # of one line
SHOWN = 200  # characters of a log line inside a message

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
    """Reads a server's output from its first line and says what it does, in words, until it is ready.

    ``phase`` is empty before the first :meth:`feed`, ``url`` is where it says that it listens.
    """

    def __init__(self) -> None:
        self.phase = "importing"
        self.url: str | None = None
        self.failed = False

    @property
    def ready(self) -> bool:
        """True once the server says that it listens (``/info/`` answers then)."""
        return self.url is not None and not self.failed

    def feed(self, line: str) -> str | None:
        """Take one line; returns the new phase where it begins one."""
        return self.take(parse_line(line).message)

    def take(self, message: str) -> str | None:
        """As :meth:`feed`, of a line's message."""
        if "Uvicorn running on" in message and (found := _READY.search(message)):
            self.url, self.failed = found[1], False
            return self._enter("ready")
        if "Application startup failed" in message or "error while attempting to bind" in message:
            self.failed = True
            return self._enter("failed")
        if message.startswith("+++ Adding Model: "):
            return self._enter(
                "adding model " + _plain(message.removeprefix("+++ Adding Model: ").split(" =>")[0])
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
    """A pattern of the output; ``{0}`` in the words is its first group."""

    pattern: str
    code: Code
    message: str
    hint: str


_SETUP = "Run setup: it installs the versions that work together (labeltui setup)."
_CAUSES = (
    _Cause(r"error while attempting to bind on address \('[^']*', (\d+)\): address already in use",
           Code.PORT_TAKEN,
           "Port {0} on the host is taken.", "Stop what holds it, or choose another port (server.port)."),
    _Cause(r"error while attempting to bind on address \((.{1,80}?)\): (?!address already)", Code.PORT_REFUSED,
           "The server may not listen on {0}.", "Choose a port above 1023 (server.port)."),
    _Cause(r"Invalid Model\(s\) are provided: (.{1,200})", Code.UNKNOWN_MODEL,
           "The app has no model {0}.", "Choose among: {available}."),
    _Cause(r"Provide --conf models <name>", Code.NO_MODEL,
           "No model was chosen.", "Choose among: {available}."),
    _Cause(r"There is no model '?([^'\n]{1,100})'? available", Code.UNKNOWN_MODEL,
           "The app has no model {0}.", "Choose a model that labeltui server status lists."),
    _Cause(r"APP Directory (.{1,300}?) NOT Found", Code.APP_MISSING,
           "The app is not on the host: {0}.", "Run setup to copy the apps, or correct server.app."),
    _Cause(r"APP Directory NOT provided", Code.APP_MISSING, "No app was given.", "Set server.app."),
    _Cause(r"App Does NOT have main\.py|App Does NOT Implement MONAILabelApp", Code.APP_BROKEN,
           "The app folder holds no MONAI Label app.", "Correct server.app: it is the folder with main.py."),
    _Cause(r"STUDIES Path/Directory NOT provided", Code.STUDIES_MISSING,
           "No studies were given.", "Set server.studies."),
    _Cause(r"No module named 'pydicom\._storage_sopclass_uids'", Code.DEPENDENCIES,
           "pydicom 3 is installed, which MONAI Label 0.8.5 cannot use.", _SETUP),
    _Cause(r"cannot import name 'parse_basic_offsets' from 'pydicom\.encaps'", Code.DEPENDENCIES,
           "The dicomweb-client that is installed does not fit the pydicom that MONAI Label needs.", _SETUP),
    _Cause(r"operator torchvision::\w+ does not exist", Code.DEPENDENCIES,
           "torchvision's operators do not load beside this torch.", _SETUP),
    _Cause(r"No module named '?monailabel|venv/bin/python[^\n]{0,40}: (?:No such file|not found)",
           Code.NOT_INSTALLED,
           "MONAI Label is not installed in the host's folder.", _SETUP),
    _Cause(r"(?:ModuleNotFoundError|ImportError): (.{1,200})", Code.DEPENDENCIES,
           "The server does not import: {0}.", _SETUP),
    _Cause(r"QIICR/dcmqi", Code.DOWNLOAD_FAILED,
           "The server could not download dcmqi, which it needs for DICOMweb.", _SETUP),
    _Cause(r"(?:raw\.githubusercontent|github)\.com[^\n]{0,200}model-zoo", Code.DOWNLOAD_FAILED,
           "The server could not reach the MONAI model zoo.",
           "Give the host a way to the internet, or put the bundle into the app and set zoo_source=ngc."),
    _Cause(r"Download failed from (\S{0,300}sam2\S{0,100})", Code.DOWNLOAD_FAILED,
           "The server could not download SAM2.",
           "Set conf sam2=false, or give the host a way to the internet."),
    _Cause(r"Download failed from (\S{1,300})", Code.DOWNLOAD_FAILED,
           "The server could not download {0}.",
           "Give the host a way to the internet, or set conf use_pretrained_model=false."),
    _Cause(r"rate limit exceeded", Code.DOWNLOAD_FAILED,
           "GitHub refuses more downloads for now (rate limit).", "Wait an hour, or set conf auth_token."),
    _Cause(r"<urlopen error (.{1,200}?)>|Max retries exceeded with url: (\S{1,200})", Code.DOWNLOAD_FAILED,
           "The server could not download what it needs: {0}.", "Give the host a way to the internet."),
    _Cause(r"CUDA out of memory|OutOfMemoryError", Code.GPU_MEMORY,
           "The GPU has no memory left.",
           "Stop what else uses it (an orphaned training?), or choose a smaller model."),
    _Cause(r"CUDA error: (.{1,200})|NVIDIA driver on your system is too old", Code.GPU,
           "The GPU cannot be used: {0}.",
           "See nvidia-smi on the host; a restart of the host may be needed."),
    _Cause(r"No space left on device", Code.DISK_FULL,
           "The host's disk is full.", "Free some space on the host."),
    _Cause(r"\[Errno 13\] Permission denied: (.{1,200})", Code.PERMISSION,
           "The server may not write {0}.", "Correct the owner of the file, or choose another folder."),
    _Cause(r"MemoryError|Cannot allocate memory", Code.MEMORY,
           "The host has no memory left.", "Use a larger host."),
    _Cause(r"(?:unrecognized arguments|error: argument)[^\n:]{0,60}: ?(.{0,200})", Code.USAGE,
           "The server does not know an argument: {0}.", "Check server.conf and the version of MONAI Label."),
)  # fmt: skip
_COMPILED = tuple((re.compile(cause.pattern), cause) for cause in _CAUSES)
_EXCEPTION = re.compile(r"(?:[\w.]{1,200}\.)?\w{0,80}(?:Error|Exception|Interrupt)\b(?:: .*)?$")


def diagnose_exit(lines: Sequence[str], exit_code: int | None) -> Problem:
    """Why a server that was not stopped on purpose is gone: the cause in one line, and the traceback.

    ``lines`` are its newest output, oldest first; ``exit_code`` is negative for a signal, None when unknown.
    """
    # A server that did not start says why above its tracebacks; one that ran may have outlived older errors.
    looked_at = LOOKED_AT if exit_code in STARTUP_EXITS else LOOKED_AT_AFTER_RUNNING
    newest = [parse_line(line).message for line in lines[-looked_at:]]
    detail = traceback_of(lines)
    if exit_code in (-9, 137):
        return Problem(
            Code.KILLED,
            "The server was killed (signal 9), most likely for want of memory.",
            "Look at the host's memory; start it again when there is enough.",
            detail,
        )
    found = _cause(newest)
    if found is not None:
        return Problem(*found, detail)
    if exit_code is not None and exit_code < 0:
        return _by_signal(-exit_code, detail)
    if exit_code == 127:
        return Problem(
            Code.NOT_INSTALLED, "MONAI Label is not installed in the host's folder.", _SETUP, detail
        )
    last = _last_words(newest)
    how = "ended" if exit_code is None else f"ended with exit code {exit_code}"
    return Problem(Code.CRASHED, f"The server {how}: {last}", "The traceback is in the server's log.", detail)


def cause_in(message: str) -> Problem | None:
    """Why a server could not start, where one line says it."""
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
        "Start it again; see its log for what it did last.",
        detail,
    )


def _cause(lines: Sequence[str]) -> tuple[Code, str, str] | None:
    text = "\n".join(lines)
    for pattern, cause in _COMPILED:
        found = pattern.search(text)
        if found is None:
            continue
        group = _plain(next((part for part in found.groups() if part), "")).strip("[]'\" ")
        hint = cause.hint.replace("{available}", _available(lines))
        return cause.code, cause.message.replace("{0}", group), hint
    return None


def _available(lines: Sequence[str]) -> str:
    """The models that the app printed, under its own heading."""
    for at, line in enumerate(lines[:-1]):
        if "available models" in line and lines[at + 1].startswith(" "):
            return _plain(lines[at + 1].strip())
    return "those of the app's lib/configs"


def _last_words(lines: Sequence[str]) -> str:
    told = [line.strip() for line in lines if line.strip()]
    for line in reversed(told):
        if _EXCEPTION.match(line):
            return _plain(line)
    return _plain(told[-1]) if told else "it printed nothing"


def traceback_of(lines: Sequence[str]) -> str:
    """The newest traceback with what follows it, else the newest lines."""
    start = max(
        (at for at, line in enumerate(lines) if "Traceback (most recent call last)" in line), default=-1
    )
    chosen = lines[start:] if start >= 0 else lines[-30:]
    return "\n".join(chosen[-DETAIL_LINES:])


def _plain(text: str) -> str:
    """Text of a log inside a message: one line, nothing that a terminal obeys, not too long."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 2 * SHOWN])
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
