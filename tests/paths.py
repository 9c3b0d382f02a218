"""Where tests find files outside their own folder."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
MONAILABEL = ROOT / "tests" / "fixtures" / "monailabel"
"""Answers and logs recorded from MONAI Label 0.8.5."""
EMULATED_MONAILABEL = ROOT / "tests" / "fixtures" / "sandbox"
"""The recordings that the demo's MONAI Label must match."""
DICOM = ROOT / "tests" / "fixtures" / "dicom"
"""The tags that DICOM's confidentiality profile names."""
TERMINAL = ROOT / "tests" / "fixtures" / "terminal"
"""Screens recorded from tmux."""
