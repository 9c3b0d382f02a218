"""Build the command line that starts a server from the values of a profile. Pure."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from labeltui.monailabel.own_labels import sized_by_labels
from labeltui.monailabel.packing import WEB_APP
from labeltui.monailabel.serving import own_labels
from labeltui.monailabel.serving.settings import VARIABLE, Settings

CACHE_META = "dicomweb_cache_s"
CACHE_VARIABLE = "MONAI_LABEL_DICOMWEB_CACHE_EXPIRY"
DEFAULT_CACHE_S = 7200
"""Seconds for which MONAI Label caches DICOMweb's answers by default."""
FILTER_VARIABLE = "MONAI_LABEL_DICOMWEB_SEARCH_FILTER"
DEFAULT_MODALITY = "CT"
"""The modality of the series that MONAI Label serves by default."""
NO_WORKLIST, EPISTEMIC = "off", "epistemic"
EPISTEMIC_CONF = {"skip_strategies": "false", "skip_scoring": "false", "epistemic_enabled": "true"}
"""Configuration with which the radiology app computes scores, and offers the strategy that uses them."""
WORKLIST_META, HOLD_META = "worklist", "worklist_hold_s"
"""Keys of the job's record: the file of the operator's edits, and how many seconds a study stays reserved."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The operator's options. Paths are on the host and may begin with ``~``."""

    folder: str
    app: str = "radiology"
    models: tuple[str, ...] = ("deepedit",)
    labels: tuple[str, ...] = ()
    """The operator's own labels for the models. If empty, the models have their own."""
    studies: str = "~/studies"
    port: int = 8000
    expose: Literal["tunnel", "public"] = "tunnel"
    conf: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    dicomweb_user: str | None = None
    dicomweb_password: str | None = None
    dicomweb_cache_s: int = 5
    dicomweb_modality: str = DEFAULT_MODALITY
    worklist: str = "random"
    """The strategy by which the worklist chooses among free studies. ``off`` starts the server without a worklist."""
    worklist_minutes: float = 90
    client_id: str = ""
    """The console's own client id. A study that it fetches is not reserved for it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A command for the host, which adds ``env`` to its environment, creates ``cwd`` and stores ``meta``.

    ``env`` may contain a password, so it must not be logged or stored.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    meta: Mapping[str, object]


def launch(
    options: ServerOptions,
    *,
    home: str,
    path: str = SYSTEM_PATH,
    python_path: str = "",
    serving: str | None = None,
) -> Launch:
    """Build the command for a host with this home folder and ``PATH``.

    It runs Python directly, because the ``monailabel`` script splits paths at spaces. ``serving`` is the path of
    labeltui's modules on the host; None starts MONAI Label as it is. ``python_path`` is the host's PYTHONPATH.
    """
    folder = expand(options.folder, home)
    venv = f"{folder}/venv"
    studies = options.studies if is_dicomweb(options.studies) else expand(options.studies, home)
    conf = _conf(options)
    argv = [f"{venv}/bin/python", "-m", "monailabel.main", "start_server"]
    app = app_folder(options.app, folder, home)
    argv += ["--app", app, "--studies", studies]
    for key, value in conf.items():
        argv += ["--conf", key, value]
    host = "0.0.0.0" if options.expose == "public" else "127.0.0.1"  # noqa: S104 - the operator chose it, and was warned
    # Each process would have its own list of trainings. WEB_CONCURRENCY in the environment would start several.
    argv += ["--host", host, "--port", str(options.port), "--workers", "1"]
    meta: dict[str, object] = {
        "app": options.app,
        "app_log": f"{app}/logs/app.log",
        "models": tuple(name for name in conf.get("models", "").split(",") if name),
        "studies": studies,
        "port": options.port,
        "expose": options.expose,
    }
    env = _env(options, venv, path)
    if serving is not None:
        argv += ["--uvicorn_app", WEB_APP]
        env["PYTHONPATH"] = ":".join(filter(None, (serving, env.get("PYTHONPATH", python_path))))
        if options.labels:
            env[own_labels.VARIABLE] = json.dumps(options.labels)
        if options.worklist != NO_WORKLIST:
            settings = worklist_settings(options, studies, f"{folder}/run")
            env[VARIABLE] = settings.text()
            meta[WORKLIST_META] = str(settings.edits)
            meta[HOLD_META] = settings.hold_s
    if (cache_s := env.get(CACHE_VARIABLE, "")).isdigit():
        meta[CACHE_META] = int(cache_s)
    # MONAI Label reads .env from its working folder. This folder is labeltui's own and has no such file.
    return Launch(tuple(argv), env, f"{folder}/run", meta)


def worklist_settings(options: ServerOptions, studies: str, folder: str) -> Settings:
    """Return the worklist's settings.

    The operator's edits are stored by source of studies, so they survive the server's run.
    """
    digest = hashlib.sha256(studies.encode()).hexdigest()[:12]
    edits = PurePosixPath(folder, f"worklist-{digest}.json")
    return Settings(edits, options.worklist, options.worklist_minutes * 60, (options.client_id,))


def _conf(options: ServerOptions) -> dict[str, str]:
    """The app's configuration. Values from the profile override the others."""
    conf = {"models": ",".join(options.models)} if options.models else {}
    # Otherwise the radiology and bundle apps download a model at every start.
    conf["sam2"] = "false"
    if options.worklist == EPISTEMIC and options.app == "radiology":
        conf |= EPISTEMIC_CONF
    conf.update(options.conf)
    if options.labels:
        # Only segmentation reads this. It removes its pretrained weights then.
        conf["labels"] = ",".join(options.labels)
        if sized_by_labels(options.models):
            conf["use_pretrained_model"] = "false"
    return conf


def _env(options: ServerOptions, venv: str, path: str) -> dict[str, str]:
    env = {
        "PATH": f"{venv}/bin:{path or SYSTEM_PATH}",
        "VIRTUAL_ENV": venv,
        "PYTHONUNBUFFERED": "1",
        # By default MONAI Label tracks with mlflow in a folder. Current versions of mlflow refuse that, and the
        # training fails.
        "MONAI_LABEL_TRACKING_ENABLED": "false",
    }
    if options.dicomweb_user is not None:
        env["MONAI_LABEL_DICOMWEB_USERNAME"] = options.dicomweb_user
    if options.dicomweb_password is not None:
        env["MONAI_LABEL_DICOMWEB_PASSWORD"] = options.dicomweb_password
    if is_dicomweb(options.studies):
        # Until the cached list expires, the server hands out a study again although its label is final.
        env[CACHE_VARIABLE] = str(options.dicomweb_cache_s)
        env[FILTER_VARIABLE] = json.dumps({"Modality": options.dicomweb_modality})
    env.update(options.env)
    return env


def app_folder(app: str, folder: str, home: str) -> str:
    """The folder of an app: a path on the host, or the copy that ``setup`` made of an app known by name."""
    if "/" in app or app.startswith("~"):
        return expand(app, home)
    return f"{folder}/apps/{app}"


def is_dicomweb(studies: str) -> bool:
    """Whether ``studies`` is a DICOMweb URL rather than a folder."""
    return studies.startswith(("http://", "https://"))


def expand(path: str, home: str) -> str:
    """Make a path on the host absolute. ``~`` and relative paths start at its home folder."""
    if path == "~" or path.startswith("~/"):
        path = home + path[1:]
    return posixpath.normpath(posixpath.join(home, path))
