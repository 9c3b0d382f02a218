"""The weights of MONAI Label's models: those on the host, and their copies on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from labeltui.domain.training.training import Best


class Weights(StrEnum):
    """The kind of a model's weights.

    ``BUNDLE`` means that it has weights, but whether they came with the bundle or from a training is unknown.
    """

    TRAINED = "trained"
    PRETRAINED = "pretrained"
    BUNDLE = "bundle"
    UNTRAINED = "untrained"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of weights on the host.

    ``name`` is its path below the app's model folder, ``mtime_ns`` is by the host's clock. ``sha256`` is None
    if the file was not read, or changed while it was read.
    """

    name: str
    size: int
    mtime_ns: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class HostModel:
    """A model of the server's app.

    ``file`` is the path, below the model folder, of the file that a training publishes. ``published`` and
    ``pretrained`` are the existing files, or None. ``fetches`` is True if the server's start downloads missing
    pretrained weights.
    """

    name: str
    file: str
    published: ModelFile | None = None
    pretrained: ModelFile | None = None
    fetches: bool = False
    is_bundle: bool = False

    @property
    def weights(self) -> Weights:
        """The kind of the weights that the model uses. MONAI Label prefers the published file."""
        if self.published is not None:
            return Weights.BUNDLE if self.is_bundle else Weights.TRAINED
        return Weights.UNTRAINED if self.pretrained is None else Weights.PRETRAINED


@dataclass(frozen=True, slots=True)
class ModelCopy:
    """A version of a model on this machine.

    ``file`` is its path on the host, ``path`` its path on this machine. ``saved_at`` is by the host's clock.
    ``labels`` are the operator's own labels with which it was trained; empty if it has its app's labels.
    ``unreadable`` says why no server can load it; empty if nothing shows a reason.
    """

    model: str
    file: str
    sha256: str
    size: int
    saved_at: datetime
    copied_at: datetime
    source: str
    path: str
    labels: tuple[str, ...] = ()
    best: Best | None = None
    unreadable: str = ""

    @property
    def version(self) -> str:
        """The first digits of the checksum, by which commands name the version."""
        return self.sha256[:12]

    @property
    def named(self) -> str:
        """The version's date, with its best value if that is known: ``25 Nov 18:02, val_mean_dice 0.912``."""
        best = f", {self.best.metric} {self.best.value:.3f}" if self.best is not None else ""
        return f"{self.saved_at.astimezone():%d %b %H:%M}{best}"


@dataclass(frozen=True, slots=True)
class Models:
    """The models on the host and the copies on this machine, oldest first.

    ``root`` is the host's folder of models, ``source`` the pod's id or the host's address. ``copying`` names
    the model that is copied now; ``reason`` says why a model could not be copied. ``declined`` are models whose
    published file the profile does not select for a copy. ``real_root`` is ``root`` without symbolic links.
    """

    root: str
    source: str
    folder: str
    on_host: tuple[HostModel, ...] = ()
    copies: tuple[ModelCopy, ...] = ()
    copying: str = ""
    reason: str = ""
    declined: tuple[str, ...] = ()
    real_root: str = ""

    def path_of(self, model: HostModel) -> str:
        """Return the path of the published file on the host."""
        return f"{self.root}/{model.file}"

    def listed_path(self, path: str) -> str:
        """Return a path that MONAI Label has printed, which has no symbolic links, as :meth:`path_of` writes it."""
        below = path.removeprefix(f"{self.real_root}/") if self.real_root else path
        return path if below == path else f"{self.root}/{below}"

    def find(self, name: str) -> HostModel | None:
        """Return the model of this name; None if labeltui knows no such model of the server's app."""
        return next((model for model in self.on_host if model.name == name), None)

    def applied_by(self, name: str) -> HostModel | None:
        """Return the model whose weights an inference model uses: ``deepedit_seg`` uses those of ``deepedit``."""
        return self.find(name) or self.find(name.removesuffix("_seg"))

    def is_here(self, model: HostModel) -> bool:
        """Whether the published file is on this machine. True if there is no published file."""
        file = model.published
        return file is None or any(copy.sha256 == file.sha256 for copy in self.copies)

    def why_unreadable(self, model: HostModel) -> str:
        """Say why no server can load the published file. Empty if it is not on this machine, or shows no reason."""
        digest = None if model.published is None else model.published.sha256
        return next((copy.unreadable for copy in self.copies if copy.sha256 == digest), "")

    @property
    def absent(self) -> tuple[HostModel, ...]:
        """The models whose published file is not on this machine."""
        return tuple(model for model in self.on_host if not self.is_here(model))

    @property
    def settled(self) -> dict[str, list[int]]:
        """Size and time (ns) of the published files that need no copy any more, by their path."""
        return {
            model.file: [model.published.size, model.published.mtime_ns]
            for model in self.on_host
            if model.published is not None and (model.name in self.declined or self.is_here(model))
        }

    def copies_of(self, name: str) -> tuple[ModelCopy, ...]:
        """Return the versions of one model, oldest first."""
        return tuple(copy for copy in self.copies if copy.model == name)

    def newest_for(self, model: HostModel, labels: tuple[str, ...]) -> ModelCopy | None:
        """Return the newest version that was trained with these own labels and that the host can load."""
        fitting = [c for c in self.copies_of(model.name) if c.labels == labels and c.file == model.file]
        return fitting[-1] if fitting else None


def is_better(best: Best | None, copies: tuple[ModelCopy, ...]) -> bool:
    """Whether a model's value is better than those of all copies. True if they can't be compared."""
    others = [copy.best for copy in copies]
    if best is None or not others:
        return True
    same = [one.value for one in others if one is not None and one.metric == best.metric]
    return not same or best.value > max(same)
