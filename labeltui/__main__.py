"""Where ``labeltui`` and ``python -m labeltui`` begin. The way to the console's first paint stays short."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.opening.launch import Launch
from labeltui.sandbox.scenarios import DEFAULT, SCENARIOS

_TEXTS = ("--config", "--profile", "--demo", "--scenario")


def main() -> int:
    """Run the program; returns its exit code."""
    arguments = sys.argv[1:]
    # A stray argument, --help or a terminal that is none is worth the whole parser, which words it.
    if (launch := plain_launch(arguments)) is not None and _on_terminal():
        return open_console(launch)
    from labeltui.cli import main as command_line  # noqa: PLC0415 - the console can do without it

    return command_line(arguments, console=open_console)


def plain_launch(arguments: Sequence[str]) -> Launch | None:
    """What to open, when the arguments are only ``[demo] [--flag VALUE]``; None leaves it to the parser."""
    values: dict[str, str] = {}
    read_only = demo = False
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--read-only":
            read_only = True
        elif word == "demo" and not demo:
            demo = True
        elif word in _TEXTS and rest and not rest[0].startswith("-") and (demo or word != "--scenario"):
            values[word] = rest.pop(0)
        else:
            return None
    scenario = values.get("--scenario") or values.get("--demo") or os.environ.get("LABELTUI_DEMO") or None
    if scenario is not None and scenario not in SCENARIOS:
        return None
    if demo and scenario is None:
        scenario = DEFAULT
    return Launch(
        config=values.get("--config"),
        profile=values.get("--profile"),
        read_only=read_only,
        demo=scenario,
    )


def open_console(launch: Launch) -> int:
    """The console, until it is left. Raises Misused without a terminal."""
    if not _on_terminal():
        raise Misused(
            Code.NO_TERMINAL,
            "The console needs a terminal, and this is none.",
            "Name a command, for example `labeltui status --json`; `labeltui --help` lists them.",
        )
    # Textual reads it once, when imported: what else repaints must not keep a typed letter's echo waiting for
    # the next of 60 frames a second. What repaints often caps itself.
    os.environ.setdefault("TEXTUAL_FPS", "240")
    # Importing makes only what stays: collecting in between is a tenth of the way to first paint.
    gc.disable()
    from labeltui.ui.app import Console  # noqa: PLC0415

    console = Console(launch)
    gc.freeze()
    gc.enable()
    result = console.run()
    return result if result is not None else console.return_code or 0


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


if __name__ == "__main__":
    sys.exit(main())
