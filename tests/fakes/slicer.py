"""Slicer's own Python modules, as far as labeltui's start code and the extension MONAILabel use them at start."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, patch

NOT_PART_OF_PYTHON = (
    "ctk", "DICOMScalarVolumePlugin", "SampleData", "SimpleITK", "sitkUtils", "vtk", "vtkSegmentationCore",
    "MONAILabelLib", "pydicom",
)  # fmt: skip


class FakeSlicer:
    """One Slicer: its settings, the module that was opened, and the errors that it showed.

    ``opens`` makes the widget of a module; it is called when the module is opened.
    """

    def __init__(self, opens: Callable[[], Any] | None) -> None:
        self.settings: dict[str, Any] = {}
        self.opened: list[str] = []
        self.errors: list[str] = []
        self._opens = opens
        self.modules = SimpleNamespace(**({"monailabel": object()} if opens is not None else {}))

    def value(self, key: str, default: Any = None) -> Any:
        return self.settings.get(key, default)

    def select(self, name: str) -> None:
        self.opened.append(name)
        assert self._opens is not None
        setattr(self.modules, f"{name}Widget", self._opens())

    @contextlib.contextmanager
    def imports(self) -> Iterator[None]:
        """Within the block, Slicer's modules can be imported."""
        settings = SimpleNamespace(
            setValue=self.settings.__setitem__, value=self.value, sync=lambda: None, remove=self.settings.pop
        )
        qt = MagicMock(QSettings=lambda: settings)
        util = ModuleType("slicer.util")
        util.__dict__.update(
            selectModule=self.select, errorDisplay=self.errors.append, VTKObservationMixin=type("Mixin", (), {}),
            settingsValue=lambda key, default, converter=lambda value: value: converter(self.value(key, default)),
        )  # fmt: skip
        scripted = ModuleType("slicer.ScriptedLoadableModule")
        for name in ("Module", "ModuleWidget", "ModuleLogic", "ModuleTest"):
            setattr(scripted, f"ScriptedLoadable{name}", type(name, (), {}))
        i18n = MagicMock(tr=str, translate=lambda _context, text: text)
        slicer = ModuleType("slicer")
        slicer.__dict__.update(util=util, modules=self.modules, ScriptedLoadableModule=scripted, i18n=i18n)
        stand_ins = {name: MagicMock() for name in NOT_PART_OF_PYTHON}
        stand_ins["ctk"].ctkSettingsPanel = object  # a base class
        own = {
            "qt": qt, "slicer": slicer, "slicer.util": util, "slicer.ScriptedLoadableModule": scripted,
            "slicer.i18n": i18n,
        }  # fmt: skip
        with patch.dict(sys.modules, {**stand_ins, **own}):
            yield

    def run(self, code: str) -> None:
        """Run code as ``--python-code`` does."""
        with self.imports():
            exec(code, {})


def load_extension(path: Path) -> dict[str, Any]:
    """Return the names of the extension's own file. Call it within :meth:`FakeSlicer.imports`."""
    names: dict[str, Any] = {"__name__": "MONAILabel", "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names
