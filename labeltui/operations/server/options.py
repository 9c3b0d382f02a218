"""Options of setup and server: the profile's settings, overridden by the parameters of one command."""

from __future__ import annotations

import os

from labeltui.actions.server import ServerStartParams
from labeltui.config.model import Profile
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.monailabel.installation.recipe import SetupOptions
from labeltui.monailabel.launch import ServerOptions
from labeltui.monailabel.own_labels import OFF, parse_labels, refuse_unfit


def setup_options(profile: Profile) -> SetupOptions:
    """Return the profile's options for installing MONAI Label."""
    return SetupOptions(torch=profile.server.torch, pip_args=profile.server.pip_args)


def server_options(profile: Profile, params: ServerStartParams) -> ServerOptions:
    """Return the options for starting the server.

    ``conf`` and ``env`` are added to the profile's values; other parameters replace them. Raises Misused
    ``no_password`` when the profile names an environment variable for the DICOMweb password, and the variable
    is not set, and ``bad_labels`` for own labels that the models can't have.
    """
    server = profile.server
    models = _names(params.models) if params.models else server.models
    return ServerOptions(
        folder=server.folder,
        app=params.app or server.app,
        models=models,
        labels=_labels(profile, params, models),
        studies=params.studies or server.studies,
        port=params.port or server.port,
        expose=server.expose,
        conf={**server.conf, **params.conf},
        env={**server.env, **params.env},
        dicomweb_user=server.dicomweb_user,
        dicomweb_password=_password(server.dicomweb_password_env),
        dicomweb_cache_s=server.dicomweb_cache_s,
        dicomweb_modality=params.dicomweb_modality or server.dicomweb_modality,
        worklist=params.worklist or server.worklist,
        worklist_minutes=server.worklist_minutes,
        client_id=profile.client_id,
    )


def _labels(profile: Profile, params: ServerStartParams, models: tuple[str, ...]) -> tuple[str, ...]:
    given = (params.labels or "").strip()
    if given == OFF:
        return ()
    labels = parse_labels(given.split(",") if given else profile.server.labels)
    refuse_unfit(params.app or profile.server.app, models, labels)
    return labels


def _names(models: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in models.split(",") if name.strip())


def _password(variable: str | None) -> str | None:
    if variable is None:
        return None
    password = os.environ.get(variable)
    if password is None:
        raise Misused(
            Code.NO_PASSWORD, f"The profile takes the DICOMweb password from {variable}, which is not set.",
            f"Run `export {variable}=...`, then try again.",
        )  # fmt: skip
    return password
