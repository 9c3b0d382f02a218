"""Explain why an installation can't run, or why one of its steps failed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labeltui.domain.failure_codes import Code
from labeltui.domain.log.disk_full import DISK_FULL, FREE_SPACE
from labeltui.domain.problems import Problem
from labeltui.monailabel.installation import pins
from labeltui.monailabel.installation.probe import Facts
from labeltui.monailabel.installation.recipe import SetupOptions, recipe, torch_mode

GB = 10**9
# Bytes of disk that a step needs while it runs, with what pip unpacks meanwhile.
SPACE = {"reuse": 3 * GB, "cpu": 5 * GB, "cuda": 14 * GB}
WITHOUT_TORCH = 2 * GB


def setup_problem(facts: Facts, options: SetupOptions) -> Problem | None:
    """A problem that is known before any step runs. None if the steps can run, or all are done."""
    steps = {step.id: step for step in recipe(facts, options)}
    if all(step.done for step in steps.values()):
        return None
    if not steps["python"].done:
        return _python(facts)
    if not steps["venv"].done and not (facts.has_venv and facts.has_ensurepip):
        return Problem(
            Code.VENV_MISSING,
            f"{facts.python} on the host cannot make virtual environments.",
            "Run `apt-get install python3-venv` on the host, then run setup again.",
        )
    if not facts.folder_writable:
        return Problem(
            Code.FOLDER_UNWRITABLE,
            f"The folder {facts.folder} on the host is not writable.",
            "Set server.folder to a folder that you may write, or make this folder writable.",
        )
    return _space(facts, options, steps["torch"].done, steps["dependencies"].done) or _driver(facts, options)


def venv_stale(message: str) -> Problem:
    """The problem of a virtual environment that was made by another Python. ``message`` names both Pythons."""
    return Problem(
        Code.OTHER_PYTHON,
        message,
        "Run `labeltui setup`, which makes the virtual environment again. Apps, models and studies stay as they are.",
    )


def _python(facts: Facts) -> Problem:
    low, high = (".".join(map(str, series)) for series in pins.PYTHONS)
    series = pins.release(facts.python_version)
    if series is None:
        state = "has an unknown version"
    else:
        state = f"is {facts.python_version}, too {'old' if series < pins.PYTHONS[0] else 'new'}"
    return Problem(
        Code.PYTHON_VERSION,
        f"{facts.python} on the host {state}: MONAI Label {pins.MONAILABEL} needs {low} to {high}.",
        'Install Python 3.11 on the host (`apt-get install python3.11-venv`) and set server.python = "python3.11".',
    )


def _space(facts: Facts, options: SetupOptions, torch_done: bool, needs_done: bool) -> Problem | None:
    if (torch_done and needs_done) or facts.venv_problem:  # a venv that is made again first gives up its room
        return None
    needed = WITHOUT_TORCH if torch_done else SPACE[torch_mode(facts, options)]
    if facts.disk_free >= needed:
        return None
    return Problem(
        Code.DISK_SPACE,
        f"{facts.folder} has {facts.disk_free / GB:.1f} GB free, and setup needs {needed / GB:.0f} GB.",
        "Free some space, or set server.folder to a folder on a larger disk.",
    )


def _driver(facts: Facts, options: SetupOptions) -> Problem | None:
    """Report a GPU driver that is too old for PyPI's torch. Trainings would silently run on the CPU."""
    own_source = any(arg.startswith(("--index-url", "--extra-index-url", "--find-links", "-i", "-f"))
                     for arg in options.pip_args)  # fmt: skip
    major = facts.driver.partition(".")[0]
    if torch_mode(facts, options) != "cuda" or "torch" in facts.packages or own_source or not major.isdigit():
        return None
    if int(major) >= pins.CUDA13_DRIVER:
        return None
    return Problem(
        Code.DRIVER_OLD,
        f"The GPU driver {facts.driver} is too old for torch {pins.TORCH}, which needs driver {pins.CUDA13_DRIVER}.",
        "Use an image with torch 2.8 or newer, or set server.pip_args to an index for an older CUDA, "
        'e.g. ["--extra-index-url", "https://download.pytorch.org/whl/cu126"].',
    )


