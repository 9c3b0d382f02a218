"""Package versions that work together for MONAI Label 0.8.5, and the reasons.

- ``pydicom`` 3 removed modules that pydicom-seg 0.4 imports, and dicomweb-client 0.61 requires pydicom 3.
- numpymaxflow does not accept ``numpy`` 2, and pydicom-seg does not accept ``jsonschema`` 4.
- ``torch`` 2.N needs ``torchvision`` 0.(N+15).
- ``setuptools`` provides the ``distutils`` that monailabel imports and that Python 3.12 removed.
- mlflow, sam2, lmdb and openslide are not installed. mlflow breaks trainings with default settings, sam2 downloads a
  model at every start, and the radiology and bundle apps use none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

MONAILABEL = "0.8.5"
TORCH = "2.13.0"
TORCHVISION = "0.28.0"
REUSABLE_TORCH = ((2, 8), (2, 14))  # monai 1.6.1 requires 2.8; versions after 2.13 are untested
PYTHONS = ((3, 10), (3, 12))  # 3.13 removed modules that monailabel imports; torch 2.13 requires 3.10
CUDA13_DRIVER = 580  # the oldest driver for CUDA 13, which PyPI's torch 2.13 uses


@dataclass(frozen=True, slots=True)
class Pin:
    """A package at one version. The version requires Python ``since`` or later."""

    name: str
    version: str
    since: tuple[int, int] = (3, 10)

    @property
    def requirement(self) -> str:
        """The requirement for pip's command line."""
        return f"{self.name}=={self.version}"


SERVER = (
    Pin("monai", "1.6.1"),
    Pin("monailabel", MONAILABEL),
    Pin("pytorch-ignite", "0.5.5"),
    Pin("pydicom-seg", "0.4.1"),
    Pin("numpymaxflow", "0.0.7"),
)
"""Packages that are installed without their dependencies, because the declared dependencies conflict."""

PINNED = (
    Pin("numpy", "1.26.4"),
    Pin("pydicom", "2.4.4"),
    Pin("pynetdicom", "2.1.1"),
    Pin("dicomweb-client", "0.60.1"),
    Pin("jsonschema", "3.2.0"),
    Pin("itk-core", "5.4.7"),
    Pin("itk-io", "5.4.7"),
    Pin("itk-numerics", "5.4.7"),
    Pin("simpleitk", "2.5.7"),
    Pin("dcmqi", "1.5.7"),
    Pin("attrs", "26.1.0"),
    Pin("bcrypt", "5.0.0"),
    Pin("cachetools", "8.0.1", since=(3, 11)),
    Pin("einops", "0.8.2"),
    Pin("expiring-dict", "1.1.2"),
    Pin("expiringdict", "1.2.2"),
    Pin("fastapi", "0.165.0", since=(3, 11)),
    Pin("filelock", "4.2.12", since=(3, 11)),
    Pin("fire", "0.7.1"),
    Pin("girder-client", "5.0.21"),
    Pin("google-auth", "2.62.2"),
    Pin("httpx", "0.28.1"),
    Pin("nibabel", "5.4.2"),
    Pin("packaging", "26.3"),
    Pin("passlib", "1.7.4"),
    Pin("pillow", "13.0.0", since=(3, 11)),
    Pin("psutil", "7.2.2"),
    Pin("pydantic", "2.14.3"),
    Pin("pydantic-settings", "2.16.3", since=(3, 11)),
    Pin("pyjwt", "2.15.1"),
    Pin("pynrrd", "1.1.3"),
    Pin("python-dotenv", "1.2.4"),
    Pin("python-multipart", "0.0.34", since=(3, 11)),
    Pin("pyyaml", "6.0.3"),
    Pin("requests", "2.34.2"),
    Pin("requests-toolbelt", "1.0.0"),
    Pin("schedule", "1.2.2"),
    Pin("scikit-image", "0.26.0", since=(3, 11)),
    Pin("scikit-learn", "1.9.1", since=(3, 11)),
    Pin("scipy", "1.17.1", since=(3, 11)),
    Pin("setuptools", "84.2.1", since=(3, 11)),
    Pin("shapely", "2.2.0", since=(3, 11)),
    Pin("starlette", "1.10.0", since=(3, 11)),
    Pin("tensorboard", "2.21.0"),
    Pin("timeloop", "1.0.2"),
    Pin("tqdm", "4.70.1"),
    Pin("urllib3", "2.8.0"),
    Pin("uvicorn", "0.54.0"),
    Pin("watchdog", "7.1.0", since=(3, 11)),
)
"""Packages that are installed with their dependencies.

For a Python older than ``since``, pip takes the newest version that fits.
"""

TORCH_NEEDS = ("filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec", "setuptools>=77.0.3")
"""Dependencies of a CPU torch. They are installed from PyPI, because torch's CPU index has only torch."""


def torchvision_for(torch: str) -> str | None:
    """The torchvision series for a torch version, such as ``0.23``. None for an unknown version."""
    series = release(torch)
    return None if series is None or series[0] != 2 else f"0.{series[1] + 15}"


def release(version: str) -> tuple[int, int] | None:
    """Return the first two numbers of a version: (2, 8) for ``2.8.0+cu128``. None for text that is not a version."""
    parts = version.partition("+")[0].split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return int(parts[0]), int(parts[1])


def same(installed: str | None, wanted: str) -> bool:
    """Whether the installed version equals the wanted one, ignoring the build."""
    return installed is not None and installed.partition("+")[0] == wanted


def reusable(torch: str | None) -> bool:
    """Whether MONAI Label works with this installed torch."""
    series = None if torch is None else release(torch)
    low, below = REUSABLE_TORCH
    return series is not None and low <= series < below
