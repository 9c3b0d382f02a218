"""Write the pod's files: home, studies, a venv that runs the stand-in, and the folders of the apps."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from labeltui.sandbox import nifti, standin
from labeltui.sandbox.monailabel.gpu import write_gpu
from labeltui.sandbox.processes import MARK
from labeltui.sandbox.scenarios import Scenario
from labeltui.sandbox.volumes import LIVER, SPLEEN, Study, make_study, with_small_errors
from labeltui.support.atomic import write_file

# A file name may hold any character but a slash.
HOSTILE_NAMES = (
    "[red]x[bold] $(touch pwned) \x1b]0;t\x07",
    "`touch pwned`; [link=x]spleen\nsecond line",
    "--force '\" && \u202emuelps",
)
# The login shell: interactive, with the pod's own prompt, independent of this machine's start-up files.
_LOGIN_SHELL = (
    'case "$1" in -l) shift; set -- -i "$@";; esac',
    'command -v bash >/dev/null || exec /bin/sh "$@"',
    'exec bash --noprofile --rcfile "$HOME/.bashrc" "$@"',
)


class PodFiles:
    """The folders of a pod. ``truth`` is outside the home: only the simulated annotators use it."""

    def __init__(self, root: Path, token: str) -> None:
        self.root = root
        self.token = token
        self.home = root / "home"
        self.folder = self.home / "labeltui"
        self.studies = self.home / "studies"
        self.truth = root / "truth"
        self.bin = root / "bin"
        self.tmp = root / "tmp"

    def environment(self) -> dict[str, str]:
        """Return the complete environment of the pod's processes. They inherit nothing from this process."""
        return {
            "HOME": str(self.home),
            "USER": "demo",
            "LOGNAME": "demo",
            "SHELL": str(self.bin / "shell"),
            "LANG": "C.UTF-8",
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "TMPDIR": str(self.tmp),
            "LABELTUI_GUARD_MEMORY": str(self.tmp),
            "TMUX_TMPDIR": str(self.tmp),
            "PS1": "pod$ ",
            MARK: self.token,
        }

    def make(self, scenario: Scenario) -> None:
        """Write all files that the pod has at the beginning of the scenario."""
        self.make_home()
        for path in (self.studies, self.truth, self.bin, self.tmp):
            path.mkdir(parents=True)
        _script(self.bin / "shell", *_LOGIN_SHELL)
        _script(self.bin / "python3", *self._venv_maker(scenario), f'exec {shlex.quote(sys.executable)} "$@"')
        (self.bin / "python").symlink_to("python3")
        write_gpu(self.bin, self.tmp)
        if scenario.installed:
            self._make_folder(scenario)
        self._make_studies(scenario)

    def make_home(self) -> None:
        """Write the home only, for a new container on an existing volume."""
        self.home.mkdir(parents=True)
        (self.home / ".bashrc").write_text("PS1='pod:\\w$ '\nunset HISTFILE\n")

    def _venv_maker(self, scenario: Scenario) -> tuple[str, ...]:
        """Return shell lines that give new venvs the stand-in's pip. Empty if MONAI Label is installed."""
        if scenario.installed:
            return ()
        settings = self.root / "scenario.json"
        write_file(settings, json.dumps(asdict(scenario)), mode=None)
        paths = ":".join(standin.import_paths())
        maker = f"{shlex.quote(sys.executable)} -P -m labeltui.sandbox.venvs {shlex.quote(str(settings))}"
        return (
            'if [ "$1" = -m ] && [ "$2" = venv ]; then',
            f'  shift 2; PYTHONPATH={shlex.quote(paths)} exec {maker} "$@"',
            "fi",
        )

    def _make_folder(self, scenario: Scenario) -> None:
        """Install MONAI Label's stand-in, as ``setup`` would have done."""
        venv, site = self.folder / "venv", self.folder / "venv" / "standin"
        for path in (venv / "bin", site, self.folder / "run"):
            path.mkdir(parents=True)
        standin.write_apps(self.folder / "apps")
        (venv / standin.MARKER).write_text("labeltui's stand-in for MONAI Label, made for the demo\n")
        settings = site / "scenario.json"
        write_file(settings, json.dumps(asdict(scenario)), mode=None)
        paths = ":".join([str(site), *standin.import_paths()])
        _script(
            venv / "bin" / "python",
            f'export PYTHONPATH={shlex.quote(paths)} {MARK}="${{{MARK}:-{self.token}}}"',
            f"export LABELTUI_STANDIN_SCENARIO={shlex.quote(str(settings))}",
            "export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONUNBUFFERED=1",
            f"export LABELTUI_STANDIN_PYTHON={shlex.quote(str(venv / 'bin' / 'python'))}",
            f'exec {shlex.quote(sys.executable)} "$@"',
        )
        (venv / "bin" / "python3").symlink_to("python")
        standin.write_command(venv / "bin" / "monailabel")
        standin.write_package(site / "monailabel")
        standin.write_metadata(site, "monailabel", standin.VERSION)

    def _make_studies(self, scenario: Scenario) -> None:
        names = [f"spleen_{number:03d}" for number in (2, 3, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18)]
        names = names[: scenario.studies]
        if scenario.hostile:
            names[-len(HOSTILE_NAMES) :] = HOSTILE_NAMES
        for index, name in enumerate(names):
            study = self.add_study(name, seed=1000 + index)
            if index < scenario.labelled:
                self._label(study, "final", index)
            elif index == scenario.labelled and scenario.labelled:
                self._label(study, "original", index)
        if scenario.read_twice:
            self._read_twice(scenario.read_twice)

    def add_study(self, name: str, seed: int) -> Study:
        """Make a study and move it into the studies' folder, so that no reader sees a partial file."""
        study = make_study(name, seed)
        (self.truth / f"{name}.nii.gz").write_bytes(nifti.encode(study.mask))
        partial = self.tmp / "arriving"
        partial.write_bytes(nifti.encode(study.image))
        partial.replace(self.studies / f"{name}.nii.gz")
        return study

    def _label(self, study: Study, tag: str, seed: int) -> None:
        folder = self.studies / "labels" / tag
        folder.mkdir(parents=True, exist_ok=True)
        mask = with_small_errors(study.mask, np.random.default_rng(seed))
        (folder / f"{study.name}.nii.gz").write_bytes(nifti.encode(mask))

    def _read_twice(self, name: str) -> None:
        """Add the reading of a second annotator, and the names of both to the datastore's file."""
        ended, names = (
            int(time.time()) - 3600,
            [{"name": "spleen", "idx": SPLEEN}, {"name": "liver", "idx": LIVER}],
        )
        self._label(make_study(name, seed=1000), "final_ben", seed=77)
        labels = {
            tag: {
                "ext": ".nii.gz",
                "info": {"ts": ended, "client_id": author, "name": f"{name}.nii.gz", "label_info": names},
            }
            for tag, author in {"final": "ana", "final_ben": "ben"}.items()
        }
        image = {"ext": ".nii.gz", "info": {"ts": ended - 3600, "name": f"{name}.nii.gz"}}
        document = {"objects": {name: {"image": image, "labels": labels}}}
        write_file(self.studies / "datastore_v2.json", json.dumps(document), mode=None)


def _script(path: Path, *lines: str) -> None:
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
