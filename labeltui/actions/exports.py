"""Exports of the labels on this machine."""

from __future__ import annotations

from collections.abc import Mapping

from labeltui.actions.model import Action, Command
from labeltui.actions.params import Params, choice, pairs, required_text, switch, text, texts

FORMATS = FOLDER, ZIP, NNUNET, DICOM_SEG = ("folder", "zip", "nnunet", "dicom-seg")


class LabelsExportParams(Params):
    """Parameters of ``labels export``."""

    dest: str = required_text("the folder or file to create; a name ending in .zip makes a zip file")
    format: str | None = choice("what to write; default: a folder, or a zip file by the name", *FORMATS)
    study: tuple[str, ...] = texts("only labels of these studies")
    tag: tuple[str, ...] = texts(
        "only labels with these tags, or `all`; default: final, which leaves out the labels that models made (original)"
    )
    version: tuple[str, ...] = texts(
        "versions by the first digits of their SHA-256, or `all`; default: the newest of each label"
    )
    annotator: tuple[str, ...] = texts("only labels of these annotators")
    review: tuple[str, ...] = texts("only labels in these review states: approved, flagged, none")
    channel: str | None = text(
        "for nnU-Net: modality of the images, such as CT or MR; nnU-Net normalises CT differently"
    )
    name: Mapping[str, str] = pairs(
        "for nnU-Net and DICOM: number and name of a label, such as 1 liver; default: the names of profile or model"
    )
    dicom: tuple[str, ...] = texts(
        "for DICOM SEG: folders on this machine with the studies' DICOM files", local=True
    )
    replace: bool = switch("replace an earlier export in the same place")


LABELS_EXPORT = Command(
    "labels.export", "Export labels", "write labels into a folder, a zip file, DICOM SEG or a data set for nnU-Net",
    command=("labels", "export"), needs_host=False, takes=LabelsExportParams,
)  # fmt: skip

EXPORT_ACTIONS: tuple[Action, ...] = (
    LABELS_EXPORT,
    Action(
        "queue.export", "Export labels", "write labels into a folder, a zip file, DICOM SEG or a data set for nnU-Net",
        key="e", leader="Q", needs_host=False, console="form('labels.export')",
    ),
    Action(
        "export.replace", "Replace it", "export again, and replace the earlier export",
        needs_host=False, console="again('labels.export', 'replace')",
    ),
)  # fmt: skip
