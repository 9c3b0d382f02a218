"""The entry point of ``labeltui`` and ``python -m labeltui``. It imports little, so that the console paints quickly."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import ExitCode, Misused
from labeltui.opening.launch import Launch

_SWITCHES = {"--read-only": "read_only", "--ascii": "ascii_only", "--reduced-motion": "reduced_motion"}
_TEXTS = ("--config", "--profile", "--demo", "--theme", "--scenario")


def main() -> int:
    """Run the command line or the console, and return the exit code."""
    arguments = sys.argv[1:]
    try:
        # The parser is imported only when needed: for commands, --help and errors.
        if (launch := plain_launch(arguments)) is not None and why_no_console() is None:
            return open_console(launch)
        from labeltui.cli import main as command_line  # noqa: PLC0415 - the console does not need it

        return command_line(arguments, console=open_console)
    except KeyboardInterrupt:  # Ctrl-C while modules are imported; later, console and commands handle it
        return ExitCode.INTERRUPTED


def plain_launch(arguments: Sequence[str]) -> Launch | None:
    """Parse arguments of the form ``[demo [SCENARIO]] [--flag VALUE]``.

    Returns None for any other form, which the parser reads.
    """
    values: dict[str, str] = {}
    demo = False
    switched: dict[str, bool] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in _SWITCHES:
            switched[_SWITCHES[word]] = True
        elif word == "demo" and not demo:
            demo = True
            if rest and not rest[0].startswith("-"):
                values["--scenario"] = rest.pop(0)
        elif word in _TEXTS and rest and not rest[0].startswith("-") and (demo or word != "--scenario"):
            values[word] = rest.pop(0)
        else:
            return None
    scenario = values.get("--scenario") or values.get("--demo") or os.environ.get("LABELTUI_DEMO") or None
    if demo or scenario is not None:
        from labeltui.sandbox.scenarios import DEFAULT, SCENARIOS  # noqa: PLC0415 - only for a demo

        scenario = scenario or DEFAULT
        if scenario not in SCENARIOS:
            return None
    return Launch(
        config=values.get("--config"),
        profile=values.get("--profile"),
        demo=scenario,
        theme=values.get("--theme"),
        **switched,
    )


def open_console(launch: Launch) -> int:
    """Run the console until it is quit, and return the exit code. Raises Misused ``no_terminal``."""
    why = why_no_console()
    if why is not None:
        raise Misused(
            Code.NO_TERMINAL,
            f"The console needs a terminal, and {why}.",
            "Run a command instead, for example `labeltui status --json`. `labeltui --help` lists them.",
        )
    # Textual reads this on import. At 60 frames a second a typed letter would wait for the next frame; widgets that
    # repaint often have their own limit.
    os.environ.setdefault("TEXTUAL_FPS", "240")
    # Imports create no garbage, and collecting during them takes a tenth of the time to first paint.
    gc.disable()
    from labeltui.ui.app import Console  # noqa: PLC0415
    from labeltui.ui.restore import run_restored  # noqa: PLC0415

    console = Console(launch)
    gc.freeze()
    gc.enable()
    return run_restored(console)


def why_no_console() -> str | None:
    """Return a clause that says why the console can't run here, or None if it can.

    The console draws on standard error.
    """
    streams = {"input": sys.stdin, "output": sys.stdout, "error": sys.stderr}
    for name, stream in streams.items():
        if stream is None or not stream.isatty():
            return f"standard {name} is no terminal"
    if os.environ.get("TERM") in ("dumb", "unknown"):
        return f"this terminal can't move the cursor (TERM={os.environ['TERM']})"
    return None


if __name__ == "__main__":
    sys.exit(main())
