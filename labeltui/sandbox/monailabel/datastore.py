"""A folder of studies with a ``datastore_v2.json`` in MONAI Label's format."""

from __future__ import annotations

import fnmatch
import json
import os
import random
import shutil
import threading
import time
from pathlib import Path
from typing import Any

from labeltui.sandbox.monailabel.log import say
from labeltui.support.atomic import write_file

EXTENSIONS = ("*.nii.gz", "*.nii", "*.nrrd", "*.jpg", "*.png", "*.tif", "*.svs", "*.xml")
_LOCAL = "monailabel.datastore.local"


class ImageNotFound(Exception):
    """No image has this id."""


class LabelNotFound(Exception):
    """The image has no label with that tag."""


def split_name(filename: str) -> tuple[str, str]:
    """Split a study's file name into id and extension; the extension is empty if unknown."""
    for pattern in EXTENSIONS:
        if fnmatch.fnmatch(filename, pattern):
            extension = pattern[1:]
            return filename[: -len(extension)], extension
    return filename, ""


class Datastore:
    """A thread-safe datastore. ``objects`` is the document of ``output=all``."""

    def __init__(self, folder: Path, *, auto_reload: bool) -> None:
        self.folder = folder
        self._file = folder / "datastore_v2.json"
        self._lock = threading.RLock()
        self._reconciled: tuple[Any, ...] = ()
        self._document: dict[str, Any] = {
            "name": "new-dataset",
            "description": "New Dataset",
            "images_dir": ".",
            "labels_dir": "labels",
            "objects": {},
        }
        say(f"{_LOCAL}:130", f"Auto Reload: {auto_reload}; Extensions: {list(EXTENSIONS)}")
        if self._file.exists():
            self._document.update(json.loads(self._file.read_text()))
        self.reconcile()
        if auto_reload:
            say(f"{_LOCAL}:151", "Start observing external modifications on datastore (AUTO RELOAD)")

    @property
    def objects(self) -> dict[str, Any]:
        """Images with their labels, by id."""
        found: dict[str, Any] = self._document["objects"]
        return found

    @property
    def labels_dir(self) -> Path:
        """The parent folder of the label folders; each tag has one label folder."""
        return self.folder / "labels"

    def document(self) -> dict[str, Any]:
        """The whole document of ``datastore_v2.json``."""
        return self._document

    def status(self) -> dict[str, Any]:
        """Count the images, the images with a final label, and the labels by tag."""
        with self._lock:
            tags: dict[str, int] = {}
            for entry in self.objects.values():
                for tag in entry["labels"]:
                    tags[tag] = tags.get(tag, 0) + 1
            return {"total": len(self.objects), "completed": tags.get("final", 0), "label_tags": tags}

    def training_pairs(self) -> list[dict[str, str]]:
        """Return the absolute paths of each image with a final label, and of this label."""
        with self._lock:
            return [
                {"image": str(self.image_path(name)), "label": str(self.label_path(name, "final"))}
                for name, entry in self.objects.items()
                if "final" in entry["labels"]
            ]

    def unlabelled(self) -> list[str]:
        """Ids of the images without a final label."""
        with self._lock:
            return [name for name, entry in self.objects.items() if "final" not in entry["labels"]]

    def image_path(self, name: str) -> Path:
        """Return the path of an image. Raises :class:`ImageNotFound`."""
        entry = self._entry(name)
        return self.folder / f"{name}{entry['image']['ext']}"

    def label_path(self, name: str, tag: str) -> Path:
        """Return the path of a label. Raises :class:`LabelNotFound`."""
        label = self.objects.get(name, {}).get("labels", {}).get(tag)
        if label is None:
            raise LabelNotFound(f"Label: {name} Tag: {tag} not found")
        return self.labels_dir / tag / f"{name}{label['ext']}"

    def image_info(self, name: str) -> dict[str, Any]:
        """Return the stored information about an image; ``{}`` for an unknown id, as on the real server."""
        entry = self.objects.get(name)
        return dict(entry["image"]["info"]) if entry else {}

    def label_info(self, name: str, tag: str) -> dict[str, Any]:
        """Return the stored information about a label; ``{}`` for an unknown label."""
        label = self.objects.get(name, {}).get("labels", {}).get(tag)
        return dict(label["info"]) if label else {}

    def update_image_info(self, name: str, info: dict[str, Any]) -> None:
        """Merge ``info`` into the stored information about an image; raises :class:`ImageNotFound`."""
        with self._lock:
            self._entry(name)["image"]["info"].update(info)
            self._save()

    def update_label_info(self, name: str, tag: str, info: dict[str, Any]) -> None:
        """Merge ``info`` into the stored information about a label; raises :class:`LabelNotFound`."""
        with self._lock:
            self.label_path(name, tag)
            self.objects[name]["labels"][tag]["info"].update(info)
            self._save()

    def add_image(self, name: str, source: Path, info: dict[str, Any]) -> None:
        """Copy an image into the folder under its id."""
        _, extension = split_name(source.name)
        say(f"{_LOCAL}:439", f"Adding Image: {name} => {source}")
        with self._lock:
            filename = f"{name}{extension}"
            shutil.copy(source, self._inside(self.folder / filename))
            known = {**info, "ts": int(time.time()), "name": filename}
            self.objects[name] = {"image": {"ext": extension, "info": known}, "labels": {}}
            self._save()

    def save_label(self, name: str, source: Path, tag: str, info: dict[str, Any]) -> str:
        """Copy a label into the folder of its tag; raises :class:`ImageNotFound`."""
        say(f"{_LOCAL}:486", f"Saving Label for Image: {name}; Tag: {tag}; Info: {info}")
        entry = self._entry(name)
        say(f"{_LOCAL}:494", f"Adding Label: {name} => {tag} => {source}")
        _, extension = split_name(source.name)
        with self._lock:
            filename = f"{name}{extension}"
            target = self._inside(self.labels_dir / tag / filename)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
            known = {**info, "ts": int(time.time()), "name": filename}
            entry["labels"][tag] = {"ext": extension, "info": known}
            say(f"{_LOCAL}:510", f"Label Info: {known}")
            self._save()
        return name

    def remove_image(self, name: str) -> None:
        """Delete an image's files. The document changes at the next :meth:`reconcile`."""
        say(f"{_LOCAL}:458", f"Removing Image: {name}")
        entry = self._entry(name)
        for tag in list(entry["labels"]):
            self.remove_label(name, tag)
        self.image_path(name).unlink(missing_ok=True)

    def remove_label(self, name: str, tag: str) -> None:
        """Delete a label's file, if there is one. The document changes at the next :meth:`reconcile`."""
        say(f"{_LOCAL}:516", f"Removing label: {name} => {tag}")
        if tag in self.objects.get(name, {}).get("labels", {}):
            self.label_path(name, tag).unlink(missing_ok=True)

    def reconcile(self) -> None:
        """Update the document to match the files on disk, and log each change."""
        with self._lock:
            changes = self._add_images() + self._add_labels() + self._drop_missing()
            self._reconciled = self._fingerprint()
            say(f"{_LOCAL}:577", f"Invalidate count: {changes}")
            if changes:
                self._save()

    def changed_on_disk(self) -> bool:
        """True when files were added or removed since the last :meth:`reconcile`."""
        with self._lock:
            return self._fingerprint() != self._reconciled

    def _entry(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] | None = self.objects.get(name)
        if entry is None:
            raise ImageNotFound(f"Image {name} not found")
        return entry

    def _inside(self, path: Path) -> Path:
        """Return the path. Raises ``ValueError`` if an id or tag leads out of the folder."""
        if not Path(os.path.normpath(path)).is_relative_to(self.folder):
            raise ValueError(f"{path} is outside the datastore")
        return path

    def _files(self, folder: Path) -> list[str]:
        if not folder.is_dir():
            return []
        names = [path.name for path in folder.iterdir()]
        return [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in EXTENSIONS)]

    def _tags(self) -> list[str]:
        if not self.labels_dir.is_dir():
            return []
        return sorted(path.name for path in self.labels_dir.iterdir() if path.is_dir())

    def _fingerprint(self) -> tuple[Any, ...]:
        found = [("", tuple(sorted(self._files(self.folder))))]
        found += [(tag, tuple(sorted(self._files(self.labels_dir / tag)))) for tag in self._tags()]
        return tuple(found)

    def _add_images(self) -> int:
        added = 0
        for filename in self._files(self.folder):
            name, extension = split_name(filename)
            if name in self.objects:
                continue
            say(f"{_LOCAL}:594", f"Adding New Image: {name} => {filename}")
            info = {"ts": int(time.time()), "name": filename}
            self.objects[name] = {"image": {"ext": extension, "info": info}, "labels": {}}
            added += 1
        return added

    def _add_labels(self) -> int:
        added = 0
        for tag in self._tags():
            for filename in self._files(self.labels_dir / tag):
                name, extension = split_name(filename)
                entry = self.objects.get(name)
                if entry is None or tag in entry["labels"]:
                    continue
                say(f"{_LOCAL}:624", f"Adding New Label: {tag} => {name} => {filename}")
                info = {"ts": int(time.time()), "name": filename}
                entry["labels"][tag] = {"ext": extension, "info": info}
                added += 1
        return added

    def _drop_missing(self) -> int:
        dropped = 0
        for name in list(self.objects):
            if not self.image_path(name).exists():
                say(f"{_LOCAL}:646", f"Removing non existing Image Id: {name}")
                del self.objects[name]
                dropped += 1
                continue
            for tag in list(self.objects[name]["labels"]):
                if not self.label_path(name, tag).exists():
                    say(f"{_LOCAL}:653", f"Removing non existing Label Id: '{name}' for '{tag}'")
                    del self.objects[name]["labels"][tag]
                    dropped += 1
        return dropped

    def _save(self) -> None:
        self._reconciled = self._fingerprint() if self._reconciled else ()
        write_file(self._file, json.dumps(self._document, indent=2), mode=None)


STRATEGIES = ("random", "first", "last")


def choose(
    strategy: str, datastore: Datastore, chance: random.Random, among: list[str] | None = None
) -> dict[str, Any] | None:
    """Choose the next unlabelled image, or one ``among`` some. None if there is none.

    Raises ``KeyError`` for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise KeyError(
            f"ActiveLearning Task is not Initialized. There is no such strategy '{strategy}' available"
        )
    images = sorted(datastore.unlabelled() if among is None else among)
    if not images:
        return None
    if strategy == "random":
        now = int(time.time())
        weights = [
            now - datastore.image_info(n).get("strategy", {}).get(strategy, {}).get("ts", 0) for n in images
        ]
        image = chance.choices(images, weights=[max(weight, 0) + 1e-6 for weight in weights])[0]
        say(
            "monailabel.tasks.activelearning.random:47",
            f"Random: Selected Image: {image}; Weight: {weights[0]}",
        )
        return {"id": image, "weight": weights[0]}
    image = images[0] if strategy == "first" else images[-1]
    say(f"monailabel.tasks.activelearning.{strategy}:38", f"{strategy.capitalize()}: Selected Image: {image}")
    return {"id": image}
