"""Studies and the copies of their labels."""

from __future__ import annotations

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, choice, required_text, switch, text, texts, whole
from labeltui.domain.rules import conditions, deletion, second_reading
from labeltui.domain.studies.review import LEVELS, STATUSES


class StudiesNextParams(Params):
    """Parameters of ``studies next``."""

    strategy: str | None = text("strategy that chooses the study", positional=True)


class StudiesOrderParams(Params):
    """Parameters of ``studies order``."""

    studies: tuple[str, ...] = texts("ids of the studies, the first to be handed out first", positional=True)
    place: int | None = whole("place in the order; default: 1, the next one to be handed out")
    undo: bool = switch("take the studies out of the order again")


class StudiesAssignParams(Params):
    """Parameters of ``studies assign``."""

    studies: tuple[str, ...] = texts("ids of the studies", positional=True)
    to: str | None = text("client id of the annotator, as set in Slicer")
    undo: bool = switch("let every annotator have the studies again")


class StudiesSkipParams(Params):
    """Parameters of ``studies skip``."""

    studies: tuple[str, ...] = texts("ids of the studies", positional=True)
    undo: bool = switch("let the studies be handed out again")


class StudiesDoubleParams(Params):
    """Parameters of ``studies double``."""

    studies: tuple[str, ...] = texts("ids of the studies", positional=True)
    undo: bool = switch("let one annotator read the studies; readings that exist stay")


class StudiesCompareParams(Params):
    """Parameters of ``studies compare``."""

    study: str = required_text("id of a study that was read twice")


class StudiesChooseParams(Params):
    """Parameters of ``studies choose``."""

    study: str = required_text("id of a study that was read twice")
    client: str = required_text("client id of the annotator whose reading becomes the final label")


class LabelsListParams(Params):
    """Parameters of ``labels list``."""

    study: str | None = text("list every version of this study's labels", positional=True)


class LabelsRestoreParams(Params):
    """Parameters of ``labels restore``."""

    studies: tuple[str, ...] = texts("ids of the studies; default: all with a copied label", positional=True)
    tag: str | None = text("labels of this tag only, such as final")
    version: str | None = text(
        "first digits of the SHA-256 of an older version of one study's label; see `labels list STUDY`"
    )
    replace: bool = switch("replace other versions on the server; they are copied to this machine first")


class StudiesDeleteParams(Params):
    """Parameters of ``studies delete``."""

    study: str = required_text("id of the study")
    label: str | None = text("tag of the one label to delete; default: the image with all its labels")


class StudiesShowParams(Params):
    """Parameters of ``studies show``."""

    study: str = required_text("id of the study")


class StudiesReviewParams(Params):
    """Parameters of ``studies review``."""

    status: str | None = choice(
        "judgement; approving a label withdraws the approval of its others", *STATUSES
    )
    level: str | None = choice("difficulty", *LEVELS)
    comment: str | None = text("comment for the annotators")
    label: str | None = text("tag of the label; default: final")
    undo: bool = switch("bring back the reviews that the last `studies review` replaced")
    studies: tuple[str, ...] = texts("ids of the studies", positional=True)


class StudiesRestoreParams(Params):
    """Parameters of ``studies restore``."""

    study: str = required_text("id of a study that was deleted with `studies delete`")
    at: str | None = text(
        "time of an earlier deletion of this study, as in its folder; default: the last one"
    )


class StudiesUploadParams(Params):
    """Parameters of ``studies upload``."""

    paths: tuple[str, ...] = texts(
        "files and folders: .nii.gz, .nii, .nrrd; DICOM, .mha, .mhd and .zip are converted first",
        positional=True,
        local=True,
    )
    replace: bool = switch("replace studies on the host that differ")
    skip: bool = switch("leave studies on the host that differ as they are")
    checksum: bool = switch("compare files of the same size and time by checksum too")
    dry_run: bool = switch("send nothing, only report what would be sent")
    anyway: bool = switch("send also files that MONAI Label would misread")
    deidentify: bool = switch("to a DICOMweb server: first remove the headers that identify patients")
    identified: bool = switch("to a DICOMweb server: send the files with the headers that identify patients")


