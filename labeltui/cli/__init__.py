"""The command line: one command per action of the registry, JSON and exit codes that scripts rely on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labeltui.cli.output import Output, OutputClosed, print_error, silence
from labeltui.cli.parser import Request, build_parser, parse, wants_json
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import EndedBySignal, ExitCode, LabeltuiError, Misused, Problem
from labeltui.opening.launch import Launch

if TYPE_CHECKING:
    from labeltui.cli.running import Opener

Console = Callable[[Launch], int]


def main(argv: Sequence[str], *, console: Console, opener: Opener | None = None) -> int:
    """Run the command in ``argv`` (without the program's name). Returns the exit code and raises nothing.

    ``opener`` opens the session; None uses the default opener.
    """
    output = Output(as_json=wants_json(argv))
    try:
        return _run(argv, output, console, opener)
    except OutputClosed as closed:
        silence(sys.stdout)
        if str(closed):
            print_error(f"labeltui: The result could not be written: {closed}.")
        return ExitCode.FAILED


def _run(argv: Sequence[str], output: Output, console: Console, opener: Opener | None) -> int:
    try:
        request = parse(argv)
        output.verbose = request.verbose
        return _dispatch(request, output, console, opener)
    except LabeltuiError as error:
        output.failure(error.problem, error.document)
        return error.exit_code
    except KeyboardInterrupt:
        output.failure(Problem(Code.INTERRUPTED, "Interrupted.", output.if_interrupted))
        return ExitCode.INTERRUPTED
    except EndedBySignal as ended:
        output.failure(Problem(Code.INTERRUPTED, "Interrupted.", output.if_interrupted))
        return 128 + ended.number
    except SystemExit as done:  # argparse has printed --help or --version
        return done.code if isinstance(done.code, int) else ExitCode.DONE
    except OutputClosed:
        raise
    except Exception as error:
        # With asyncio, the former takes a third of the time of --help.
        import traceback  # noqa: PLC0415

        from labeltui.support.file_errors import sentence  # noqa: PLC0415

        details = traceback.format_exc()
        if (unusable := sentence(error)) is not None:
            hint = "Solve this on this machine, then run the command again."
            output.failure(Problem(Code.NOT_WRITTEN, unusable, hint, details))
            return ExitCode.FAILED
        what = f"{type(error).__name__}: {error}"
        hint = "This is a fault of labeltui: run the command with -v, and report what it prints."
        output.failure(Problem(Code.INTERNAL, what, hint, details))
        return ExitCode.FAILED


def _dispatch(request: Request, output: Output, console: Console, opener: Opener | None) -> int:
    if request.command in ((), ("demo",)):
        if request.as_json:
            raise Misused(
                Code.USAGE,
                "The console can't be printed as JSON.",
                "Name a command, for example `labeltui status --json`.",
            )
        return console(request.launch)
    if request.command[0] == "config":
        from labeltui.cli.configuration import run_config  # noqa: PLC0415 - pydantic, only where it is needed

        return run_config(request, output)
    if request.command[0] == "completion":
        from labeltui.cli.completion import script  # noqa: PLC0415 - only where it is needed

        output.raw(script(request.params["shell"], build_parser()))
        return ExitCode.DONE
    from labeltui.cli import early  # noqa: PLC0415 - pydantic, which --help does not need

    early.refuse_unwanted(request, output)
    if opener is None:
        early.refuse_unprepared(request)
    from labeltui.cli import commands  # noqa: PLC0415 - more than half a second, which --help and refusals save

    return commands.run(request, output, opener)