# The first pattern found in the newest output of the step decides.
CAUSES: tuple[tuple[str, Code, str, str], ...] = (
    (DISK_FULL, Code.DISK_FULL, "The host's disk filled up during this step.",
     f"{FREE_SPACE} Then run setup again; it continues with this step."),
    (r"Tunnel connection failed|ProxyError|Cannot connect to proxy", Code.PROXY,
     "The host's proxy blocks pip.",
     "Check http_proxy and https_proxy on the host, and server.pip_args."),
    (r"Temporary failure in name resolution|Name or service not known|NameResolutionError|Could not resolve"
     r"|NewConnectionError|Network is unreachable|No route to host|ConnectTimeoutError"
     r"|Failed to establish a new|Connection refused|Max retries exceeded|Read timed out"
     r"|ReadTimeoutError|Connection aborted",
     Code.NO_NETWORK,
     "The host cannot reach the package index.",
     "Check the host's network, or set a mirror in server.pip_args. Then run setup again: it continues here."),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError", Code.CERTIFICATE,
     "The host does not trust the package index's certificate.",
     "Install the CA certificates on the host, or set --cert in server.pip_args."),
    (r"No matching distribution found for (?P<what>[^\s;]+)", Code.NO_DISTRIBUTION,
     "The package index has no {what} for this Python and machine.",
     "Check server.python (Python 3.11 is tested most) and the indexes in server.pip_args."),
    (r"is not a supported wheel on this platform", Code.NO_DISTRIBUTION,
     "A package in the index does not fit this machine.", "Check the indexes in server.pip_args."),
    (r"THESE PACKAGES DO NOT MATCH THE HASHES|hash(es)? mismatch", Code.BROKEN_DOWNLOAD,
     "A download arrived damaged.", "Run setup again. If it fails again, the mirror has a damaged file."),
    (r"ensurepip is not available|No module named .?(venv|ensurepip)", Code.VENV_MISSING,
     "The host's Python cannot make virtual environments.",
     "Run `apt-get install python3-venv` on the host, then run setup again."),
    (r"(gcc|cc|clang|g\+\+).*(not found|No such file|failed)|Python\.h: No such file", Code.NO_COMPILER,
     "A package has no wheel for this machine and the host cannot compile it.",
     "Run `apt-get install build-essential python3-dev` on the host, or use an x86-64 host."),
    (r"Permission denied|Read-only file system|Errno 13|Errno 30", Code.FOLDER_UNWRITABLE,
     "The host refused to write a file.", "Set server.folder to a folder that you may write."),
    (r"MemoryError|Cannot allocate memory", Code.OUT_OF_MEMORY,
     "The host ran out of memory.", "Use a host with more memory (4 GB at least)."),
    (r"(?P<what>(ModuleNotFoundError|ImportError|OSError|RuntimeError): .+)", Code.IMPORT_FAILED,
     "An installed package can't be imported: {what}.",
     "Run setup again. If it fails again, remove the venv folder first."),
)  # fmt: skip


def explain_failure(step: str, exit_code: int, last_lines: Sequence[str]) -> Problem:
    """Explain a failed step by its exit code (negative for a signal) and its newest output."""
    text = "\n".join(last_lines)
    if exit_code in (-9, 137):
        return Problem(
            Code.KILLED,
            f"The step “{step}” was killed by signal 9; who or what sent it is unknown.",
            "Check that the host has enough memory (4 GB at least), then run setup again: it continues with this step.",
            text,
        )
    for pattern, code, message, hint in CAUSES:
        found = re.search(pattern, text)
        if found:
            what = (found.groupdict().get("what") or "").strip(" .")
            return Problem(code, message.replace("{what}", what), hint, text)
    last = next((line.strip() for line in reversed(last_lines) if line.strip()), "it printed no output")
    return Problem(
        Code.STEP_FAILED,
        f"The step “{step}” failed with exit code {exit_code}: {last[:200]}",
        "The step's output is in the action log. Solve the cause, then run setup again.",
        text,
    )
