"""``studies double``, ``compare`` and ``choose``: two annotators read a study, and the operator chooses a reading."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from labeltui.actions.studies import StudiesChooseParams, StudiesCompareParams, StudiesDoubleParams
from labeltui.domain.documents import documents
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import HostLabel
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.domain.studies.datastore import SUBMITTED
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.studies.worklist import Reading
from labeltui.domain.text import one_line
from labeltui.monailabel.launch import expand, is_dicomweb
from labeltui.monailabel.programs import source_of
from labeltui.monailabel.serving.rules import Edits, client_name
from labeltui.operations.labels.restore import keep
from labeltui.operations.studies.names import segment_names
from labeltui.operations.studies.worklist import change_edits
from labeltui.session.labels.readings import label_of, put_copy

if TYPE_CHECKING:
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

MEMORY_BYTES = 8 << 30
PROGRAM_S = 120.0
MOST_COMPARED = 64
_compared: dict[tuple[str, str], Mapping[str, Any]] = {}
"""The program's answers, by the checksums of the two labels."""


async def studies_double(session: Session, params: StudiesDoubleParams, report: Report) -> Document:
    """Let two annotators read each study, or only one again.

    Raises Refused ``not_permitted`` for DICOMweb, and the errors of
    :func:`labeltui.operations.studies.worklist.change_edits`.
    """
    studies = params.studies
    state = await session.readiness.need_server()
    server = state.server.value
    if is_dicomweb((server.studies if server is not None else None) or session.profile.server.studies):
        raise Refused(
            Code.NOT_PERMITTED,
            "Only studies in a folder can be read twice. A DICOM server stores labels as SEG series without the name of"
            " their annotator, so labeltui could not distinguish the first reading from the second.",
            "Put the images into a folder on the host, and start the server with that folder as its studies.",
        )

    def edit(edits: Edits) -> Edits:
        doubled = edits.doubled.difference(studies) if params.undo else edits.doubled.union(studies)
        return replace(edits, doubled=doubled)

    done = "read by one annotator" if params.undo else "read by two annotators"
    document = await change_edits(session, studies, params.undo, edit, lambda _edits: done)
    document = {**document, "doubled": document.get("doubled", [])}
    if params.undo:
        return document
    report.progress("Storing the first readings that exist already")
    await session.readings.settle(studies)
    worklist = session.store.state.worklist.value
    waiting = {one: worklist.second.get(one, "") for one in studies} if worklist is not None else {}
    notes = [f"{one_line(study)} is not handed out yet: {why}." for study, why in waiting.items() if why]
    return {**document, "message": " ".join((document["message"], *notes))}


async def studies_compare(session: Session, params: StudiesCompareParams, report: Report) -> Document:
    """Compare every two readings of a study by Dice.

    Raises Failed ``no_worklist``, ``not_read_twice``, ``not_compared``, and the errors of the program.
    """
    await session.readiness.need_server()
    readings, shown = await _readings(session, params.study), one_line(params.study)
    report.progress(f"Comparing the readings of {shown} on the host")
    result = await compare(session, params.study, readings)
    pairs = result["pairs"]
    if all(one["error"] is not None for one in pairs):
        raise Failed(Code.NOT_COMPARED, f"The readings of {shown} can't be compared: {result['error']}.")
    compared = "; ".join(f"{' and '.join(map(one_line, one['clients']))}: {dice_text(one)}" for one in pairs)
    return {
        "as_of": documents.moment(session.clock()),
        "message": f"{shown}, {compared}.",
        "study": params.study,
        "readings": [{"client": one.client, "tag": one.tag, "sha256": one.sha256} for one in readings],
        **result,
    }


def dice_text(result: Mapping[str, Any]) -> str:
    """Return the result of a comparison as a clause."""
    if result["error"]:
        return f"not compared, because {result['error']}"
    if not result["labels"]:
        return "both readings are empty"
    dice = "Dice " + ", ".join(f"{one['name']} {one['dice']:.3f}" for one in result["labels"])
    return (
        f"{dice}, although the two files place their voxels at different points of the patient"
        if result["shifted"]
        else dice
    )


