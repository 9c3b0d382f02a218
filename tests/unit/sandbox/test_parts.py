"""Parts of the sandbox that need no process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltui.opening.autostart import FIRST_ACTIONS
from labeltui.sandbox import nifti
from labeltui.sandbox.monailabel.classifier import Classifier, dice, features
from labeltui.sandbox.monailabel.datastore import split_name
from labeltui.sandbox.scenarios import SCENARIOS, UnknownScenario, find
from labeltui.sandbox.volumes import LIVER, SHAPE, SPLEEN, make_study, with_small_errors


def test_studies_differ_and_hold_both_organs() -> None:
    first, second = make_study("a", 1), make_study("b", 2)
    assert first.image.shape == SHAPE
    assert first.image.dtype == np.int16
    assert not np.array_equal(first.mask, second.mask)
    for study in (first, second):
        assert {0, SPLEEN, LIVER} == set(np.unique(study.mask))
    assert np.array_equal(make_study("a", 1).image, first.image)


def test_an_annotator_is_nearly_right() -> None:
    mask = make_study("a", 1).mask
    drawn = with_small_errors(mask, np.random.default_rng(3))
    for label in (SPLEEN, LIVER):
        score = dice(drawn, mask, label)
        assert score is not None
        assert 0.85 < score < 1


def test_volumes_survive_the_file(tmp_path: Path) -> None:
    image = make_study("a", 1).image
    path = tmp_path / "a.nii.gz"
    path.write_bytes(nifti.encode(image))
    read, affine = nifti.decode(path)
    assert np.array_equal(read, image)
    assert np.array_equal(affine, nifti.AFFINE)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a volume", nifti.encode(np.zeros((4, 4, 4), np.int16))[:60]],
    ids=["empty", "text", "cut off"],
)
def test_what_is_no_volume_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    with pytest.raises(nifti.NotAVolume):
        nifti.decode(path)


def test_a_step_against_the_slope_lowers_the_loss(tmp_path: Path) -> None:
    study = make_study("a", 1)
    rows = features(study.image)[::8]
    targets = (study.mask.ravel()[::8] == LIVER).astype(np.int64)
    classifier = Classifier([0, LIVER])
    losses = [classifier.step(rows, targets, 0.01) for _ in range(40)]
    assert losses[-1] < losses[0] / 2
    assert np.allclose(classifier.probabilities(rows).sum(axis=1), 1, atol=1e-4)
    classifier.save(tmp_path / "model.pt")
    again = Classifier.load(tmp_path / "model.pt")
    assert np.array_equal(again.predict(study.image), classifier.predict(study.image))


def test_dice_of_a_label_that_does_not_occur_is_unknown() -> None:
    empty = np.zeros((2, 2), np.uint8)
    assert dice(empty, empty, 1) is None
    assert dice(np.ones((2, 2), np.uint8), np.eye(2, dtype=np.uint8), 1) == pytest.approx(2 * 2 / 6)


@given(
    st.text(st.characters(exclude_characters="/\0"), min_size=1),
    st.sampled_from([".nii.gz", ".nii", ".nrrd"]),
)
def test_ids_are_file_names_without_extension(name: str, extension: str) -> None:
    assert split_name(name + extension) in ((name, extension), (name.removesuffix(".nii"), extension))


def test_scenarios_are_found_by_name_or_listed() -> None:
    assert find("oom").oom_after_epochs == 2
    assert {"healthy", "training", "stopped", "server-crash", "oom", "network-drop"} <= set(SCENARIOS)
    with pytest.raises(UnknownScenario, match=r"no scenario 'sunny'.*healthy"):
        find("sunny")
    for scenario in SCENARIOS.values():
        assert scenario.title
        assert scenario.description.endswith(".")
        assert set(scenario.autostart) <= set(FIRST_ACTIONS)


def test_launching_needs_nothing_heavy() -> None:
    heavy = ("numpy", "nibabel", "asyncssh", "starlette", "uvicorn", "textual", "httpx", "pydantic")
    script = (
        "import sys, labeltui.sandbox.launch\n"
        f"sys.exit(str([name for name in {heavy!r} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.stderr.strip() == b""


def test_the_sandbox_knows_nothing_else_of_labeltui() -> None:
    script = (
        "import sys, labeltui.sandbox.pod, labeltui.sandbox.sshd, labeltui.sandbox.monailabel.server\n"
        "ours = [name for name in sys.modules if name.startswith('labeltui.')]\n"
        "known = ('labeltui.sandbox', 'labeltui.support', 'labeltui.monailabel.serving')\n"
        "print([name for name in ours if not name.startswith(known) and name != 'labeltui.monailabel'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
