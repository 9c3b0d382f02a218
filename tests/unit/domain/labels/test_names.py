"""A copy stays in its folder for every name of a study, and two studies never share a file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.domain.labels.names import file_name, is_inside, label_path, split_label, version_path

NAMES = st.one_of(
    st.text(min_size=1, max_size=300),
    st.text(alphabet=" .-~%/\\:*?\"<>|\x00\x1b\n\r\t'$`abAB\u202e\udc80é", min_size=1, max_size=60),
    st.sampled_from(
        ["..", ".", "...", "~", "-rf", "NUL", "con.nii.gz", "versions", "Index.JSONL", ".part", " "]
    ),
)


@given(NAMES, NAMES)
def test_a_copy_stays_in_its_folder_and_can_be_written(tag: str, name: str) -> None:
    path = label_path(tag, name)
    assert is_inside(path)
    assert path.count("/") == 1
    for part in path.split("/"):
        assert part not in ("", ".", "..")
        assert not part.startswith((".", "-", " "))
        assert len(part.encode()) <= 200
        assert all(letter.isprintable() for letter in part)
        assert not set(part) & set('\\:*?"<>|\0')
    assert Path(os.path.normpath(Path("/desk") / path)).is_relative_to("/desk")
    assert path.partition("/")[0].casefold() not in ("versions", "incoming", "index.jsonl")
    assert is_inside(version_path(path, datetime.now(UTC), "0" * 64))


@given(NAMES, NAMES)
def test_different_names_are_different_files(one: str, other: str) -> None:
    if one != other:
        assert file_name(one) != file_name(other)


@given(NAMES)
def test_a_name_that_differs_only_in_case_gets_another_file(name: str) -> None:
    path = label_path("final", name)
    other = label_path("final", name, taken=(path.casefold(),))
    assert other.casefold() != path.casefold()
    assert is_inside(other)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("spleen_002.nii.gz", "spleen_002.nii.gz"),
        ("Müller CT 3.nrrd", "Müller CT 3.nrrd"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("CON.nii.gz", "%43ON.nii.gz"),
        ("a\x1b]0;t\x07", "a%1B%5D0%3Bt%07"),
        ("100%.nii", "100%25.nii"),
        ("-rf", "%2Drf"),
        ("cafe\u0301", "cafe%CC%81"),
        ("\udcff.nii", "%FF.nii"),
    ],
)
def test_names_as_they_are_written(name: str, file: str) -> None:
    assert file_name(name) == file


def test_a_long_name_keeps_its_extension_and_gets_its_hash() -> None:
    names = {file_name("x" * 300 + end + ".nii.gz") for end in ("a", "b")}
    assert len(names) == 2
    assert all(name.endswith(".nii.gz") and "~" in name for name in names)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a.b.nii.gz", ("a.b", ".nii.gz")),
        ("A.NII", ("A", ".NII")),
        ("a.seg.nrrd", ("a", ".seg.nrrd")),
        ("a.what", ("a.what", "")),
        (".nii.gz", (".nii.gz", "")),
    ],
)
def test_the_study_of_a_file(name: str, parts: tuple[str, str]) -> None:
    assert split_label(name) == parts
