"""Opens the preview of a study, and ``studies preview``, which writes three planes as a PNG file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labeltui.actions.studies import StudiesPreviewParams
from labeltui.domain.documents.documents import moment
from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.copies import NOT_ASKED
from labeltui.domain.labels.names import SEG_TAG, file_name, split_label
from labeltui.domain.problems import Failed, LabeltuiError, Misused, Refused
from labeltui.domain.states import ServerState
from labeltui.domain.studies.image_files import LISTED
from labeltui.domain.studies.preview import WINDOWS, LabelFacts, Plane, Preview, Slice, SliceRequest, Volume
from labeltui.domain.studies.study import FINAL_TAG
from labeltui.domain.text import one_line
from labeltui.monailabel.launch import expand
from labeltui.operations.studies.names import model_values, segment_names
from labeltui.operations.studies.picture import picture, png
from labeltui.operations.studies.upload.plan import served_studies
from labeltui.session.studies.preview import StudyPreview
from labeltui.session.studies.preview_program import LabelSource, PreviewSource
from labeltui.support.atomic import write_file
from labeltui.support.file_errors import advice, reason

if TYPE_CHECKING:
    from labeltui.hosts.agent.client import AgentClient
    from labeltui.operations.progress import Document, Report
    from labeltui.session.session import Session

SHOWN_FIRST = (FINAL_TAG, "original")
PIXELS = 512
OPACITY = 30


async def open_preview(
    session: Session,
    study: str,
    labels: Sequence[tuple[str, str]] = (),
    progress: Callable[[str], None] = lambda _text: None,
    *,
    fetch: bool = True,
) -> Preview:
    """Open the preview of a study with up to two labels, each a tag and the first digits of a version's SHA-256.

    An empty version is the label on the host. A label that can't be shown has the reason in the volume. A series
    that MONAI Label has not fetched by DICOMweb is fetched for the preview, and ``progress`` gets a text meanwhile;
    without ``fetch`` it raises Refused ``not_fetched``. A final label that MONAI Label's cache lacks is the DICOM SEG
    on the server. Raises Failed ``not_found`` for a study without an image, and Failed ``program_failed`` with the
    reason why an image can't be shown.
    """
    agent = await session.link.ready()
    root = _root(session, agent)
    names = [study, *(study + extension for extension in LISTED)]
    there = (await agent.compare_upload(root, names)).there
    image = next((name for name in reversed(names) if name in there), None)  # a file before DICOM's folder
    web = session.dicomweb()
    if image is None and web is None:
        raise _absent(session, study)
    if image is None and not fetch:
        raise Refused(Code.NOT_FETCHED, "This series is not on the host yet.", "Press V to fetch it.")
    queue = session.store.state.queue.value
    source = PreviewSource(
        study,
        f"{expand(session.profile.server.folder, agent.hello.home)}/venv/bin/python",
        f"{root}/{image}" if image is not None else "",
        tuple([await _label(session, agent, study, tag, version, fetch) for tag, version in labels]),
        next((one.modality for one in (queue.studies if queue is not None else ()) if one.id == study), ""),
        web.login if image is None and web is not None else None,
    )

    def fetched(done: int, total: int | None) -> None:
        of = f" of {total}" if total else ""
        progress(f"Fetching the series from the DICOM server: {done}{of} images")

    return await StudyPreview.open(session.link.connected, source, progress=fetched)


def _root(session: Session, agent: AgentClient) -> str:
    """Return the folder of the studies on the host; for a DICOMweb server, the cache of MONAI Label."""
    web = session.dicomweb()
    home = agent.hello.home
    return (
        expand(served_studies(session), home)
        if web is None
        else web.cache(session.profile.server.folder, home)
    )


def _absent(session: Session, study: str) -> Failed:
    return Failed(
        Code.NOT_FOUND,
        f"The host has no NIfTI or NRRD file of {one_line(study)} in {one_line(served_studies(session))}.",
        "`labeltui studies list` lists the studies.",
    )


async def _label(
    session: Session, agent: AgentClient, study: str, tag: str, version: str, fetch: bool
) -> LabelSource:
    names = await _names(session, study, tag)
    if version:
        return await _version(session, study, tag, version, names)
    is_web = session.dicomweb() is not None
    if path := await _path(agent, _root(session, agent), study, tag, may_lack=is_web):
        return LabelSource(tag, path=path, names=names)
    absent = f"the host has no label {one_line(tag)} of this study"
    if not is_web or tag not in (SEG_TAG, FINAL_TAG):
        return LabelSource(tag, problem=absent)
    path, why = await _seg(session, agent, study, fetch)
    problem = "" if path else why or f"{absent}, and the DICOM server no SEG"
    return LabelSource(SEG_TAG, path=path, problem=problem)


async def _path(agent: AgentClient, root: str, study: str, tag: str, *, may_lack: bool) -> str:
    """Return the path of the newest label on the host; empty if there is none, or no folder that may be absent."""
    try:
        listing = await agent.list_labels(root, [(tag, study)])
    except Failed:
        if may_lack:  # MONAI Label and labeltui create their folders with the first file
            return ""
        raise
    found = [one for one in listing.labels if (one.tag, split_label(one.name)[0]) == (tag, study)]
    newest = max(found, key=lambda one: one.mtime_ns, default=None)
    return "" if newest is None else f"{listing.root}/{newest.tag}/{newest.name}"


async def _seg(session: Session, agent: AgentClient, study: str, fetch: bool = True) -> tuple[str, str]:
    """Return the path on the host of a series' DICOM SEG, which is fetched there first; else why it is not known."""
    web = session.dicomweb()
    if web is None:
        return "", ""
    folder = session.segs.folder(web, agent.hello.home)
    path = await _path(agent, folder, study, SEG_TAG, may_lack=True)
    if path or not fetch:
        return path, ""
    await session.segs.update(agent, (study,), search=True)
    unlisted = session.segs.unlisted
    why = unlisted.why if unlisted is not None and unlisted.why != NOT_ASKED else ""
    return await _path(agent, folder, study, SEG_TAG, may_lack=True), why