class StudiesPreviewParams(Params):
    """Parameters of ``studies preview``."""

    study: str = required_text("id of the study")
    out: str | None = text("the PNG file to write; default: STUDY.png in this folder")
    plane: str | None = choice("only this plane; default: all three", "axial", "coronal", "sagittal")
    slice: int | None = whole(
        "number of the slice, from 1 at the feet, the front or the right; needs --plane; default: most of the label"
    )
    window: str | None = text(
        "lung, bone, soft, brain, auto, or lowest and highest intensity, such as -160,240"
    )
    tag: str | None = text("tag of the label; default: final, else original")
    version: str | None = text(
        "first digits of the SHA-256 of an older version of the label; see `labels list STUDY`"
    )
    opacity: int | None = whole("how much the label covers, from 0 (only its outline) to 100; default: 30")
    replace: bool = switch("replace a file that exists")


STUDIES_LIST = Command(
    "studies.list", "List studies", "list all studies, with their state and who has them open",
    command=("studies", "list"), takes=NoParams,
)  # fmt: skip
STUDIES_NEXT = Command(
    "studies.next", "Fetch the next study", "see which study a strategy chooses; it is not reserved for this console",
    danger=Danger.DESTRUCTIVE, command=("studies", "next"), disabled=conditions.no_server,
    question=conditions.ask_next, takes=StudiesNextParams,
)  # fmt: skip
STUDIES_ORDER = Command(
    "studies.order", "Put studies first", "let the worklist hand out studies before the others",
    danger=Danger.CHANGE, command=("studies", "order"), disabled=conditions.no_worklist, takes=StudiesOrderParams,
)  # fmt: skip
STUDIES_ASSIGN = Command(
    "studies.assign", "Assign studies", "let the worklist hand out studies to one annotator only",
    danger=Danger.CHANGE, command=("studies", "assign"), disabled=conditions.no_worklist, takes=StudiesAssignParams,
)  # fmt: skip
STUDIES_SKIP = Command(
    "studies.skip", "Skip studies", "let the worklist hand out studies to nobody",
    danger=Danger.CHANGE, command=("studies", "skip"), disabled=conditions.no_worklist, takes=StudiesSkipParams,
)  # fmt: skip
STUDIES_DOUBLE = Command(
    "studies.double", "Read studies twice", "let a second annotator read studies, after the first one's final label",
    danger=Danger.CHANGE, command=("studies", "double"), disabled=conditions.no_worklist, takes=StudiesDoubleParams,
)  # fmt: skip
STUDIES_COMPARE = Command(
    "studies.compare", "Compare readings", "compare the readings of a study by the Dice of each label",
    command=("studies", "compare"), disabled=conditions.no_worklist, takes=StudiesCompareParams,
)  # fmt: skip
STUDIES_CHOOSE = Command(
    "studies.choose", "Choose a reading", "make one annotator's reading of a study the final label",
    danger=Danger.DESTRUCTIVE, command=("studies", "choose"), disabled=conditions.no_worklist,
    question=second_reading.ask_choose, naming=second_reading.what_is_chosen, takes=StudiesChooseParams,
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
    command=("labels", "list"), needs_host=False, takes=LabelsListParams,
)  # fmt: skip

LABELS_RESTORE = Command(
    "labels.restore", "Submit copied labels", "submit copied labels to a server that does not have them",
    danger=Danger.DESTRUCTIVE, command=("labels", "restore"), disabled=conditions.no_server,
    question=conditions.ask_restore, about="studies", exclusive=True, reads_first="always", takes=LabelsRestoreParams,
)  # fmt: skip
STUDIES_DELETE = Command(
    "studies.delete", "Delete a study", "delete a study or a label from the server, after copying it to this machine",
    danger=Danger.DESTRUCTIVE, command=("studies", "delete"), disabled=conditions.no_server,
    question=deletion.ask_delete, naming=deletion.what_goes, takes=StudiesDeleteParams,
)  # fmt: skip
STUDIES_SHOW = Command(
    "studies.show", "Show a study", "show a study's image, its labels with their copies, and who had it when",
    command=("studies", "show"), disabled=conditions.no_server, takes=StudiesShowParams,
)  # fmt: skip
STUDIES_REVIEW = Command(
    "studies.review", "Review studies", "judge labels as Slicer's Reviewer does: status, level and comment",
    danger=Danger.CHANGE, command=("studies", "review"), disabled=conditions.no_server, takes=StudiesReviewParams,
)  # fmt: skip
STUDIES_RESTORE = Command(
    "studies.restore", "Bring a study back", "bring back a study or label that `studies delete` deleted",
    danger=Danger.DESTRUCTIVE, command=("studies", "restore"), disabled=conditions.no_server,
    question=conditions.ask_undelete, about="study", reads_first="always", takes=StudiesRestoreParams,
)  # fmt: skip

