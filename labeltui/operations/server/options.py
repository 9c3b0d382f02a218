"""From a profile, and what was asked for this once, to what the adapters take."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from labeltui.config.model import Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.monailabel.launch import ServerOptions
from labeltui.monailabel.recipe import SetupOptions


def setup_options(profile: Profile) -> SetupOptions:
    """How MONAI Label is installed."""
    return SetupOptions(torch=profile.server.torch, pip_args=profile.server.pip_args)


def server_options(profile: Profile, params: Mapping[str, Any]) -> ServerOptions:
    """How the server is started: the profile's settings, with what was asked for this once on top."""
    server = profile.server
    models = params.get("models")
    return ServerOptions(
        folder=server.folder,
        app=params.get("app") or server.app,
        models=_names(models) if models else server.models,
        studies=params.get("studies") or server.studies,
        port=params.get("port") or server.port,
        expose=server.expose,
        conf={**server.conf, **(params.get("conf") or {})},
        env={**server.env, **(params.get("env") or {})},
        dicomweb_user=server.dicomweb_user,
        dicomweb_password=_password(server.dicomweb_password_env),
    )


def _names(models: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    listed = models.split(",") if isinstance(models, str) else models
    return tuple(name.strip() for name in listed if name.strip())


def _password(variable: str | None) -> str | None:
    if variable is None:
        return None
    password = os.environ.get(variable)
    if password is None:
        raise Misused(
            Code.NO_PASSWORD, f"The profile takes the DICOMweb password from {variable}, which is not set.",
            f"export {variable}=..., then try again.",
        )  # fmt: skip
    return password
