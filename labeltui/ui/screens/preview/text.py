"""The preview's text: the image, the window, the labels with their colours. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from rich.cells import cell_len
from textual.content import Content

from labeltui.domain.studies.preview import LabelFacts, Segment, Volume, colour_of
from labeltui.ui.presentation.text import elide, safe
from labeltui.ui.presentation.words import Tone, metric
from labeltui.ui.screens.preview.cells import FIGURES, Drawing
from labeltui.ui.screens.preview.view import View

WIDTH = 30
KEYS = " ↑↓ slice · tab plane · w window · l label · c compare · ? all keys · esc closes"
ALL_KEYS = (
    ("↑ ↓ wheel", "next, previous slice"), ("pgup pgdn", "ten slices"), ("home end", "first, last slice"),
    ("tab 1 2 3", "plane"), ("click", "move the crosshair"), ("m", "most of the label"), ("w", "next window"),
    ("← →", "level lower, higher"), ("- +", "narrower, wider"), ("o", "opacity"), ("f", "fill or outline"),
    ("space", "hide the label"), ("l", "choose the label"), ("c", "compare two labels"), ("r", "read again"),
    ("? esc", "keys, close"),
)  # fmt: skip
UNNAMED = "no name"
NO_GREYS = "Without colours, greys are shown as text: . is dark, @ is bright."


def facts(view: View, drawing: Drawing, dice: Mapping[int, float] | str | None) -> list[Content]:
    """Return the lines beside the planes. ``dice`` is the reason if it is a text, and None if nothing is compared."""
    lines = [*_image(view.volume), Content(""), *_window(view), Content("")]
    lines += [Content("Patient's right is at the left."), Content("")]
    labels = view.volume.labels
    lines += [_plain("no label is shown", Tone.FAINT)] * (not labels)
    for label in labels:
        lines += _label(label, view.volume, drawing)
    if len(labels) == 2 and dice is not None:
        lines += [Content(""), *_dice(labels, dice, drawing)]
    if drawing.text:
        lines += [Content(""), _plain(NO_GREYS, Tone.WARN)]
    return lines


def all_keys() -> list[Content]:
    """Return a line for each key."""
    return [Content.styled(f"{key:<11}", Tone.BUSY) + _plain(text, Tone.FAINT) for key, text in ALL_KEYS]


def _plain(text: str, tone: str = Tone.PLAIN) -> Content:
    return Content.styled(text, tone)


def _image(volume: Volume) -> list[Content]:
    size, spacing = " × ".join(map(str, volume.size)), " × ".join(f"{one:.3g}" for one in volume.spacing)
    lines = [
        _plain(f"{volume.modality} {size} voxels".strip()),
        _plain(f"of {spacing} mm"),
    ]
    if volume.oblique:
        lines.append(
            _plain(
                f"The image is {volume.oblique:.1f}° oblique: its own planes are shown, which are the"
                " nearest to the patient's.",
                Tone.WARN,
            )
        )
    return lines


def _window(view: View) -> list[Content]:
    low, high = view.window
    return [
        _plain(f"window {view.window_name}"),
        _plain(f"level {(low + high) / 2:.4g}, width {high - low:.4g}", Tone.FAINT),
    ]


def heading(label: LabelFacts) -> str:
    """Return a label's tag and version. Safe to show."""
    return safe(f"{label.tag} {label.version[:8]}".rstrip())


def _label(label: LabelFacts, volume: Volume, drawing: Drawing) -> list[Content]:
    shown = (
        "hidden" if drawing.hidden else f"{drawing.opacity:.0%} {'outline' if drawing.outline else 'fill'}"
    )
    lines = [_plain(elide(heading(label), WIDTH - 14), "bold") + _plain(f"  {shown}", Tone.FAINT)]
    if label.problem:
        return [*lines, _plain(f"Not shown: {safe(label.problem)}.", Tone.WARN)]
    if label.resampled:
        lines.append(_plain("It has another grid: the nearest voxels are shown.", Tone.WARN))
    if not label.segments:
        lines.append(_plain("This label is empty.", Tone.FAINT))
    return lines + [_segment(one, volume, drawing) for one in label.segments]


def _segment(segment: Segment, volume: Volume, drawing: Drawing) -> Content:
    ml = segment.voxels * prod(volume.spacing) / 1000
    amount = f"{ml:.1f} ml" if ml >= 0.1 else f"{segment.voxels} voxels"
    return _named(segment.value, segment.name, amount, drawing)


def _named(value: int, name: str, amount: str, drawing: Drawing) -> Content:
    red, green, blue = colour_of(value, drawing.colours)
    mark = FIGURES[(value - 1) % len(FIGURES)] if drawing.text else "█"
    room = WIDTH - len(f"{mark} {value}  {amount}")
    text = f" {value} {elide(safe(name) or UNNAMED, max(1, room))}"
    gap = " " * max(1, WIDTH - 1 - cell_len(text) - len(amount))
    return (
        Content.styled(mark, f"rgb({red},{green},{blue})")
        + _plain(text)
        + _plain(f"{gap}{amount}", Tone.FAINT)
    )


def _dice(labels: Sequence[LabelFacts], dice: Mapping[int, float] | str, drawing: Drawing) -> list[Content]:
    if isinstance(dice, str):
        return [_plain(dice, Tone.WARN)]
    names = {one.value: one.name for label in labels for one in label.segments}
    lines = [_plain("Dice of the two labels", "bold")]
    lines += [_named(value, names.get(value, ""), metric(dice[value]), drawing) for value in sorted(dice)]
    return lines if dice else [*lines, _plain("Both labels are empty.", Tone.FAINT)]