STUDIES_UPLOAD = Command(
    "studies.upload", "Upload studies", "copy files of studies from this machine into the host's folder of studies",
    danger=Danger.CHANGE, command=("studies", "upload"), disabled=conditions.not_connected, takes=StudiesUploadParams,
)  # fmt: skip
STUDIES_PREVIEW = Command(
    "studies.preview", "Picture of a study", "write three planes of a study with its label into a PNG file",
    command=("studies", "preview"), disabled=conditions.not_connected, takes=StudiesPreviewParams,
)  # fmt: skip

WORKLIST_ACTIONS: tuple[Action, ...] = (
    Action(
        "worklist.first", "Hand out next", "hand out these studies next; if they are next, take them out again",
        key="f", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_worklist, console="queue('first')",
    ),
    Action(
        "worklist.assign", "Assign to", "let the worklist hand out these studies to one annotator only",
        key="a", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_worklist, console="queue('assign')",
    ),
    Action(
        "worklist.unassign", "Assign to nobody", "let every annotator have these studies again",
        key="n", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_worklist, console="queue('unassign')",
    ),
    Action(
        "worklist.skip", "Skip", "hand out these studies to nobody, or again if they are skipped",
        key="x", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_worklist, console="queue('skip')",
    ),
    Action(
        "worklist.double", "Read twice", "let a second annotator read these studies, or only one again",
        key="d", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_worklist, console="queue('double')",
    ),
    Action(
        "worklist.choose", "Choose the other reading", "make the other of a study's two readings the final label",
        key="c", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_worklist, console="queue('choose')",
    ),
    Action(
        "queue.show", "Details", "show this study's image, its labels with their copies, and who had it when",
        key="i", leader="Q", disabled=conditions.no_server, console="queue('show')",
    ),
    Action(
        "queue.preview", "View", "view three planes of this study with its label, or two labels side by side",
        key="V", leader="Q", disabled=conditions.not_connected, console="queue('preview')",
    ),
    Action(
        "queue.review", "Review", "judge the labels of the marked studies, or of this one: status, level, comment",
        key="v", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_server, console="queue('review')",
    ),
    Action(
        "queue.restore", "Submit its copied labels", "submit this study's copied labels that the server does not have",
        key="r", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_server, console="queue('restore')",
    ),
    Action(
        "queue.delete", "Delete", "delete this study from the server, after copying it to this machine",
        key="D", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_server, console="queue('delete')",
    ),
    Action(
        "queue.upload", "Upload studies", "copy files of studies from this machine into the host's folder of studies",
        key="U", leader="Q", danger=Danger.CHANGE, disabled=conditions.not_connected, console="form('studies.upload')",
    ),
    Action(
        "upload.replace", "Replace them", "upload again, and replace the host's studies that differ",
        danger=Danger.CHANGE, disabled=conditions.not_connected, console="again('studies.upload', 'replace')",
    ),
    Action(
        "upload.skip", "Leave them as they are", "upload again, without the studies that differ from the host's",
        danger=Danger.CHANGE, disabled=conditions.not_connected, console="again('studies.upload', 'skip')",
    ),
    Action(
        "upload.deidentify", "Remove identifying headers", "upload again, without headers that identify patients",
        danger=Danger.CHANGE, disabled=conditions.not_connected, console="again('studies.upload', 'deidentify')",
    ),
    Action(
        "upload.identified", "Send as they are", "upload again, with the headers that identify patients",
        danger=Danger.CHANGE, disabled=conditions.not_connected, console="again('studies.upload', 'identified')",
    ),
    Action(
        "queue.undelete", "Bring a study back", "bring back a study that was deleted",
        key="u", leader="Q", danger=Danger.CHANGE, disabled=conditions.no_server, console="deletions",
    ),
)  # fmt: skip
"""Actions that the console applies to the marked studies, or to the study under the queue's cursor."""

STUDY_ACTIONS: tuple[Action, ...] = (
    STUDIES_LIST, STUDIES_NEXT, STUDIES_ORDER, STUDIES_ASSIGN, STUDIES_SKIP, STUDIES_DOUBLE,
    STUDIES_COMPARE, STUDIES_CHOOSE, *WORKLIST_ACTIONS,
    STUDIES_SHOW, STUDIES_REVIEW, LABELS_PULL, LABELS_VERIFY, LABELS_LIST, LABELS_RESTORE,
    STUDIES_DELETE, STUDIES_RESTORE, STUDIES_UPLOAD, STUDIES_PREVIEW,
)  # fmt: skip
