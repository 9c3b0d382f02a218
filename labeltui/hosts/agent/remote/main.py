"""The command line of the zip file.

``python3 X.zip serve --folder F``             the agent, for one console
``python3 X.zip run --lock N``                 a job's runner; only the agent starts it
``python3 X.zip guard --folder F --version V`` the pod's guard
``python3 X.zip program --answer N --memory B`` a short-lived program; only the agent starts it
``python3 X.zip receive --studies F``          files of studies that a console uploads
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from labeltui.hosts.agent.remote.files import expand


def main() -> None:
    """Run the part of the package that the command line names."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve").add_argument("--folder", required=True)
    commands.add_parser("run").add_argument("--lock", type=int, required=True)
    guard = commands.add_parser("guard")
    guard.add_argument("--folder", required=True)
    guard.add_argument("--version", required=True)
    program = commands.add_parser("program")
    program.add_argument("--answer", type=int, required=True)
    program.add_argument("--memory", type=int, required=True)
    commands.add_parser("receive").add_argument("--studies", required=True)
    arguments = parser.parse_args()
    # Each command imports only its own modules, because Python compiles the zip file's modules at every start.
    if arguments.command == "run":
        from labeltui.hosts.agent.remote.runner import run_job

        run_job(arguments.lock)
    elif arguments.command == "program":
        from labeltui.hosts.agent.remote.launcher import launch

        launch(arguments.answer, arguments.memory)
    elif arguments.command == "receive":
        from labeltui.hosts.agent.remote.uploads.receive import receive

        receive(expand(arguments.studies).absolute())
    elif arguments.command == "guard":
        from labeltui.hosts.agent.remote.guard.main import run_guard

        run_guard(expand(arguments.folder).absolute(), arguments.version)
    else:
        serve(expand(arguments.folder).absolute())


def serve(folder: Path) -> None:
    """Serve one console until its connection ends."""
    from labeltui.hosts.agent.remote.agent import Agent
    from labeltui.hosts.agent.remote.wire import Wire

    folder.mkdir(parents=True, exist_ok=True)
    program = (sys.executable, str(Path(sys.argv[0]).absolute()))
    Agent(folder, Wire(sys.stdout.fileno()), program).serve()
