"""Names of studies' files on the host."""

from __future__ import annotations

import pytest

from labeltui.domain.studies.image_files import image_of_label, name_on_host, split_image


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["case.nii.gz"], "case.nii.gz"),
        (["Case 1.NII.GZ"], "Case 1.nii.gz"),
        (["liver", "2024", "a.NRRD"], "liver_2024_a.nrrd"),
        (["a.nii.b.nii"], "a_.b.nii"),  # MONAI Label takes every .nii out of the name
        (["a.nii.gz.nii.gz"], "a_.nii.gz"),
        (["v1.2.nii"], "v1.2.nii"),
    ],
)
def test_the_name_on_the_host(parts: list[str], name: str) -> None:
    assert name_on_host(parts) == name


def test_id_and_extension() -> None:
    assert split_image("a.b.nii.gz") == ("a.b", ".nii.gz")
    assert split_image(".nii") == (".nii", "")
    assert split_image("scan.mha") == ("scan.mha", "")


def test_the_image_of_a_label() -> None:
    assert image_of_label("case_1_seg") == "case_1"
    assert image_of_label("case.Label") == "case"
    assert image_of_label("segment") == ""
