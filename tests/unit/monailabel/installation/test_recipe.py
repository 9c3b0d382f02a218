"""The installation: steps from facts, and failures in words."""

# ruff: noqa: E501 (tables read better on one line)
from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from labeltui.domain.problems import Failed
from labeltui.hosts.agent.remote.installation.probe import probe
from labeltui.monailabel.installation import ops_shim, pins
from labeltui.monailabel.installation.probe import Facts, facts_of, probe_request
from labeltui.monailabel.installation.recipe import VERIFIED, SetupOptions, recipe, torch_mode
from labeltui.monailabel.installation.setup_problems import explain_failure, setup_problem

EMPTY = Facts(
    "/f", home="/root", python_version="3.11.7", has_venv=True, has_ensurepip=True, disk_free=100 * 10**9
)
PACKAGES = {
    **{pin.name: pin.version for pin in (*pins.SERVER, *pins.PINNED)},
    "torch": "2.13.0+cpu",
    "torchvision": "0.28.0+cpu",
}
DONE = replace(
    EMPTY, venv_found=True, venv_pip=True, venv_made_by="3.11.7", venv_python="3.11.7", packages=PACKAGES,
    apps={"radiology": True, "monaibundle": True}, verified=VERIFIED,
)  # fmt: skip
CPU = SetupOptions("cpu")


def steps(facts, options=CPU):
    return {step.id: step for step in recipe(facts, options)}


def line(step, at=0):
    return " ".join(step.commands[at].argv)


def test_an_empty_host_needs_everything_but_python():
    made = recipe(EMPTY, CPU)
    assert [step.id for step in made] == [
        "python", "venv", "torch", "monailabel", "dependencies", "ops", "apps", "verify"
    ]  # fmt: skip
    assert [step.id for step in made if step.done] == ["python"]
    assert all(step.commands for step in made if not step.done)


def test_a_finished_host_needs_nothing():
    assert all(step.done for step in recipe(DONE, CPU))
    assert setup_problem(replace(DONE, disk_free=0), CPU) is None


@pytest.mark.parametrize(
    ("change", "undone"),
    [
        ({"packages": {**PACKAGES, "pydicom": "3.0.1"}}, {"dependencies", "verify"}),
        ({"packages": {k: v for k, v in PACKAGES.items() if k != "monai"}}, {"monailabel", "verify"}),
        ({"apps": {"radiology": True, "monaibundle": False}}, {"apps", "verify"}),
        ({"verified": ""}, {"verify"}),
        ({"packages": {**PACKAGES, "torchvision": "0.28.0"}, "verified": ""}, {"ops", "verify"}),
        ({"packages": {**PACKAGES, "torchvision": "0.28.0"}, "verified": "", "ops_shim": True}, {"verify"}),
        ({"packages": {**PACKAGES, "torch": "2.12.0"}}, {"torch", "ops", "verify"}),
    ],
)
def test_what_is_missing_is_done_again_and_nothing_else(change, undone):
    assert {step.id for step in recipe(replace(DONE, **change), CPU) if not step.done} == undone


def test_a_stand_in_needs_nothing():
    assert [step.done for step in recipe(Facts("/f", standin=True), SetupOptions())] == [True]


def test_cpu_torch_comes_from_its_own_index_unless_the_profile_says_otherwise():
    made = steps(EMPTY, SetupOptions("cpu", ("--index-url", "https://mirror/simple")))
    argv = made["torch"].commands[0].argv
    assert argv.index("https://download.pytorch.org/whl/cpu") < argv.index("https://mirror/simple")
    assert "--no-deps" in argv
    assert argv[-2:] == ("torch==2.13.0", "torchvision==0.28.0")
    assert "download.pytorch.org" not in line(made["torch"], 1)
    assert all("https://mirror/simple" in line(made[name]) for name in ("monailabel", "dependencies"))


def test_what_belongs_to_monailabel_is_installed_without_its_dependencies():
    assert "--no-deps" in line(steps(EMPTY)["monailabel"])
    assert "pydicom==2.4.4" in line(steps(EMPTY)["dependencies"])
    assert not any(name in line(steps(EMPTY)["dependencies"]) for name in ("mlflow", "sam2"))


@pytest.mark.parametrize(
    ("system", "mode"),
    [("2.8.0+cu128", "reuse"), ("2.13.0", "reuse"), ("2.7.1+cu126", "cuda"), ("2.14.0", "cuda"), (None, "cuda"), ("odd", "cuda")],
)  # fmt: skip
def test_the_images_torch_is_reused_where_it_fits(system, mode):
    facts = replace(EMPTY, system_packages={} if system is None else {"torch": system})
    assert torch_mode(facts, SetupOptions("reuse")) == mode
    shared = "--system-site-packages" in line(steps(facts, SetupOptions("reuse"))["venv"], 1)
    assert shared == (mode == "reuse")


