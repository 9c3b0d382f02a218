"""The app object of the stand-in: models, studies, tasks, and the log lines of its start-up."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from labeltui.monailabel.serving.own_labels import replaced
from labeltui.monailabel.serving.rules import Entry
from labeltui.monailabel.serving.settings import VARIABLE
from labeltui.monailabel.serving.settings import Settings as WorklistSettings
from labeltui.monailabel.serving.worklist import NAME, Worklist, fetches_of, with_final
from labeltui.sandbox.monailabel import catalogue
from labeltui.sandbox.monailabel.catalogue import MODELS, VERSION, Model
from labeltui.sandbox.monailabel.datastore import STRATEGIES, Datastore, choose
from labeltui.sandbox.monailabel.log import say
from labeltui.sandbox.monailabel.scoring import offered
from labeltui.sandbox.monailabel.settings import Settings
from labeltui.sandbox.monailabel.tasks import Tasks

_RULE = "---------------------------------------------------------------------------------------"


class Application:
    """An app for one folder of studies. Raises ``SystemExit`` when ``--conf models`` names no known model."""

    def __init__(self, settings: Settings, *, auto_reload: bool, origin: str) -> None:
        self.settings = settings
        self.app_dir = settings.app_dir
        self.rng = random.Random()
        say(
            f"{origin}:37",
            f"Initializing App from: {settings.app_dir}; studies: {settings.studies}; conf: {settings.conf}",
        )
        say(_CLASSES, "Subclass for MONAILabelApp Found: <class 'main.MyApp'>")
        for model in MODELS.values():
            say(_CLASSES, f"Subclass for TaskConfig Found: <class '{model.config_class}'>")
        self.trainers = _choose_models(settings.conf.get("models"), settings.conf.get("labels"))
        for name, model in self.trainers.items():
            say("main:95", f"+++ Adding Model: {name} => {model.config_class}")
        say("main:98", f"+++ Using Models: {list(self.trainers)}")
        say("monailabel.interfaces.app:135", f"Init Datastore for: {settings.studies}")
        self.datastore = Datastore(settings.studies, auto_reload=auto_reload)
        self.worklist = _worklist(self.datastore, self.rng)
        self.inferers = catalogue.inferers(self.trainers)
        self.tasks = Tasks(settings)
        self.scoring = offered(settings.conf, self.trainers)
        for name, model in self.inferers.items():
            say("main:129", f"+++ Adding Inferer:: {name} => {_object(model, 'infers')}")
        say("main:206", str({name: _object(model, "infers") for name, model in self.inferers.items()}))
        for name, model in self.trainers.items():
            say("main:221", f"+++ Adding Trainer:: {name} => {_object(model, 'trainers')}")
        self.sessions_dir = Path.home() / ".cache" / "monailabel" / "sessions"
        say("monailabel.utils.sessions:51", f"Session Path: {self.sessions_dir}")
        say("monailabel.utils.sessions:52", "Session Expiry (max): 3600")

    def info(self) -> dict[str, Any]:
        """Return the document of ``/info/``."""
        labels = dict.fromkeys(label for model in self.trainers.values() for label in model.labels)
        return {
            "name": f"MONAILabel - Radiology ({VERSION})",
            "description": "DeepLearning models for radiology",
            "version": VERSION,
            "labels": list(labels),
            "models": {name: catalogue.model_info(name, model) for name, model in self.inferers.items()},
            "trainers": {name: catalogue.trainer_info(model) for name, model in self.trainers.items()},
            "strategies": {
                **({} if self.worklist is None else {NAME: self.worklist.info()}),
                "random": {"description": "Random Strategy"},
                "first": {"description": "Get First Sample"},
                "last": {"description": "Get Last Sample"},
            },
            "scoring": dict(self.scoring),
            "train_stats": {name: self.train_stats(model) for name, model in self.trainers.items()},
            "datastore": self.datastore.status(),
        }

    def train_stats(self, model: Model) -> dict[str, Any]:
        """Return the statistics of the model's last training; ``{}`` before the first training."""
        try:
            stats: dict[str, Any] = json.loads((model.runs(self.app_dir) / "train_stats.json").read_text())
        except (OSError, ValueError):
            return {}
        return stats


def _worklist(datastore: Datastore, chance: random.Random) -> Worklist | None:
    """Return labeltui's worklist, which hands out studies of ``datastore``. None if LABELTUI_WORKLIST is not set."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None

    def base(request: Mapping[str, Any], among: Any) -> dict[str, Any] | None:
        return choose(str(request["strategy"]), datastore, chance, among.get_unlabeled_images())

    say("labeltui:58", "Worklist: ready")
    return Worklist(
        WorklistSettings.of(text), dict.fromkeys(STRATEGIES, base), lambda _datastore: _read(datastore)
    )


def _read(datastore: Datastore) -> tuple[list[Entry], dict[str, float]]:
    entries = [
        Entry(name, "final" in one["labels"], fetches_of(one["image"]["info"]))
        for name, one in datastore.objects.items()
    ]
    labels = [one["labels"] for one in datastore.objects.values()]
    return [
        with_final(entry, tags, tags["final"]["info"]) if entry.final else entry
        for entry, tags in zip(entries, labels, strict=True)
    ], {}


_CLASSES = "monailabel.utils.others.class_utils:57"


def _choose_models(wanted: str | None, labels: str | None) -> dict[str, Model]:
    names = [name.strip() for name in (wanted or "").split(",") if name.strip()]
    invalid = [name for name in names if name != "all" and name not in MODELS]
    if not names or invalid:
        head = f"Invalid Model(s) are provided: {invalid}" if invalid else "Provide --conf models <name>"
        hint = "Following are the available models.  You can pass comma (,) seperated names to pass multiple"
        lines = ("", _RULE, head, hint, f"    all, {', '.join(MODELS)}", _RULE, "")
        print("\n".join(lines), flush=True)
        raise SystemExit(-1)
    chosen = {name: model for name, model in MODELS.items() if name in names or "all" in names}
    own = labels.split(",") if labels else ()
    return {name: replace(m, labels=replaced(m.labels, own)) if own else m for name, m in chosen.items()}


def _object(model: Model, kind: str) -> str:
    path = model.config_class.replace("configs", kind)
    return f"<{path} object at {id(model):#x}>"
