"""The agent's messages, typed. ``remote/agent.py`` describes the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from labeltui.domain.labels.copies import HostLabel


class JobState(StrEnum):
    """The state of a job, a process that outlives the connection.

    ``lost`` means that the job ended while no runner watched it, so its exit code is unknown.
    """

    ABSENT = "absent"
    RUNNING = "running"
    STOPPING = "stopping"
    EXITED = "exited"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a named job. Times are unix seconds of the host's clock.

    ``meta`` is the JSON object that was passed at the start.
    """

    name: str
    state: JobState
    run_id: str | None = None
    pid: int | None = None
    exit_code: int | None = None  # negative for a signal; None while running and when unknown
    log_path: str | None = None
    started_ts: float | None = None
    ended_ts: float | None = None
    stopped_by_us: bool = False  # a console stopped it
    meta: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a followed file. When the file is replaced (rotation), ``file_id`` changes and offsets restart at 0.

    ``at_end`` is True if this chunk, which may be empty, ends at the current end of the file. ``torn`` is True
    if bytes before this chunk may be missing, because they are no longer on the host's disk.
    """

    path: str
    file_id: str
    offset: int
    data: bytes
    at_end: bool
    torn: bool = False


@dataclass(frozen=True, slots=True)
class AgentHello:
    """The agent's first message: its version, process and machine."""

    version: str
    python: str
    system: str
    hostname: str
    user: str
    home: str
    boot_id: str
    pid: int
    now_ts: float
    cpu_count: int
    utc_offset_s: int


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file or folder. ``size`` is in bytes, ``mtime`` in unix seconds; ``file_id`` is None for a folder."""

    size: int
    mtime: float
    is_dir: bool
    file_id: str | None = None


@dataclass(frozen=True, slots=True)
class DiskSum:
    """The newest sum of the sizes of a volume's files, in bytes, and its age in seconds.

    Both are None before the first.
    """

    used: int | None
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Preflight:
    """Whether the server can start. ``app`` is empty if it is missing.

    ``home`` is the host's home folder, ``path`` its PATH, ``python_path`` its PYTHONPATH. ``studies`` is True
    if the studies' folder exists, and ``any_study`` if it has a file that may be a study; None if that is
    unknown. The versions are those of the Python that made the virtual environment, of
    the Python that runs in it (empty if it does not run), and of the host's own Python.
    """

    home: str
    path: str
    venv_found: bool
    venv_made_by: str
    venv_python: str
    python_version: str
    app: str
    studies: bool
    port_free: bool
    python_path: str = ""
    any_study: bool | None = None


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """An entry in the labels' folder that is not a label file, with its kind, such as a folder."""

    tag: str
    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class LabelPage:
    """One page of a label listing. ``after`` is its last label; ``more`` is True if further labels follow."""

    root: str
    now_ns: int
    labels: tuple[HostLabel, ...]
    skipped: tuple[SkippedEntry, ...] = ()
    after: tuple[str, str] | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class InvitedKey:
    """An invited annotator's key on the host. ``since`` is in unix seconds; ``connected`` is None if unknown."""

    name: str
    key: str
    port: int
    since: float | None = None
    connected: bool | None = None


@dataclass(frozen=True, slots=True)
class InvitingHost:
    """The host's file of public keys, and its sshd.

    ``connections`` is the number of connections without a program, or None.
    """

    file: str
    ssh_port: int
    sockets: bool
    forwards: bool
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class InvitedKeys:
    """The answer to a request about invitations.

    After a revocation, ``removed`` counts keys. ``cut`` counts connections that were ended, ``unclear`` those
    among them whose key is unknown, and ``left`` those that could not be ended.
    """

    host: InvitingHost
    invitations: tuple[InvitedKey, ...]
    removed: int = 0
    cut: int = 0
    unclear: int = 0
    left: int = 0