async def _version(
    session: Session, study: str, tag: str, version: str, names: dict[int, str]
) -> LabelSource:
    """Read a version of a label from the copies on this machine."""
    folder = session.labels.folder
    await asyncio.to_thread(folder.index.refresh)
    found = [
        (entry, file)
        for entry, file in folder.index.versions()
        if (entry.study, entry.tag) == (study, tag) and entry.sha256.startswith(version.lower())
    ]
    if len(found) != 1:
        several = "several versions" if found else "no version"
        return LabelSource(tag, version, problem=f"this machine has {several} {one_line(version)} of it")
    entry, file = found[0]
    try:
        content = await asyncio.to_thread((folder.root / file).read_bytes)
    except OSError as error:
        return LabelSource(
            tag, version, problem=f"its copy can't be read: {reason(error, folder.root / file)}"
        )
    return LabelSource(tag, version, content=content, suffix=split_label(entry.name)[1], names=names)


async def _names(session: Session, study: str, tag: str) -> dict[int, str]:
    """Return the names of a label's values, as Slicer stored them, else those of the server's model."""
    server = session.store.state.server.value
    if server is not None and server.state is ServerState.RUNNING:
        with suppress(LabeltuiError):
            if names := segment_names(await session.api.client().label_info(study, tag)):
                return names
    return {value: one_line(name) for name, value in model_values(session).items()}


async def studies_preview(session: Session, params: StudiesPreviewParams, report: Report) -> Document:
    """Write a picture of a study's three planes, or of one, with its label.

    Raises Misused for a wrong window, slice or opacity, Refused ``exists`` for a file that exists, Failed
    ``not_found`` if a label that was named can't be shown, ``not_written``, and the errors of :func:`open_preview`.
    """
    out = await asyncio.to_thread(_place, params)
    window = _window(params.window)
    opacity = OPACITY if params.opacity is None else params.opacity
    if not 0 <= opacity <= 100:
        raise Misused(Code.BAD_PARAMETER, f"The opacity must be from 0 to 100, not {opacity}.")
    if params.slice is not None and params.plane is None:
        raise Misused(Code.BAD_PARAMETER, "--slice needs --plane.", "Add `--plane axial`, for example.")
    await session.readiness.settled()  # the server may have another folder of studies than the profile
    report.progress(f"Reading {one_line(params.study)} on the host")
    preview = await open_preview(session, params.study, await _wanted(session, params), report.progress)
    try:
        volume = preview.volume
        for label in volume.labels if params.tag or params.version else ():
            if label.problem:
                raise Failed(
                    Code.NOT_FOUND,
                    f"The label {one_line(label.tag)} can't be shown: {label.problem}.",
                    "`labeltui labels list STUDY` lists the study's labels and their versions.",
                )
        low, high = window or volume.window
        planes = [Plane(params.plane)] if params.plane else list(Plane)
        slices = [
            await preview.slice(SliceRequest(plane, _index(params, volume, plane), low, high, PIXELS, PIXELS))
            for plane in planes
        ]
    finally:
        await preview.close()
    try:
        await asyncio.to_thread(write_file, out, png(*picture(slices, opacity / 100, volume.colours)))
    except OSError as error:
        raise Failed(
            Code.NOT_WRITTEN, f"{one_line(str(out))} can't be written: {reason(error, out)}.", advice(error, out)
        ) from None  # fmt: skip
    return {"as_of": moment(session.clock()), **_document(out, volume, slices, (low, high))}