def test_a_reused_torch_needs_only_its_torchvision():
    system = {"torch": "2.8.0+cu128", "torchvision": "0.23.0+cu128"}
    shared = replace(
        EMPTY,
        venv_found=True,
        venv_python="3.11.7",
        venv_shared=True,
        system_packages=system,
        packages=system,
    )
    assert steps(shared, SetupOptions("reuse"))["torch"].done
    alone = replace(shared, packages={"torch": "2.8.0+cu128"})
    assert "torchvision==0.23.*" in line(steps(alone, SetupOptions("reuse"))["torch"])


def test_an_older_python_takes_what_exists_for_it():
    wanted = line(steps(replace(EMPTY, python_version="3.10.12"))["dependencies"]).split()
    assert "scipy" in wanted
    assert "numpy==1.26.4" in wanted


@pytest.mark.parametrize(
    ("change", "options", "code", "said"),
    [
        ({"python_version": "3.8.10"}, CPU, "python_version", "too old"),
        ({"python_version": "3.13.1"}, CPU, "python_version", "too new"),
        ({"python_version": ""}, CPU, "python_version", "unknown version"),
        ({"has_ensurepip": False}, CPU, "venv_missing", "virtual environments"),
        ({"folder_writable": False}, CPU, "folder_unwritable", "/f"),
        ({"disk_free": 10**9}, CPU, "disk_space", "5 GB"),
        ({"disk_free": 6 * 10**9}, SetupOptions("cuda"), "disk_space", "14 GB"),
        ({"driver": "550.90"}, SetupOptions("cuda"), "driver_old", "550.90"),
    ],
)
def test_obstacles_are_reported_before_anything_is_tried(change, options, code, said):
    problem = setup_problem(replace(EMPTY, **change), options)
    assert problem.code == code
    assert said in problem.message
    assert problem.hint


@pytest.mark.parametrize("change", [{}, {"driver": "580.1"}, {"driver": "odd"}])
def test_changes_that_are_no_obstacle(change):
    assert setup_problem(replace(EMPTY, **change), SetupOptions("cuda")) is None


