"""The model of the profile file. Defaults, validation, documentation and the JSON Schema come from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from labeltui.domain.problems import Misused
from labeltui.domain.ssh_address import parse

Port = Annotated[int, Field(ge=1, le=65535)]


def _checked_address(text: str) -> str:
    try:
        parse(text)
    except Misused as error:
        problem = error.problem
        raise PydanticCustomError(
            "address", "{text}", {"text": f"{problem.message} {problem.hint}"}
        ) from error
    return text


class Section(BaseModel):
    """A table of the file. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SshSection(Section):
    """The SSH connection to the host."""

    address: Annotated[str, AfterValidator(_checked_address)]
    """``user@name:port``, a ``Host`` of ``~/.ssh/config``, or the ``ssh`` command that you would type."""
    key: str | None = None
    """Private key file. By default the ssh agent and ``~/.ssh/config`` decide."""
    jump: str | None = None
    """Jump host, as ``user@name:port`` or a ``Host`` of ``~/.ssh/config``."""
    known_hosts: str | None = None
    """Another file of trusted host keys, besides the one that labeltui stores."""
    config: str | None = None
    """File to read instead of ``~/.ssh/config``; ``none`` reads no file."""


class RunpodSection(Section):
    """The pod on RunPod."""

    pod: str = ""
    """The pod's id or name. Empty until a pod is rented."""
    key: str | None = None
    """Private SSH key for the pod. By default the keys that ssh would use."""
    key_command: str | None = None
    """Command that prints the API key. It runs when RUNPOD_API_KEY is not set."""
    team: str | None = None
    """Id of the RunPod team whose pods are used, sent as ``X-Team-Id``. By default the key's own account."""
    api: Literal["auto", "v2", "graphql"] = "auto"
    """``auto`` uses REST v2, and GraphQL when RunPod no longer offers v2."""


class ServerSection(Section):
    """The MONAI Label server on the host."""

    folder: str = "~/labeltui"
    """Folder on the host for the venv, apps, logs and the agent's state. ``~`` is the home folder on the host."""
    app: str = "radiology"
    """``radiology``, ``monaibundle``, or the path of an app on the host."""
    models: tuple[str, ...] = ("deepedit",)
    """Models that the app loads (``--conf models``)."""
    labels: tuple[str, ...] = ()
    """Names of your own labels for the models, which then start untrained. By default the models' own labels."""
    studies: str = "~/studies"
    """Folder of the studies on the host, or a DICOMweb URL."""
    port: Port = 8000
    """Port of the server on the host. The tunnel uses the same local port if it is free."""
    expose: Literal["tunnel", "public"] = "tunnel"
    """``tunnel``: the server listens on 127.0.0.1 of the host. ``public``: on all addresses, without a password."""
    conf: dict[str, str] = Field(default_factory=dict)
    """Further ``--conf KEY VALUE`` arguments for the app."""
    env: dict[str, str] = Field(default_factory=dict)
    """Further environment variables for the server."""
    dicomweb_user: str | None = None
    """User name for the DICOMweb server."""
    dicomweb_password_env: str | None = None
    """Name of the local environment variable that holds the DICOMweb password."""
    dicomweb_cache_s: Annotated[int, Field(ge=1)] = 5
    """Seconds after which MONAI Label asks DICOMweb again, and no longer hands out a finished series."""
    dicomweb_modality: Literal["CT", "MR", "PT", "NM", "US", "CR", "DX", "MG", "XA"] = "CT"
    """Modality of the series on DICOMweb that are handed out. Other series are not listed."""
    worklist: str = "random"
    """Strategy by which the worklist chooses: ``random``, ``first`` or ``epistemic``. ``off``: no worklist."""
    worklist_minutes: Annotated[float, Field(gt=0)] = 90
    """For this many minutes after an annotator's last request, the worklist gives the fetched study to nobody else."""
    torch: Literal["reuse", "cuda", "cpu"] = "reuse"
    """torch to install: ``cuda``, ``cpu``, or ``reuse`` to take the image's own if its version fits, else ``cuda``."""
    python: str = "python3"
    """Python on the host that creates the venv (3.10 to 3.12)."""
    pip_args: tuple[str, ...] = ()
    """Further arguments for each ``pip install``, for example to use a mirror."""


class LabelsSection(Section):
    """Copying labels to this machine."""

    folder: str | None = None
    """Folder of the copies. By default a folder for the profile in the platform's data folder."""
    copy_: bool = Field(default=True, alias="copy")
    """Copy each label to this machine as it is submitted. ``false`` only counts them."""


