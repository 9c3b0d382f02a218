"""Why a training failed: the cause in one sentence, what to do, and the output as evidence."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

from labeltui.domain.failure_codes import Code
from labeltui.domain.log.lines import parse_line
from labeltui.domain.log.meaning import Meaning, Trouble, meaning
from labeltui.domain.problems import Problem
from labeltui.domain.server.server import ServerInfo
from labeltui.domain.text import one_line
from labeltui.domain.training.log import TrainRun

_CAUSES: tuple[tuple[str, Code, str, str], ...] = (
    (r"There is no model '([^'\n]{1,200})' available", Code.UNKNOWN_MODEL,
     "The server can't train a model named {0}.", "Choose among: {trainers}."),
    (r"num_samples=0", Code.NO_LABELS,
     "No study has a final label, so there is nothing to train on.",
     "Submit labels in Slicer (tag final), then train again."),
    (r"MLflow no longer|mlflow\.exceptions|No module named 'mlflow|'?mlflow'? is not", Code.TRACKING,
     "Tracking with MLflow failed, which ends every training.",
     'Train with tracking = "None", or set MONAI_LABEL_TRACKING_ENABLED=false.'),
    (r"/scoring/|RemoteDisconnected", Code.SCORING_CALLBACK,
     "The server could not start the scoring after the training, and reports that as a failure.",
     "The model was published nevertheless. The server cannot call its own API if https or a login is set."),
    (r"stat: path should be string.{0,40}NoneType", Code.BUNDLE_PRETRAINED,
     "A bundle cannot be trained with pretrained = false.", "Leave the parameter pretrained out."),
    (r"(TypeError: '.{1,3}' not supported between instances of '\w+' and '\w+')", Code.BAD_PARAMETER,
     "A parameter has a wrong type: {0}.", "Give numbers without quotes."),
)  # fmt: skip
_CODES = {
    Trouble.DOWNLOAD: Code.DOWNLOAD_FAILED,
    Trouble.MLFLOW: Code.TRACKING,
}
_COMPILED = tuple((re.compile(pattern), code, message, hint) for pattern, code, message, hint in _CAUSES)


def diagnose_training(run: TrainRun, details: Sequence[str], info: ServerInfo | None = None) -> Problem:
    """Why a training failed, in one line. ``details`` are the task's newest lines, as evidence."""
    evidence = "\n".join(details or run.lines)
    if run.return_code == -9 and not run.killed:
        return Problem(
            Code.KILLED,
            "The training was killed by signal 9; who or what sent it is unknown.",
            "If the host's memory was full (`dmesg` names what was killed), train with dataset = Dataset, which holds "
            "no volumes in memory, or use a larger host.",
            evidence,
        )
    # Only the newest exceptions count: a training often continues after earlier ones.
    text = "\n".join((*run.errors[-3:], *details[-3:]))
    for pattern, code, message, hint in _COMPILED:
        if found := pattern.search(text):
            group = one_line(found[1]) if found.groups() else ""
            trainers = (
                ", ".join(info.trainers)
                if info is not None and info.trainers
                else "the models that `labeltui server status` lists"
            )
            return Problem(
                code, message.replace("{0}", group), hint.replace("{trainers}", trainers), evidence
            )
    explained = _explained((*run.errors[-3:], *(details or run.lines)))
    if explained is not None and explained.kind is not Trouble.UNREADABLE:
        code = _CODES.get(Trouble(explained.kind)) or Code.reported(explained.kind)
        return Problem(code, explained.means, explained.todo, evidence)
    if run.unreadable and "LoadImage" in "\n".join((*run.errors, *details)):
        return unreadable_problem(run.unreadable, evidence)
    if "applying transform" in text:
        return Problem(
            Code.BAD_VOLUME,
            "A volume or label cannot be prepared for the training.",
            "The server's log names the file, above the traceback.",
            evidence,
        )
    last = run.errors[-1] if run.errors else next((line for line in reversed(details) if line.strip()), "")
    return Problem(
        Code.TRAIN_FAILED,
        f"The training failed: {one_line(last.strip()) or 'it printed no reason'}",
        "The traceback is in the server's log.",
        evidence,
    )


def _explained(lines: Sequence[str]) -> Meaning | None:
    """The explanation of the newest line that has one."""
    return next((found for line in reversed(lines) if (found := meaning(parse_line(line)))), None)


def hidden_failure(run: TrainRun, details: Sequence[str], info: ServerInfo | None = None) -> Problem | None:
    """Why a training failed although the server reports it as done, because its process exited with 0.

    Returns None if the training did what was requested, or while the output is too incomplete to know.
    """
    if run.return_code or run.workers_code:
        return diagnose_training(run, details, info)
    lines = details or run.lines
    if any("Ignore Multi-GPU Training" in line for line in lines):
        return Problem(
            Code.NOTHING_TRAINED,
            "Nothing was trained: the bundle has no configuration for several GPUs.",
            "Train with multi_gpu = false.",
            "\n".join(lines),
        )
    finished, asked = max((point.epoch for point in run.points), default=0), run.total_epochs or 0
    if run.late_errors and 0 < finished < asked:
        found = diagnose_training(run, details, info)
        reason = found.message.removeprefix("The training failed: ")
        return replace(found, message=f"The training ended after {finished} of {asked} epochs: {reason}")
    if run.ended and not finished and not run.other_epochs:
        if run.errors:
            return diagnose_training(run, details, info)
        return Problem(
            Code.NOTHING_TRAINED,
            "Nothing was trained: the training ended without a finished epoch.",
            "See the server's log.",
            "\n".join(lines),
        )
    return None


def unreadable_problem(paths: Sequence[str], evidence: str, *, left_out: bool = False) -> Problem:
    """Name the volumes that could not be read. ``left_out`` is True if the training continued without them."""
    names = ", ".join(one_line(posixpath.basename(path)) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    damaged = "is damaged" if len(paths) == 1 else "are damaged"
    then = "the training left these studies out" if left_out else "the training could not read all volumes"
    return Problem(
        Code.STUDIES_LEFT_OUT if left_out else Code.CORRUPT_VOLUME,
        f"{names}{more} {damaged}: {then}.",
        f"Replace or remove {one_line(paths[0])}, then train again.",
        evidence,
    )
