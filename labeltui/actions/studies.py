"""Studies and the copies of their labels."""

from __future__ import annotations

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, text
from labeltui.domain.rules import conditions


class StudiesNextParams(Params):
    """Parameters of ``studies next``."""

    strategy: str | None = text("strategy that chooses the study", positional=True)


STUDIES_LIST = Command(
    "studies.list", "List studies", "list all studies, with their state and who has them open",
    command=("studies", "list"), takes=NoParams,
)  # fmt: skip
STUDIES_NEXT = Command(
    "studies.next", "Fetch the next study", "let a strategy choose a study, as Slicer's Next Sample does",
    danger=Danger.DESTRUCTIVE, command=("studies", "next"), disabled=conditions.no_server,
    question=conditions.ask_next, takes=StudiesNextParams,
)  # fmt: skip
LABELS_PULL = Command(
    "labels.pull", "Copy the labels here", "copy all labels that are not on this machine yet",
    command=("labels", "pull"), disabled=conditions.not_connected, takes=NoParams,
)  # fmt: skip
LABELS_VERIFY = Command(
    "labels.verify", "Verify the copies", "compare every copy here with the label on the host, by checksum",
    command=("labels", "verify"), disabled=conditions.not_connected, takes=NoParams,
)  # fmt: skip
LABELS_LIST = Command(
    "labels.list", "List the copies", "list the copied labels: study, tag, annotator, time, versions",
    command=("labels", "list"), needs_host=False, takes=NoParams,
)  # fmt: skip

STUDY_ACTIONS: tuple[Action, ...] = (STUDIES_LIST, STUDIES_NEXT, LABELS_PULL, LABELS_VERIFY, LABELS_LIST)
