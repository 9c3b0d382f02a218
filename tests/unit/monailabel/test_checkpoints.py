"""Which files PyTorch can load."""

from __future__ import annotations

import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import pytest

from labeltui.monailabel.checkpoints import why_unreadable
from tests.checkpoints import checkpoint
from tests.volumes import nifti, packed

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER


def legacy(protocol: int) -> bytes:
    """The start of a file of torch.save with ``_use_new_zipfile_serialization=False``."""
    return pickle.dumps(MAGIC_NUMBER, protocol) + pickle.dumps(1001, protocol) + pickle.dumps({}, protocol)


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return target.getvalue()


def tar(*names: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        checkpoint(b"weights"),
        zipped("model/data.pkl", "model/code/__torch__.py", "model/constants.pkl"),  # TorchScript
        *(legacy(protocol) for protocol in (2, 3, 4, 5)),
        tar("storages", "tensors", "pickle"),
    ],
)
def test_what_pytorch_loads_passes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.pt").write_bytes(data)
    assert why_unreadable(tmp_path / "model.pt") == ""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (packed(nifti()), "no file of PyTorch"),
        (b"<!DOCTYPE html><html>Log in</html>", "no file of PyTorch"),
        (pickle.dumps({"weights": [1.0]}), "no file of PyTorch"),
        (tar("case.nii"), "no file of PyTorch"),
        (zipped("case.nii.gz"), "without PyTorch's data.pkl"),
        (zipped("notes.txt", "archive/data.pkl"), "without PyTorch's data.pkl"),
        (zipped(), "no file of PyTorch"),
        (checkpoint(bytes(5000))[:4000], "cut off or damaged"),
        (checkpoint()[:-1], "cut off or damaged"),
    ],
)
def test_what_it_refuses_is_named(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "model.pt").write_bytes(data)
    assert why in why_unreadable(tmp_path / "model.pt")
