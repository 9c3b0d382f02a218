"""The stand-in's scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labeltui.sandbox import nifti
from labeltui.sandbox.monailabel.datastore import Datastore
from labeltui.sandbox.monailabel.scoring import EPISTEMIC, METHODS, offered


def test_scores_are_those_of_the_radiology_app(tmp_path: Path) -> None:
    label = np.zeros((4, 4, 4), dtype=np.uint8)
    label[1:3] = 1
    for place in ("a", "labels/final/a", "labels/original/a", "b", "labels/final/b"):
        path = tmp_path / f"{place}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(nifti.encode(label))
    datastore = Datastore(tmp_path, auto_reload=True)
    datastore.reconcile()
    assert METHODS["dice"](datastore) == {"a": 1.0}
    assert METHODS["sum"](datastore)["b"] == {"sum": 32, "slices": 2}
    assert datastore.image_info("a")["dice"] == 1.0
    assert datastore.label_info("a", "original")["slices"] == 2


def test_uncertainty_is_measured_where_it_is_enabled_of_studies_without_a_final_label(tmp_path: Path) -> None:
    image = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    for place in ("a", "b", "labels/final/b"):
        path = tmp_path / f"{place}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(nifti.encode(image))
    datastore = Datastore(tmp_path, auto_reload=True)
    datastore.reconcile()
    METHODS[EPISTEMIC](datastore)
    assert datastore.image_info("a")["epistemic_entropy"] > 0
    assert "epistemic_entropy" not in datastore.image_info("b")
    scores = {"skip_scoring": "false", "epistemic_enabled": "true"}
    assert [*offered(scores, {"deepedit"})] == ["dice", "sum", EPISTEMIC]
    assert EPISTEMIC not in offered(scores, {"segmentation"})
    assert offered({"epistemic_enabled": "true"}, {"deepedit"}) == {}
