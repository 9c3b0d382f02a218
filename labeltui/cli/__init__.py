"""The command line: one command per action of the registry, JSON and exit codes that scripts rely on."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from labeltui.cli.output import Output, OutputClosed, silence_stdout
from labeltui.cli.parser import Request, parse, wants_json
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import ExitCode, LabeltuiError, Misused, Problem
from labeltui.opening.launch import Launch

if TYPE_CHECKING:
    from labeltui.cli.running import Opener
    from labeltui.hosts.base import Prompter
    from labeltui.session.session import Session

Console = Callable[[Launch], int]

STREAMS = frozenset({"tunnel"})  # hold until interrupted, so what they say is a stream
TELLS = frozenset({"doctor"})  # each part as it is found, for people; the whole for scripts
LISTS = frozenset({"server.logs", "ssh-config"})  # their records are the answer, not news on the way to it


async def open_session(launch: Launch, prompter: Prompter) -> Session:
    """Open the session that the flags name; its modules are imported only now."""
    from labeltui.opening.opening import open_session  # noqa: PLC0415 - a quarter of a second that --help saves

    return await open_session(launch, prompter)


def main(argv: Sequence[str], *, console: Console, opener: Opener = open_session) -> int:
    """Do what the arguments (without the program's name) say; returns the exit code and raises nothing."""
    output = Output(as_json=wants_json(argv))
    try:
        return _answered(argv, output, console, opener)
    except OutputClosed:
        silence_stdout()
        return ExitCode.FAILED


def _answered(argv: Sequence[str], output: Output, console: Console, opener: Opener) -> int:
    try:
        request = parse(argv)
        output.verbose = request.verbose
        return _dispatch(request, output, console, opener)
    except LabeltuiError as error:
        output.failure(error.problem, error.document)
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.failure(Problem(Code.INTERRUPTED, "Interrupted."))
        return ExitCode.INTERRUPTED
    except SystemExit as done:  # --help and --version have had their say
        return done.code if isinstance(done.code, int) else ExitCode.DONE
    except OutputClosed:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        hint = "This is a mistake in labeltui; run it with -v and report what it prints."
        output.failure(Problem(Code.INTERNAL, what, hint, traceback.format_exc()))
        return ExitCode.FAILED


def _dispatch(request: Request, output: Output, console: Console, opener: Opener) -> int:
    if request.command in ((), ("demo",)):
        if request.as_json:
            raise Misused(
                Code.USAGE,
                "The console is not JSON.",
                "Name a command, for example `labeltui status --json`.",
            )
        return console(request.launch)
    if request.command[0] == "config":
        from labeltui.cli.configuration import run_config  # noqa: PLC0415 - pydantic, only where it is needed

        return run_config(request, output)
    if request.action is None:
        from labeltui.cli.shell import run_shell  # noqa: PLC0415

        return asyncio.run(run_shell(request, output, opener))
    from labeltui.cli.running import run_command  # noqa: PLC0415

    output.stream = bool(request.params.get("follow")) or request.action.id in STREAMS
    output.lists = request.action.id in LISTS
    output.tells = request.action.id in TELLS
    return asyncio.run(run_command(request, request.action, output, opener))
