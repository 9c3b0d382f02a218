"""What a report has not measured, as sentences with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labeltui.domain.text import plural
from labeltui.operations.report.figures import UNKNOWN


def not_measured(document: Mapping[str, Any], *, rents: bool) -> list[str]:
    """Return a sentence for each figure that is null or covers only a part. Names in it may be hostile.

    ``rents`` says whether the profile rents its pod.
    """
    return [*_of_labels(document), *_of_money(document, rents=rents), *_of_trainings(document)]


def _of_labels(document: Mapping[str, Any]) -> list[str]:
    labels = document["labels"]
    if labels is None:
        return ["Labels: the host could not be reached, and this machine has no copies."]
    lines = []
    if document["hours"] is None:
        lines.append(
            "Hours and labels per hour: the session's start is unknown, so today's labels are counted."
        )
    if document["labels_here"] is None:
        lines.append(
            "Labels that are only on the host: it could not be reached, so the copies here are counted."
        )
    if unknown := (document["labels_by"] or {}).get(UNKNOWN):
        lines.append(f"The annotator of {plural(unknown, 'label')}.")
    if labels and (untimed := labels - len(document["minutes"])) > 0:
        lines.append(
            f"Minutes for {untimed} of {plural(labels, 'label')}: no fetch of the study by its annotator is on record."
        )
    return lines


def _of_money(document: Mapping[str, Any], *, rents: bool) -> list[str]:
    if document["cost"] is not None:
        return []
    if not rents:
        return ["Cost: this profile rents no pod."]
    return ["Cost: it is known for the whole session of a pod only, and once RunPod has answered."]


def _of_trainings(document: Mapping[str, Any]) -> list[str]:
    if document["trainings"] is None:
        return ["Trainings: the host could not be reached, and none is on record."]
    blind = [
        curve["model"]
        for curve in document["curves"]
        if all(point["validation_dice"] is None for point in curve["points"])
    ]
    lines = [f"The validation score of a training of {model}." for model in blind]
    absent = [line["model"] for line in document["models"] if not line["here"]]
    return lines + [f"The best score of {model}: its file is not on this machine." for model in absent]