@pytest.mark.parametrize(
    ("output", "exit_code", "code", "said"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", 1, "disk_full", "filled up"),
        ("ERROR: Could not install packages due to an OSError: [Errno 122] Disk quota exceeded", 1, "disk_full", "filled up"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(... Temporary failure in name resolution')", 1, "no_network", "cannot reach"),
        ("ProxyError('Cannot connect to proxy.')\nNo matching distribution found for torch", 1, "proxy", "proxy"),
        ("ERROR: No matching distribution found for torch==2.13.0", 1, "no_distribution", "torch==2.13.0"),
        ("[Errno -3] Temporary failure in name resolution\nERROR: No matching distribution found for monai==1.6.1", 1, "no_network", "cannot reach"),
        ("The virtual environment was not created successfully because ensurepip is not available.", 1, "venv_missing", "virtual"),
        ("error: command 'gcc' failed: No such file or directory", 1, "no_compiler", "compile"),
        ("ModuleNotFoundError: No module named 'x'", 1, "import_failed", "No module named 'x'"),
        ("anything", -9, "killed", "signal 9"),
        ("anything", 137, "killed", "signal 9"),
        ("strange words", 7, "step_failed", "exit code 7: strange words"),
        ("", 7, "step_failed", "printed no output"),
    ],
)  # fmt: skip
def test_a_failed_step_says_why(output, exit_code, code, said):
    problem = explain_failure("dependencies", exit_code, output.splitlines())
    assert problem.code == code
    assert said in problem.message
    assert problem.hint


def probed(folder):
    return facts_of(json.loads(json.dumps(probe(**probe_request(str(folder))))), "python3")


def test_the_probe_reads_and_changes_nothing(tmp_path):
    facts = probed(tmp_path / "not there")
    assert facts.folder == str(tmp_path / "not there")
    assert facts.python_version.startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert facts.disk_free > 0
    assert not facts.venv
    assert facts.packages == {}
    assert list(tmp_path.iterdir()) == []


def test_the_probe_sees_a_venv_and_what_is_in_it(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    site = next((tmp_path / "venv" / "lib").iterdir()) / "site-packages"
    for name in ("pydicom-2.4.4", "Expiring_Dict-1.1.2"):
        (site / f"{name}.dist-info").mkdir()
        plain, _, version = name.rpartition("-")
        (site / f"{name}.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {plain}\nVersion: {version}\n"
        )
    (tmp_path / "apps" / "radiology" / "lib" / "configs").mkdir(parents=True)
    (tmp_path / "apps" / "radiology" / "main.py").touch()
    facts = probed(tmp_path)
    assert facts.venv
    assert not facts.venv_pip
    assert facts.packages == {"pydicom": "2.4.4", "expiring-dict": "1.1.2"}
    assert facts.apps == {"radiology": False, "monaibundle": False}
    (tmp_path / "apps" / "radiology" / "lib" / "configs" / "deepedit.py").touch()
    (tmp_path / "venv" / "labeltui-standin").touch()
    again = probed(tmp_path)
    assert again.apps["radiology"]
    assert again.standin


@pytest.mark.parametrize(
    "wrong", [{"venv_files": None}, {"venv_files": [1]}, {"packages": 3}, {"folder": None}, {"gpus": "x"}]
)
def test_an_answer_that_cannot_be_read_is_said(tmp_path, wrong):
    answer = probe(**probe_request(str(tmp_path)))
    for document in ({**answer, **wrong}, {}):
        with pytest.raises(Failed) as caught:
            facts_of(document, "python3")
        assert caught.value.problem.code == "probe_failed"


def fake_torch(site: Path, *, loads: bool) -> None:
    """A torchvision that fails as PyPI's does beside a CPU torch, until its operators are declared."""
    (site / "torch.py").write_text(
        "class Library:\n    defined = []\n    def __init__(self, *a): pass\n"
        "    def define(self, schema): Library.defined.append(schema)\n"
        "class library: Library = Library\n"
    )
    package = site / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("from . import extension\nfrom torchvision import _meta\n")
    (package / "extension.py").write_text(f"def _has_ops():\n    return {loads}\n")
    (package / "_meta.py").write_text(
        "import torch, torchvision.extension as e\n"
        "if not e._has_ops() and not any(s.startswith('nms(') for s in torch.Library.defined):\n"
        "    raise RuntimeError('operator torchvision::nms does not exist')\n"
    )


@pytest.mark.parametrize("loads", [True, False])
def test_operators_are_declared_only_where_they_do_not_load(tmp_path, loads):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").iterdir()) / "site-packages"
    fake_torch(site, loads=loads)
    done = subprocess.run([python, "-c", ops_shim.INSTALL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (site / f"{ops_shim.MODULE}.pth").exists() is not loads
    show = (
        "import sys; print('torch' in sys.modules); import torchvision, torch; print(torch.Library.defined)"
    )
    shown = subprocess.run(
        [python, "-c", show], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert shown[0] == "False"
    assert ("nms" in shown[1]) is not loads


OLD = "3.9.2"


def installed_venv(folder: Path, *, made_by: str = OLD, pip: bool = True) -> Path:
    """A virtual environment as another image leaves it on a volume: its packages are that other Python's."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    lib = next((folder / "venv" / "lib").iterdir())
    lib = lib.rename(lib.with_name(f"python{made_by.rpartition('.')[0]}"))
    if pip:
        (lib / "site-packages" / "pip").mkdir()
    config = folder / "venv" / "pyvenv.cfg"
    config.write_text(re.sub(r"version = .*", f"version = {made_by}", config.read_text()))
    return folder / "venv"


def spoilt_by_another_python(folder: Path) -> None:
    installed_venv(folder)


def spoilt_by_a_missing_python(folder: Path) -> None:
    python = installed_venv(folder) / "bin" / "python"
    python.unlink()
    python.symlink_to("/usr/local/bin/python3.9-of-yesterday")


def spoilt_by_a_python_that_fails(folder: Path) -> None:
    python = installed_venv(folder) / "bin" / "python"
    python.unlink()
    python.write_text(
        "#!/bin/sh\necho 'error while loading shared libraries: libpython3.9.so' >&2; exit 127\n"
    )
    python.chmod(0o755)


@pytest.mark.parametrize(
    "spoil", [spoilt_by_another_python, spoilt_by_a_missing_python, spoilt_by_a_python_that_fails]
)
def test_a_venv_that_outlives_its_python_is_noticed_and_remade(tmp_path, spoil):
    spoil(tmp_path)
    facts = probed(tmp_path)
    assert not facts.venv
    step = steps(facts)["venv"]
    assert not step.done
    assert OLD in step.title
    assert platform.python_version() in step.title
    assert "--clear" in line(step, -1)
    assert not [s.id for s in recipe(facts, CPU) if s.done and s.id not in ("python", "apps")]


def test_a_venv_whose_python_is_too_old_for_monailabel_is_remade():
    facts = replace(DONE, venv_made_by=OLD, venv_python=OLD)
    made = recipe(facts, CPU)
    assert [step.id for step in made if step.done] == ["python", "apps"]
    assert "3.10 to 3.12" in facts.venv_problem


def test_the_room_of_the_venv_that_is_remade_counts_as_free():
    full = replace(DONE, venv_python="3.12.1", disk_free=0)
    assert setup_problem(full, CPU) is None


def test_a_venv_without_pip_gets_it_and_keeps_its_packages():
    step = steps(replace(DONE, venv_pip=False))["venv"]
    assert [command.argv for command in step.commands] == [
        ("/f/venv/bin/python", "-m", "ensurepip", "--default-pip")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [spoilt_by_another_python, spoilt_by_a_missing_python])
def test_the_remade_venv_works_and_apps_and_models_are_untouched(tmp_path, spoil):
    spoil(tmp_path)
    model = tmp_path / "apps" / "radiology" / "model" / "best.pt"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"weights")
    for command in steps(replace(probed(tmp_path), python=sys.executable))["venv"].commands:
        subprocess.run(command.argv, check=True)
    facts = probed(tmp_path)
    assert facts.venv
    assert facts.venv_pip
    assert facts.venv_python == platform.python_version()
    subprocess.run([facts.venv_bin_python, "-m", "pip", "--version"], check=True)
    assert model.read_bytes() == b"weights"
    assert not (tmp_path / "venv" / "lib" / "python3.9").exists()
