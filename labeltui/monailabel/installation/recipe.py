"""The steps that install MONAI Label on a host, and which of them are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from labeltui.monailabel.installation import ops_shim, pins
from labeltui.monailabel.installation.probe import VERIFIED_FILE, Facts

Torch = Literal["reuse", "cuda", "cpu"]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
APPS = ("radiology", "monaibundle")
VERIFIED = f"labeltui 1 monailabel {pins.MONAILABEL}"
PIP_ENV = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True)
class SetupOptions:
    """The profile's options for the installation."""

    torch: Torch = "reuse"
    pip_args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a step. ``env`` is added to the host's environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the installation. ``commands`` run in order and may be run again."""

    id: str
    title: str
    done: bool
    commands: tuple[Command, ...]


def recipe(facts: Facts, options: SetupOptions) -> tuple[Step, ...]:
    """Return all steps in order, with ``done`` set for steps that are already done.

    Decides everything about the installation.
    """
    if facts.standin:
        return (Step("python", "The demo's MONAI Label: nothing to install", True, ()),)
    steps = (
        Step("python", f"Python {facts.python_version or 'is missing'}", _python_fits(facts), ()),
        Step("venv", _venv_title(facts), facts.venv and facts.venv_pip, _venv(facts, options)),
        Step("torch", f"Install torch ({torch_mode(facts, options)})", torch_done(facts, options),
             _torch(facts, options)),
        Step("monailabel", f"Install MONAI Label {pins.MONAILABEL}", _have(facts, pins.SERVER),
             (_pip(facts, options, "--no-deps", *(pin.requirement for pin in pins.SERVER)),)),
        Step("dependencies", "Install its dependencies at versions that work together", _needs_done(facts),
             (_pip(facts, options, *_needs(facts)),)),
        Step("ops", "Check torchvision's operators", _ops_done(facts, options),
             (_python(facts, ops_shim.INSTALL),)),
        Step("apps", "Copy the apps: " + ", ".join(APPS), all(facts.apps.get(app) for app in APPS),
             (_python(facts, COPY_APPS, facts.apps_folder, *APPS),)),
    )  # fmt: skip
    verified = all(step.done for step in steps) and facts.verified == VERIFIED
    return (*steps, Step("verify", "Import the server and its apps", verified, _verify(facts)))


def torch_mode(facts: Facts, options: SetupOptions) -> Torch:
    """The torch to install. ``reuse`` is returned only if the host's torch fits and the venv (if any) can import it."""
    if options.torch != "reuse":
        return options.torch
    visible = facts.venv_shared or not facts.venv
    return "reuse" if visible and pins.reusable(facts.system_packages.get("torch")) else "cuda"


def torch_done(facts: Facts, options: SetupOptions) -> bool:
    """Whether the venv has a torch and a torchvision that fit each other and the options."""
    torch, vision = facts.packages.get("torch"), facts.packages.get("torchvision")
    if torch is None or vision is None or not facts.venv:
        return False
    if options.torch == "cuda" and torch.endswith("+cpu"):
        return False
    if options.torch == "reuse":
        return pins.reusable(torch) and vision.startswith(f"{pins.torchvision_for(torch)}.")
    return pins.same(torch, pins.TORCH) and pins.same(vision, pins.TORCHVISION)


def _python_fits(facts: Facts) -> bool:
    series = pins.release(facts.python_version)
    return series is not None and pins.PYTHONS[0] <= series <= pins.PYTHONS[1]


def _venv_title(facts: Facts) -> str:
    if facts.venv_problem:
        maker = f"Python {facts.venv_made_by}" if facts.venv_made_by else "an unknown Python"
        return f"Make the virtual environment again (made by {maker}; this host has {facts.python_version})"
    return "Install pip in the virtual environment" if facts.venv else "Create a virtual environment"


def _venv(facts: Facts, options: SetupOptions) -> tuple[Command, ...]:
    if facts.venv:
        return (Command((facts.venv_bin_python, "-m", "ensurepip", "--default-pip")),)
    shared = ("--system-site-packages",) if torch_mode(facts, options) == "reuse" else ()
    # Packages and links of another Python would stay, and be mistaken for this one's.
    clear = ("--clear",) if facts.venv_problem else ()
    return (
        Command(("mkdir", "-p", facts.folder)),
        Command((facts.python, "-m", "venv", *clear, *shared, facts.venv_folder)),
    )