class ModelsSection(Section):
    """Copying trained models to this machine."""

    folder: str | None = None
    """Folder of the copies. By default a folder for the profile in the platform's data folder."""
    copy_: Literal["always", "best", "never"] = Field(default="always", alias="copy")
    """Copy a model that a training has published: ``always``, only if it is the ``best`` so far, or ``never``."""


class ShellSection(Section):
    """The shell pane."""

    tmux: bool = True
    """Run shells in tmux if the host has it, so that they survive a lost connection and the console's end."""
    scrollback: Annotated[int, Field(ge=0, le=200_000)] = 10_000
    """Lines of scrollback."""
    command: str | None = None
    """Command that runs in a shell. By default the login shell."""


class GuardSection(Section):
    """The guard on a pod of RunPod. It stops an unused pod even while this machine sleeps."""

    stop: Literal["auto", "off"] = "auto"
    """``auto`` stops the pod when it is idle or the budget is spent; ``off`` never stops it."""
    idle_minutes: Annotated[float, Field(ge=0)] = 45
    """Stop after this many minutes without GPU use, request, label, training, typed key or upload. 0: never."""
    budget: Annotated[float, Field(gt=0)] | None = None
    """Stop once the pod has cost this many dollars since its start."""
    wait_for_copies: bool = True
    """Stop only after each label on the pod, and each trained model, has been copied to a desk."""
    operator_key: bool = False
    """Lend your API key to the pod, in case RunPod refuses a stop by the pod's own key. It is in the pod's memory only:
    when the container starts again, the key is gone until a console lends it again."""


class SlicerSection(Section):
    """3D Slicer on this desk, which ``labeltui slicer`` starts."""

    program: str | None = None
    """Slicer's program, or its application on macOS. By default the one on PATH, else the newest that is found."""
    client_id: str | None = None
    """Your name in Slicer, which the server receives with your labels. ``labeltui slicer`` asks for it once."""


class Profile(Section):
    """One session's settings."""

    host: Literal["runpod", "ssh", "local"] = "local"
    """Kind of host: a pod of RunPod, a machine reached by SSH, or this machine."""
    theme: str = "auto"
    """Colour theme: one of labeltui's, one of Textual's, or your own in the folder ``themes`` beside this file.
    ``auto``: ``labeltui-dark``, or ``labeltui-ansi`` on a terminal with 16 colours."""
    glyphs: Literal["auto", "unicode", "ascii"] = "auto"
    """Characters that the console draws with. ``auto``: only ASCII where LC_ALL, LC_CTYPE or LANG names no UTF-8."""
    motion: Literal["auto", "reduced"] = "auto"
    """``reduced``: nothing glides or blinks. ``auto``: the same if TEXTUAL_ANIMATIONS is ``none``."""
    graphics: Literal["auto", "blocks", "kitty", "sixel", "none"] = "auto"
    """Pictures of studies: as images if the terminal proves that it shows them, half blocks, Kitty's images or sixels
    unproven, or greys as text."""
    read_only: bool = False
    """Refuse every action that changes something."""
    client_id: str = "labeltui"
    """Client id that the console sends to MONAI Label."""
    ssh: SshSection | None = None
    """Required with ``host = "ssh"``."""
    runpod: RunpodSection | None = None
    """Used with ``host = "runpod"``."""
    server: ServerSection = ServerSection()
    """The MONAI Label server."""
    labels: LabelsSection = LabelsSection()
    """Copies of the labels on this machine."""
    models: ModelsSection = ModelsSection()
    """Copies of the trained models on this machine."""
    slicer: SlicerSection = SlicerSection()
    """3D Slicer on this desk."""
    shell: ShellSection = ShellSection()
    """The shells on the host."""
    guard: GuardSection = GuardSection()
    """The guard that stops an unused pod, with ``host = "runpod"``."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Keys by action id, e.g. ``"server.start" = "f5"``."""


CONSOLE_SETTINGS = ("theme", "glyphs", "motion", "graphics", "keys")
"""The settings of a profile that are about the console, not about a host or its server. The demo uses them too."""


class ConfigFile(Section):
    """The whole profile file."""

    default: str | None = None
    """The profile to use when none is named."""
    profiles: dict[str, Profile] = Field(default_factory=dict)
    """Profiles by name."""