async def studies_choose(session: Session, params: StudiesChooseParams, report: Report) -> Document:
    """Make a reading the final label. The present final label is copied to this machine first.

    Raises Misused for a client without a reading, and Failed ``no_worklist``, ``not_read_twice``, ``not_copied`` if the
    present final label is no reading yet, and ``checksum``.
    """
    await session.readiness.need_server()
    study, shown = params.study, one_line(params.study)
    await session.readings.settle([study])
    readings = await _readings(session, study)
    chosen = next((one for one in readings if one.client == params.client), None)
    if chosen is None:
        raise Misused(
            Code.BAD_PARAMETER, f"{one_line(params.client)} has no reading of {shown}.",
            f"Choose among: {', '.join(one_line(one.client) for one in readings)}.",
        )  # fmt: skip
    client = session.api.client()
    final = await client.label_info(study, FINAL_TAG)
    info = await client.label_info(study, chosen.tag)
    present = await label_of(session.labels, study, FINAL_TAG, final)
    _check_present(study, final, present, readings)
    label = _checked(study, chosen, await label_of(session.labels, study, chosen.tag, info))
    await keep(session, [one for one in (present, label) if one is not None])
    copy = session.labels.folder.index.newest(label.key)
    before = str(final.get("client_id") or "")
    if copy is not None and (before != chosen.client or present is None or present.sha256 != chosen.sha256):
        report.progress(f"Storing the label of {one_line(chosen.client)} as the final label of {shown}")
        await put_copy(session.labels, client, copy, FINAL_TAG, {**info, **_submitted(chosen)})
        stored = await label_of(session.labels, study, FINAL_TAG, {"name": copy.name})
        if stored is None or stored.sha256 != chosen.sha256:
            raise Failed(
                Code.CHECKSUM,
                f"The host did not store the final label of {shown} as it was sent.",
                "Try again.",
            )
        session.pollers.annotators.chosen(study, chosen.client, session.clock())
    session.pollers.queue.wake()
    session.labels.wake()
    others = [one.client for one in readings if one.client == before != chosen.client]
    undo = f" Choose {one_line(others[0])} to undo this." if others else ""
    return {
        "as_of": documents.moment(session.clock()),
        "message": f"The reading of {one_line(chosen.client)} is the final label of {shown}.{undo}",
        "study": study,
        "final": {"client": chosen.client, "sha256": chosen.sha256},
        "before": before or None,
    }


def _check_present(
    study: str, final: Mapping[str, Any], present: HostLabel | None, readings: Sequence[Reading]
) -> None:
    """Raise Failed ``not_copied`` if the present final label is no reading yet, so that choosing would lose it."""
    shown = one_line(study)
    if present is not None and present.sha256 not in {one.sha256 for one in readings}:
        named = client_name(final.get("client_id"))
        raise Failed(
            Code.NOT_COPIED, f"The final label of {shown} is newer than its readings.",
            "Try again: labeltui first stores it as a reading of its annotator." if named else
            "It came without a client id of its own, so it is not a reading. Delete it first (labeltui copies it):"
            f" labeltui studies delete {shlex.quote(shown)} --label final.",
        )  # fmt: skip


def _checked(study: str, chosen: Reading, label: HostLabel | None) -> HostLabel:
    """Return the host's label of a reading.

    Raises Failed ``not_found``, and ``checksum`` if it is not as its annotator submitted it.
    """
    shown = one_line(study)
    if label is None:
        raise Failed(
            Code.NOT_FOUND,
            f"The host no longer has {one_line(chosen.tag)}, the reading of {one_line(chosen.client)}.",
            f"If it was deleted from this machine, `labeltui studies restore {shlex.quote(shown)}` brings it back.",
        )
    if label.sha256 != chosen.sha256:
        raise Failed(
            Code.CHECKSUM,
            f"The host has another label under {one_line(chosen.tag)} than {one_line(chosen.client)} submitted.",
        )
    return label