def _torch(facts: Facts, options: SetupOptions) -> tuple[Command, ...]:
    pair = (f"torch=={pins.TORCH}", f"torchvision=={pins.TORCHVISION}")
    numpy = next(pin.requirement for pin in pins.PINNED if pin.name == "numpy")
    mode = torch_mode(facts, options)
    if mode == "cpu":
        # torch's CPU index has only torch. An index from the profile comes later on the command line and overrides it.
        return (
            _pip(facts, options, "--no-deps", *pair, first=("--index-url", CPU_INDEX)),
            _pip(facts, options, *pins.TORCH_NEEDS, numpy),
        )
    if mode == "cuda":
        return (_pip(facts, options, *pair, numpy),)
    vision = pins.torchvision_for(facts.system_packages.get("torch", ""))
    return (_pip(facts, options, "--no-deps", f"torchvision=={vision}.*"),)


def _series(facts: Facts) -> tuple[int, int]:
    return pins.release(facts.venv_python if facts.venv else facts.python_version) or pins.PYTHONS[0]


def _needs(facts: Facts) -> tuple[str, ...]:
    series = _series(facts)
    return tuple(pin.requirement if series >= pin.since else pin.name for pin in pins.PINNED)


def _needs_done(facts: Facts) -> bool:
    series = _series(facts)
    pinned = tuple(pin for pin in pins.PINNED if series >= pin.since)
    loose = tuple(pin.name for pin in pins.PINNED if series < pin.since)
    return _have(facts, pinned) and all(name in facts.packages for name in loose)


def _have(facts: Facts, wanted: tuple[pins.Pin, ...]) -> bool:
    return facts.venv and all(pins.same(facts.packages.get(pin.name), pin.version) for pin in wanted)


def _ops_done(facts: Facts, options: SetupOptions) -> bool:
    if not torch_done(facts, options):
        return False
    builds = {facts.packages[name].partition("+")[2] for name in ("torch", "torchvision")}
    return len(builds) == 1 or facts.ops_shim or facts.verified == VERIFIED


def _verify(facts: Facts) -> tuple[Command, ...]:
    imports = tuple(_python(facts, IMPORT_APP, f"{facts.apps_folder}/{app}") for app in APPS)
    return (*imports, _python(facts, WRITE, f"{facts.venv_folder}/{VERIFIED_FILE}", VERIFIED))


def _pip(facts: Facts, options: SetupOptions, *wanted: str, first: tuple[str, ...] = ()) -> Command:
    line = (facts.venv_bin_python, "-m", "pip", "install", *first, *options.pip_args, *wanted)
    return Command(line, PIP_ENV)


def _python(facts: Facts, program: str, *arguments: str) -> Command:
    return Command((facts.venv_bin_python, "-c", program, *arguments), {"PYTHONUNBUFFERED": "1"})


# Existing files are not replaced: an operator may have edited an app (deepedit's spatial_size is set in its source).
COPY_APPS = """
import os, shutil, sys
target, apps = sys.argv[1], sys.argv[2:]
bases = [os.path.join(p, "monailabel", "sample-apps") for p in (sys.prefix, sys.base_prefix)]
source = next((b for b in bases if os.path.isdir(b)), None)
if source is None:
    sys.exit("The sample apps are not in " + " nor in ".join(bases))
for app in apps:
    for folder, names, files in os.walk(os.path.join(source, app)):
        names[:] = [n for n in names if n not in ("__pycache__", "logs", "model")]
        there = os.path.join(target, app, os.path.relpath(folder, os.path.join(source, app)))
        os.makedirs(there, exist_ok=True)
        for name in files:
            end = os.path.join(there, name)
            if not os.path.exists(end):
                shutil.copyfile(os.path.join(folder, name), end + ".part")
                os.replace(end + ".part", end)
    print("copied " + app + " to " + os.path.join(target, app))
"""

IMPORT_APP = """
import os, sys
sys.path.insert(0, sys.argv[1])
import monailabel.main, monailabel.app
import main
print(os.path.basename(sys.argv[1]) + " imports: " + main.MyApp.__name__)
"""

WRITE = """
import sys
with open(sys.argv[1], "w") as file:
    file.write(sys.argv[2] + chr(10))
print("verified")
"""