def _place(params: StudiesPreviewParams) -> Path:
    """Return the file to write. Raises Misused for one that is no PNG, and Refused ``exists``."""
    out = Path(params.out or f"{file_name(params.study)}.png").expanduser().absolute()
    if out.suffix.lower() != ".png":
        raise Misused(
            Code.BAD_PARAMETER, f"{one_line(str(out))} does not end with .png: a PNG file is written."
        )
    if out.exists() and not params.replace:
        raise Refused(
            Code.EXISTS, f"{one_line(str(out))} exists.", "Replace it (--replace), or name another file (--out)."
        )  # fmt: skip
    return out


async def _wanted(session: Session, params: StudiesPreviewParams) -> list[tuple[str, str]]:
    """Return the label to show: the named one, else the final label, the first of a model, or the DICOM SEG."""
    if params.tag or params.version:
        return [(params.tag or FINAL_TAG, params.version or "")]
    agent = await session.link.ready()
    pairs = [(tag, params.study) for tag in SHOWN_FIRST]
    there = set[str]()
    with suppress(Failed):  # a folder that is not there has no image either, which is reported next
        there = {one.tag for one in (await agent.list_labels(_root(session, agent), pairs)).labels}
    if not there and (await _seg(session, agent, params.study))[0]:
        return [(SEG_TAG, "")]
    return [(tag, "") for tag in SHOWN_FIRST if tag in there][:1]


def _window(given: str | None) -> tuple[float, float] | None:
    """Return a window's edges; None for those that suit the image. Raises Misused."""
    if given is None or given == "auto":
        return None
    if given in WINDOWS:
        return WINDOWS[given]
    with suppress(ValueError):
        low, high = map(float, given.split(","))
        if float("-inf") < low < high < float("inf"):
            return low, high
    raise Misused(
        Code.BAD_PARAMETER, f"{one_line(given)} is no window.",
        f"Choose among auto, {', '.join(WINDOWS)}, or write the lowest and highest intensity, such as -160,240.",
    )  # fmt: skip


def _index(params: StudiesPreviewParams, volume: Volume, plane: Plane) -> int:
    """Return the slice: the named one, else the one with most of the label, else the middle. Raises Misused."""
    count = volume.slices(plane)
    if params.slice is not None:
        if not 1 <= params.slice <= count:
            raise Misused(
                Code.BAD_PARAMETER, f"There is no {plane} slice {params.slice}.", f"Choose from 1 to {count}."
            )
        return params.slice - 1
    return next((one.fullest[plane] for one in volume.labels if one.fullest), count // 2)


def _document(out: Path, volume: Volume, slices: Sequence[Slice], window: tuple[float, float]) -> Document:
    notes = [
        f"The image's axes are up to {volume.oblique:g}° from the patient's, and the nearest are shown."
    ] * bool(volume.oblique)
    notes += [
        f"The label {one_line(one.tag)} is not shown: {one.problem}."
        if one.problem
        else f"The label {one_line(one.tag)} has another grid, and its nearest voxels are shown."
        for one in volume.labels
        if one.problem or one.resampled
    ]
    shown = ", ".join(f"{one.plane} {one.index + 1} of {volume.slices(one.plane)}" for one in slices)
    return {
        "message": " ".join((f"Wrote {one_line(str(out))}: {shown}.", *notes)),
        "file": str(out),
        "study": volume.study,
        "size": list(volume.size),
        "spacing_mm": list(volume.spacing),
        "oblique_degrees": volume.oblique,
        "window": list(window),
        "slices": [{"plane": one.plane.value, "slice": one.index + 1} for one in slices],
        "labels": [_label_document(one) for one in volume.labels],
    }


def _label_document(label: LabelFacts) -> Document:
    return {
        "tag": label.tag,
        "version": label.version or None,
        "error": label.problem or None,
        "resampled": label.resampled,
        "segments": [
            {"value": one.value, "name": one.name or None, "voxels": one.voxels} for one in label.segments
        ],
    }
