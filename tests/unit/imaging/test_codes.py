"""The codes of segments follow their names."""

from __future__ import annotations

import pytest

from labeltui.imaging.codes import ABNORMAL, ABNORMALITIES, ANATOMY, ORGANS, SIDES, TISSUE, concept_of


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("spleen", (ANATOMY, "Spleen", "", "")),
        (" Left_Kidney ", (ANATOMY, "Kidney", "Left", "")),
        ("kidney-right", (ANATOMY, "Kidney", "Right", "")),
        ("Lungs", (ANATOMY, "Lung", "", "")),
        ("pancreas", (ANATOMY, "Pancreas", "", "")),
        ("urinary_bladder", (ANATOMY, "Bladder", "", "")),
        ("tumour", (ABNORMAL, "Tumor", "", "")),
        ("liver lesions", (ABNORMAL, "Lesion", "", "Liver")),
        ("left lung nodule", (ABNORMAL, "Nodule", "Left", "Lung")),
        ("liver segment 4", (TISSUE, TISSUE, "", "")),
        ("left right kidney", (TISSUE, TISSUE, "", "")),
        ("whole tumor", (TISSUE, TISSUE, "", "")),
        ("left", (TISSUE, TISSUE, "", "")),
        ("", (TISSUE, TISSUE, "", "")),
        ("label_3", (TISSUE, TISSUE, "", "")),
    ],
)
def test_codes_of_a_name(name: str, codes: tuple[str, ...]) -> None:
    assert concept_of(name) == codes


@pytest.mark.slow
def test_pydicom_has_every_code() -> None:
    from pydicom.sr.codedict import codes

    keywords = (ABNORMAL, ANATOMY, TISSUE, *ORGANS.values(), *ABNORMALITIES.values(), *SIDES.values())
    assert [one for one in keywords if not hasattr(codes.SCT, one)] == []
