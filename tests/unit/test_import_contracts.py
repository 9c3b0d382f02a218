"""The import contracts find every circle: also one that is closed by a type-checking or a function-local import."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "hosts", "monailabel", "runpod", "session", "operations", "ui", "sandbox")
TYPE_CHECKING = """
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import {module}
"""
LOCAL = """

def _late() -> object:
    import {module}

    return {module}
"""


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def path_of(module: str, root: Path) -> Path:
    return root.joinpath(*module.split(".")).with_suffix(".py")


def an_import_within(package: str) -> tuple[str, Path]:
    """An importing module of the package, and the file of a module of the package that it imports."""
    for path in sorted((ROOT / "labeltui" / package).rglob("*.py")):
        if path.name == "__init__.py":
            continue
        importer = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for module in imports_of(path):
            if module.startswith(f"labeltui.{package}.") and path_of(module, ROOT).is_file():
                return importer, path_of(module, ROOT)
    raise AssertionError(f"no module of {package} imports another one")


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(ROOT / "labeltui", folder / "labeltui", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_contracts_hold(copy: Path) -> None:
    done = linted(copy)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("closing", [TYPE_CHECKING, LOCAL], ids=["type-checking", "function-local"])
@pytest.mark.parametrize("package", PACKAGES)
def test_a_circle_is_found(copy: Path, package: str, closing: str) -> None:
    importer, imported = an_import_within(package)
    target = copy / imported.relative_to(ROOT)
    whole = target.read_text(encoding="utf-8")
    target.write_text(whole + closing.format(module=importer), encoding="utf-8")
    try:
        done = linted(copy)
    finally:
        target.write_text(whole, encoding="utf-8")
    assert done.returncode != 0
    assert f"No cycles are allowed in labeltui.{package}" in done.stdout
