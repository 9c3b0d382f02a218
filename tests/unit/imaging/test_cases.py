"""Cases for nnU-Net from NRRD files, compared with what SimpleITK reads of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def write(path: Path, voxels: Any, *, shift: float = 0.0, layers: int = 1) -> Path:
    """Write a volume of an oblique grid; ``voxels`` are in the order z, y, x."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(voxels)
    if layers > 1:
        image = SimpleITK.Compose([image] * layers)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((10.0 + shift, -20.0, 30.0))
    turned = np.cos(0.3), np.sin(0.3)
    image.SetDirection((turned[0], -turned[1], 0, turned[1], turned[0], 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(path), True)
    return path


def test_nrrd_images_and_labels_become_cases_on_the_same_grid(tmp_path: Path) -> None:
    import SimpleITK

    from labeltui.imaging.cases import write_case

    target = tmp_path / "made"
    for folder in ("imagesTr", "labelsTr"):
        (target / folder).mkdir(parents=True)
    rng = np.random.default_rng(3)
    written = {}
    for name, ending in (("a", ".nrrd"), ("b", ".seg.nrrd")):  # the second uses the same temporary files
        voxels = rng.integers(-1000, 2000, (4, 5, 6)).astype(np.int16)
        mask = rng.integers(0, 3, (4, 5, 6)).astype(np.uint8)
        image = write(tmp_path / f"{name}.nrrd", voxels)
        label = write(tmp_path / f"label_{name}{ending}", mask)
        assert write_case(target, name, image, label) == [1, 2]
        written[name] = image, voxels, mask
    for name, (image, voxels, mask) in written.items():
        before = SimpleITK.ReadImage(str(image))
        made = SimpleITK.ReadImage(str(target / f"imagesTr/{name}_0000.nii.gz"))
        label_made = SimpleITK.ReadImage(str(target / f"labelsTr/{name}.nii.gz"))
        assert np.array_equal(SimpleITK.GetArrayFromImage(made), voxels)
        assert np.array_equal(SimpleITK.GetArrayFromImage(label_made), mask)
        for at in ((0, 0, 0), (5, 4, 3)):
            point = before.TransformIndexToPhysicalPoint(at)
            assert np.allclose(made.TransformIndexToPhysicalPoint(at), point, atol=1e-4)
            assert np.allclose(label_made.TransformIndexToPhysicalPoint(at), point, atol=1e-4)


@pytest.mark.parametrize(
    ("more", "why"), [({"shift": 0.5}, "0.5 mm apart"), ({"layers": 2}, "its label has several layers")]
)
def test_nrrd_labels_that_do_not_fit_are_named(tmp_path: Path, more: dict[str, Any], why: str) -> None:
    from labeltui.imaging.cases import NotACaseError, write_case

    voxels = np.ones((4, 5, 6), dtype=np.uint8)
    image, label = write(tmp_path / "a.nrrd", voxels), write(tmp_path / "b.seg.nrrd", voxels, **more)
    (tmp_path / "made").mkdir()
    with pytest.raises(NotACaseError, match=why):
        write_case(tmp_path / "made", "a", image, label)
