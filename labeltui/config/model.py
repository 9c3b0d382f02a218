"""The profile file, declared once: defaults, documentation, validation and JSON Schema come from here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A table of the file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SshSection(Section):
    """How the host is reached."""

    address: str
    """``user@name:port``, or a ``Host`` of ``~/.ssh/config``."""
    key: str | None = None
    """Private key file; otherwise the agent and ``~/.ssh/config`` decide."""
    jump: str | None = None
    """A host to go through, as ``user@name:port`` or a ``Host`` of ``~/.ssh/config``."""
    known_hosts: str | None = None
    """Extra file of trusted host keys; labeltui keeps its own beside its state."""
    config: str | None = None
    """Another file than ``~/.ssh/config``; ``none`` ignores both."""


class RunpodSection(Section):
    """Which pod of RunPod is worked on."""

    pod: str = ""
    """Its id or name; empty until one is rented."""
    key: str | None = None
    """Private SSH key for the pod; otherwise those that ssh itself would use."""
    key_command: str | None = None
    """Command that prints the API key, when RUNPOD_API_KEY is not set."""
    api: Literal["auto", "v2", "graphql"] = "auto"
    """``auto``: REST v2, and GraphQL once v2 is switched off."""


class ServerSection(Section):
    """The MONAI Label server on the host."""

    folder: str = "~/labeltui"
    """Folder on the host for the venv, apps, logs and the agent's state; ``~`` is the host's home."""
    app: str = "radiology"
    """``radiology``, ``monaibundle``, or a path of an app on the host."""
    models: tuple[str, ...] = ("deepedit",)
    """Models the app serves (``--conf models``)."""
    studies: str = "~/studies"
    """Folder of studies on the host, or a DICOMweb URL."""
    port: Port = 8000
    """Port the server listens on, on the host; also the local port of the tunnel, when it is free."""
    expose: Literal["tunnel", "public"] = "tunnel"
    """``tunnel``: the server listens on 127.0.0.1 of the host. ``public``: on all addresses, no password."""
    conf: dict[str, str] = Field(default_factory=dict)
    """More ``--conf KEY VALUE`` of the app."""
    env: dict[str, str] = Field(default_factory=dict)
    """More environment of the server."""
    dicomweb_user: str | None = None
    """User of the DICOMweb server."""
    dicomweb_password_env: str | None = None
    """Name of the local environment variable that holds the DICOMweb password."""
    torch: Literal["reuse", "cuda", "cpu"] = "reuse"
    """``reuse`` the image's torch where it fits, else ``cuda``; or ``cpu``."""
    python: str = "python3"
    """Python on the host that makes the venv (3.10 to 3.12)."""
    pip_args: tuple[str, ...] = ()
    """More arguments of every ``pip install``, for hosts behind a mirror."""


class LabelsSection(Section):
    """Whether and where labels are copied, as they are submitted."""

    folder: str | None = None
    """Where they are kept; otherwise a folder of the profile in the platform's place for data."""
    copy_: bool = Field(default=True, alias="copy")
    """Copy each label here as it is submitted. ``false``: they are counted, and nothing is copied."""


class ShellSection(Section):
    """The shell pane."""

    tmux: bool = True
    """Keep shells in tmux on the host, where it has one: they outlive the connection and the console."""
    scrollback: Annotated[int, Field(ge=0, le=200_000)] = 10_000
    """Lines that can be scrolled back to."""
    command: str | None = None
    """What runs in a shell; the login shell when left out."""


class GuardSection(Section):
    """The guard on a pod of RunPod: it stops the pod when nobody needs it, also while this machine sleeps."""

    stop: Literal["auto", "off"] = "auto"
    """``auto``: stop the pod when it is idle or the budget is spent. ``off``: never by itself."""
    idle_minutes: Annotated[float, Field(ge=0)] = 45
    """Stop after so many minutes without GPU use, request, label, training, shell key or upload; 0: never."""
    budget: Annotated[float, Field(gt=0)] | None = None
    """Stop once the pod has cost so many dollars since its start."""
    wait_for_copies: bool = True
    """Wait with the stop until each label on the pod is copied to a desk."""
    operator_key: bool = False
    """Lend the pod your API key, in a file that only its owner can read, where its own key may not stop it."""


class Profile(Section):
    """One session's settings."""

    host: Literal["runpod", "ssh", "local"] = "local"
    """Where the machine comes from."""
    theme: str = "labeltui-dark"
    """Colours: a file of ``themes/``, or a theme of Textual."""
    read_only: bool = False
    """Refuse everything that changes something."""
    client_id: str = "labeltui"
    """Name under which the console fetches and submits."""
    ssh: SshSection | None = None
    """Needed for ``host = "ssh"``."""
    runpod: RunpodSection | None = None
    """For ``host = "runpod"``."""
    server: ServerSection = ServerSection()
    """The server on the host."""
    labels: LabelsSection = LabelsSection()
    """Copies of the labels on this machine."""
    shell: ShellSection = ShellSection()
    """The shells on the host."""
    guard: GuardSection = GuardSection()
    """What stops the pod by itself, with ``host = "runpod"``."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Keys by action id, e.g. ``"server.start" = "f5"``."""


class ConfigFile(Section):
    """The whole file."""

    default: str | None = None
    """The profile used when none is named."""
    profiles: dict[str, Profile] = Field(default_factory=dict)
    """Profiles by name."""
