"""The demo scenarios of the embedded pod. Imports only the standard library, so that the console starts fast."""

from __future__ import annotations

from dataclasses import dataclass


class UnknownScenario(ValueError):
    """No scenario has this name. The message lists all scenarios."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The settings of a demo session. Times are in seconds; None switches a fault off.

    ``autostart`` lists the steps that the console runs at the start, in this order, by the names of
    ``opening.autostart``.
    """

    name: str
    title: str
    description: str
    autostart: tuple[str, ...] = ("server",)
    installed: bool = True  # MONAI Label (the stand-in) is installed already
    studies: int = 12
    labelled: int = 5  # studies that have a final label at the beginning
    annotators: tuple[str, ...] = ("ana", "ben")
    annotator_pause: float = 12.0  # average time of an annotator for one study
    arrival_every: float | None = 30.0  # interval between new studies from the scanner
    most_studies: int = 40  # no new studies arrive beyond this number
    epoch_seconds: float = 1.5
    crash_after: float | None = None  # time from the server's start to its crash
    oom_after_epochs: int | None = None  # the training process is killed in the epoch after this one
    answer_delay: float = 0.0  # delay of each REST answer
    drop_every: float | None = None  # interval between breaks of all SSH connections
    refuse_for: float = 0.0  # time after a break during which SSH connections are refused
    read_twice: str = (
        ""  # the study that has a label of two annotators at the beginning; ana's is the final one
    )
    hostile: bool = False  # names and log lines contain markup, escapes and commands

    @property
    def has_pod(self) -> bool:
        """True if the emulated account has a running pod at the beginning; False if the first step rents one."""
        return "pod" not in self.autostart


_ALL = (
    Scenario(
        "story",
        "From no pod to a trained model",
        "A pod is rented on an emulated RunPod, MONAI Label is installed, annotators label (one study twice), a "
        "label is deleted and brought back, and a model learns.",
        autostart=("pod", "setup", "server", "next", "twice", "delete", "restore", "train"),
        installed=False,
        labelled=6,
    ),
    Scenario(
        "healthy",
        "A healthy session",
        "The server runs, two annotators label studies, and nothing is wrong.",
    ),
    Scenario(
        "training",
        "A model learns",
        "As healthy, and a training run starts as soon as the server is up.",
        autostart=("server", "train"),
        labelled=6,
    ),
    Scenario(
        "results",
        "The end of a day",
        "A model was trained twice and copied, studies have scores and a model's labels, one was read twice, and one "
        "label was deleted: every command of studies, labels, models, infer and score has something to work on.",
        autostart=("scores", "readings", "learn", "pull", "learn", "pull", "infer", "score", "delete"),
        labelled=6,
        annotators=(),
        arrival_every=None,
        epoch_seconds=0.2,
        read_twice="spleen_002",
    ),
    Scenario(
        "stopped",
        "Nothing runs yet",
        "The host is reachable and MONAI Label is installed; the server has not been started.",
        autostart=(),
    ),
    Scenario(
        "server-crash",
        "The server crashes",
        "The server dies with a traceback some seconds after it came up.",
        crash_after=12.0,
    ),
    Scenario(
        "oom",
        "Training runs out of memory",
        "The kernel kills the training process in its third epoch.",
        autostart=("server", "train"),
        oom_after_epochs=2,
    ),
    Scenario(
        "network-drop",
        "The network drops",
        "Every SSH connection breaks again and again, and the host refuses new ones for a while.",
        autostart=("server", "train"),
        drop_every=20.0,
        refuse_for=5.0,
    ),
    Scenario(
        "slow",
        "Everything is slow",
        "The server takes seconds to answer each request.",
        annotator_pause=20.0,
        answer_delay=3.0,
    ),
    Scenario(
        "hostile",
        "Hostile names and logs",
        "Study names and log lines hold markup, terminal escapes and shell commands.",
        hostile=True,
    ),
    Scenario(
        "quiet",
        "Nobody is labelling",
        "The server runs, some studies are labelled, and nothing happens.",
        annotators=(),
        arrival_every=None,
    ),
    Scenario(
        "no-labels",
        "No labels at all",
        "No study has a label and nobody is labelling: training has nothing to learn from.",
        labelled=0,
        annotators=(),
        arrival_every=None,
    ),
)

DEFAULT = "story"

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
"""Every scenario by name."""


def find(name: str) -> Scenario:
    """Find a scenario by name; raises :class:`UnknownScenario`."""
    try:
        return SCENARIOS[name]
    except KeyError:
        known = ", ".join(SCENARIOS)
        raise UnknownScenario(f"There is no scenario {name!r}. Scenarios are: {known}.") from None
