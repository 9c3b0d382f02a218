"""``studies review``: status, level and comment of labels, as 3D Slicer's Reviewer writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labeltui.actions.studies import StudiesReviewParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Misused
from labeltui.domain.studies.review import APPROVED, META, Review, is_reviewable, reviewed, stored_review
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.text import one_line

if TYPE_CHECKING:
    from labeltui.monailabel.client import MonaiLabelClient
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

STORED = "reviews"
"""The document of the state folder with the reviews that were replaced, by study and tag, for ``--undo``."""


async def studies_review(session: Session, params: StudiesReviewParams, report: Report) -> Document:
    """Review a label of each study, or bring back the reviews that the last call replaced.

    Raises Misused ``bad_parameter`` without a study or a value, and Failed ``not_reviewed`` with the document if some
    could not be reviewed.
    """
    review = Review(params.status, params.level, params.comment)
    if not params.studies or not (review or params.undo):
        raise Misused(
            Code.BAD_PARAMETER,
            "Nothing to review: name studies, and a status, a level or a comment.",
            "For example: labeltui studies review liver_042 --status approved --level hard.",
        )
    await session.readiness.need_server()
    client, done, failed = session.api.client(), list[dict[str, Any]](), list[str]()
    for study in dict.fromkeys(params.studies):
        try:
            done += await _review(
                session, client, study, params.label or FINAL_TAG, None if params.undo else review
            )
            report.progress(f"{one_line(study)}, {len(done)} of {len(params.studies)}")
        except LabeltuiError as error:
            failed.append(f"{one_line(study)}: {error.problem.message}")
    session.pollers.queue.wake()
    verb = "brought back" if params.undo else "reviewed"
    document: dict[str, Any] = {
        "as_of": documents.moment(session.clock()),
        "message": f"{len(done)} {'label' if len(done) == 1 else 'labels'} {verb}",
        "reviewed": done,
        "failed": failed,
        "error": None,
    }
    if failed:
        why = {"code": Code.NOT_REVIEWED, "message": f"Not {verb}: {'; '.join(failed)}", "hint": ""}
        raise Failed.of_document({**document, "error": why})
    return document


async def _review(
    session: Session, client: MonaiLabelClient, study: str, tag: str, review: Review | None
) -> list[dict[str, Any]]:
    """Review one label; None brings back its previous review. Returns each label that was changed."""
    info = await client.label_info(study, tag)
    if not info:
        raise Failed(Code.NOT_FOUND, f"The server has no label {one_line(tag)} of this study.")
    if review is not None and not is_reviewable(tag):
        raise Failed(
            Code.NOT_REVIEWED,
            f"Slicer's Reviewer expects a version number in the tag {one_line(tag)}, and would open no study.",
        )
    before = stored_review(info)
    if review is None:
        after = _replaced(session, study, tag)
    else:
        after = reviewed(before, review, session.profile.client_id, session.clock())
    changed = [await _write(session, client, study, tag, before, after)]
    if review is not None and review.status == APPROVED:
        changed += await _withdraw_others(session, client, study, tag)
    return changed


async def _withdraw_others(
    session: Session, client: MonaiLabelClient, study: str, approved: str
) -> list[dict[str, Any]]:
    """Withdraw the approval of the study's other labels, because the Reviewer approves one version only."""
    queue = session.store.state.queue.value
    listed = next((one for one in queue.studies if one.id == study), None) if queue is not None else None
    changed = []
    for tag in listed.tags if listed is not None else ():
        before = stored_review(await client.label_info(study, tag)) if tag != approved else {}
        if before.get("status") == APPROVED:
            changed.append(await _write(session, client, study, tag, before, {**before, "status": ""}))
    return changed


def _replaced(session: Session, study: str, tag: str) -> dict[str, Any]:
    stored = session.state_folder.read(STORED).get(study, {}).get(tag)
    if not isinstance(stored, dict):
        raise Failed(Code.NOT_FOUND, f"labeltui has not replaced a review of its label {one_line(tag)}.")
    return stored


async def _write(
    session: Session,
    client: MonaiLabelClient,
    study: str,
    tag: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> dict[str, Any]:
    """Write a review. The one that it replaces is stored first, so that it can be brought back."""
    stored = session.state_folder.read(STORED)
    session.state_folder.write(STORED, {**stored, study: {**stored.get(study, {}), tag: before}})
    await client.update_label_info(study, tag, {META: after})
    return {"study": study, "label": tag, "review": after, "before": before}