def _submitted(reading: Reading) -> dict[str, int]:
    return {} if reading.at is None else {SUBMITTED: int(reading.at.timestamp())}


async def _readings(session: Session, study: str) -> tuple[Reading, ...]:
    """Return the readings of a study.

    Raises Failed ``no_worklist``, and ``not_read_twice`` if there are fewer than two.
    """
    worklist = await session.worklist.refresh()
    readings = worklist.readings.get(study, ())
    if len(readings) < 2:
        why = worklist.second.get(study) or (
            f"only {readings[0].client} has read it" if readings else "no annotator's reading is stored"
        )
        raise Failed(
            Code.NOT_READ_TWICE, f"{one_line(study)} does not have two readings: {one_line(why)}.",
            "`labeltui studies double STUDY` lets two annotators read a study.",
        )  # fmt: skip
    return readings


async def compare(session: Session, study: str, readings: Sequence[Reading]) -> dict[str, Any]:
    """Compare every two readings. Returns the results as ``pairs``, and the fields of the two newest readings' result.

    A result has the ``clients``, the ``labels``, ``shifted``, and the ``error`` or None. Each label has ``name``,
    ``value``, ``dice``, and the ``voxels`` of each reading. Raises LabeltuiError.
    """
    pairs = [await _compare(session, study, pair) for pair in combinations(readings, 2)]
    return {**pairs[-1], "pairs": pairs}


async def _compare(session: Session, study: str, pair: tuple[Reading, Reading]) -> dict[str, Any]:
    sums = pair[0].sha256, pair[1].sha256
    if sums not in _compared:
        answer = await _run(session, study, pair)
        if "labels" not in answer:
            return _result(pair, error=str(answer.get("error") or "the program gave no answer"))
        while len(_compared) >= MOST_COMPARED:
            del _compared[next(iter(_compared))]
        _compared[sums] = answer
    names = segment_names(await session.api.client().label_info(study, pair[-1].tag))
    return _result(
        pair,
        [
            {"name": names.get(one["value"], f"label {one['value']}"), **one}
            for one in _compared[sums]["labels"]
        ],
        shifted=bool(_compared[sums].get("shifted")),
    )


def _result(
    pair: Sequence[Reading],
    labels: Sequence[Mapping[str, Any]] = (),
    *,
    shifted: bool = False,
    error: str = "",
) -> dict[str, Any]:
    return {
        "clients": [one.client for one in pair], "labels": list(labels), "shifted": shifted, "error": error or None
    }  # fmt: skip


async def _run(session: Session, study: str, pair: Sequence[Reading]) -> Mapping[str, Any]:
    """Run the program on the labels of two readings, if the host has them as they were submitted."""
    names: dict[str, str] = {}
    for one in pair:
        info = await session.api.client().label_info(study, one.tag)
        label = await label_of(session.labels, study, one.tag, info)
        tag, author = one_line(one.tag), one_line(one.client)
        if label is None:
            return {"error": f"the host no longer has {tag}, the reading of {author}"}
        if label.sha256 != one.sha256:
            return {"error": f"the host has another label under {tag} than {author} submitted"}
        names[one.tag] = label.name
    root = (await session.labels.refresh([(one.tag, study) for one in pair], copy=False)).root
    agent = await session.link.ready()
    answer = await agent.run_program(
        f"{expand(session.profile.server.folder, agent.hello.home)}/venv/bin/python",
        source_of("dice"),
        {"files": [f"{root}/{tag}/{name}" for tag, name in names.items()]},
        memory_bytes=MEMORY_BYTES,
        wall_s=PROGRAM_S,
    )
    return answer if isinstance(answer, dict) else {}
