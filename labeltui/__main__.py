"""The entry point of ``labeltui`` and ``python -m labeltui``. It imports little, so that the console paints soon."""

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
    """Run the command line or the console, and return the exit code."""
    arguments = sys.argv[1:]
    # The parser is imported only when needed: for commands, --help and errors.
    if (launch := plain_launch(arguments)) is not None and _on_terminal():
        return open_console(launch)
    from labeltui.cli import main as command_line  # noqa: PLC0415 - the console does not need it

    return command_line(arguments, console=open_console)


def plain_launch(arguments: Sequence[str]) -> Launch | None:
    """Parse arguments of the form ``[demo] [--flag VALUE]``. Returns None for all others, which need the parser."""
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
    """Run the console until it is quit, and return the exit code. Raises Misused ``no_terminal``."""
    if not _on_terminal():
        raise Misused(
            Code.NO_TERMINAL,
            "The console needs a terminal, and standard input or output is not one.",
            "Run a command instead, for example `labeltui status --json`. `labeltui --help` lists them.",
        )
    # Textual reads this on import. At 60 frames a second a typed letter would wait for the next frame; widgets that
    # repaint often have their own limit.
    os.environ.setdefault("TEXTUAL_FPS", "240")
    # Imports create no garbage, and collecting during them takes a tenth of the time to first paint.
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
