"""Finds options of an app (``--conf``) that neither the app nor its models read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

APPS = ("radiology", "monaibundle")
MAIN = "main.py"
MODELS_FOLDER = "lib/configs"
_EVERY_APP = frozenset({"models", "preload", "auth_token", "server_mode", "zoo_repo", "zoo_source"})
# The radiology app reads these for its planner. They matter only to a model that asks the planner, and in MONAI Label
# 0.8.5 none does.
_PLANNED = frozenset({"spatial_size", "target_spacing", "heuristic_planner"})


def without_effect(conf: Iterable[str], sources: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in ``conf`` that nothing reads.

    ``sources`` are the app's ``main.py`` and the files of the models that are started, by path in the app's
    folder. If ``main.py`` reads no options at all, no conclusion is possible, and the result is empty.
    """
    main = sources.get(MAIN, "")
    models = [text for path, text in sources.items() if path != MAIN]
    planner = any("planner." in text for text in models)
    return tuple(
        name
        for name in conf
        if "conf.get(" in main
        and name not in _EVERY_APP
        and not any(_reads(text, name) for text in models)
        and not (planner if name in _PLANNED else _reads(main, name))
    )


def _reads(source: str, name: str) -> bool:
    return re.search(rf"(?:conf(?:\.get\(|\[)|conf_key=)\s*['\"]{re.escape(name)}['\"]", source) is not None
