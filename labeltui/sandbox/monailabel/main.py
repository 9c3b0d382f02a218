"""The ``monailabel`` command line of the stand-in, with the real options and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from labeltui.sandbox.monailabel import log
from labeltui.sandbox.monailabel.catalogue import VERSION
from labeltui.sandbox.monailabel.server import serve
from labeltui.sandbox.monailabel.settings import Settings

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def main() -> None:
    """Run one command. Raises ``SystemExit`` with the real program's exit code."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.version:
        print(f"MONAILabel version: {VERSION} (labeltui's stand-in)")
        raise SystemExit(0)
    if not hasattr(arguments, "action"):
        parser.print_usage()
        raise SystemExit(255)
    if arguments.action == "start_server":
        _start_server(arguments)
    else:
        _catalogue(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("monailabel")
    parser.add_argument("-v", "--version", action="store_true", help="print version")
    commands = parser.add_subparsers(help="sub-command help")
    server = commands.add_parser("start_server", help="Start Application Server")
    server.set_defaults(action="start_server")
    server.add_argument("-a", "--app", help="App Directory")
    server.add_argument("-s", "--studies", help="Studies Directory")
    server.add_argument("-v", "--verbose", default="INFO", choices=_LEVELS, help="Log Level")
    server.add_argument("-c", "--conf", nargs=2, action="append", help="config for the app, as key and value")
    server.add_argument("-i", "--host", default="0.0.0.0", help="Server IP")  # noqa: S104 - the real default
    server.add_argument("-p", "--port", default=8000, type=int, help="Server Port")
    server.add_argument("--uvicorn_app", default="monailabel.app:app")
    for option in ("keyfile", "certfile", "keyfile_password", "ca_certs"):
        server.add_argument(f"--ssl_{option}", default=None)
    server.add_argument("--workers", default=None, type=int)
    server.add_argument("--limit_concurrency", default=None, type=int)
    server.add_argument("--access_log", action="store_true")
    server.add_argument("--root_path", default="")
    server.add_argument("--log_level", default="info")
    server.add_argument("-l", "--log_config", default=None)
    server.add_argument("--dryrun", action="store_true")
    for name in ("apps", "datasets", "plugins"):
        command = commands.add_parser(name, help=f"list or download {name}")
        command.set_defaults(action=name)
        command.add_argument("-d", "--download", action="store_true")
        command.add_argument("-n", "--name", default=None)
        command.add_argument("-o", "--output", default=None)
        command.add_argument("--prefix", default=None)
    return parser


def _start_server(arguments: argparse.Namespace) -> None:
    log.to_console(arguments.verbose)
    _check(arguments)
    arguments.app = os.path.realpath(arguments.app)
    arguments.studies = os.path.realpath(arguments.studies)
    for name, value in vars(arguments).items():
        log.say("__main__:285", f"USING:: {name} = {value}")
    log.say("__main__:296", "")
    app_dir = Path(arguments.app)
    for name in ("model", "lib", "logs", "bin"):
        (app_dir / name).mkdir(exist_ok=True)
    settings = Settings(app_dir, Path(arguments.studies), dict(arguments.conf or []))
    if arguments.dryrun:
        return
    print("Allow Origins: ['*']", flush=True)
    serve(settings, arguments)


def _check(arguments: argparse.Namespace) -> None:
    """Exit with code 1 and the real program's message if the app or the studies do not exist."""
    if not arguments.app:
        print("APP Directory NOT provided")
        raise SystemExit(1)
    if not arguments.studies:
        print("STUDIES Path/Directory NOT provided")
        raise SystemExit(1)
    if not Path(arguments.app).exists():
        print(f"APP Directory {arguments.app} NOT Found")
        raise SystemExit(1)
    if arguments.studies.startswith(("http://", "https://")):
        print("labeltui's stand-in serves folders of studies only, not DICOMweb")
        raise SystemExit(1)
    if not Path(arguments.studies).exists():
        print(f"STUDIES Directory {arguments.studies} NOT Found;  Creating an EMPTY folder/placeholder")
        Path(arguments.studies).mkdir(parents=True)


def _catalogue(arguments: argparse.Namespace) -> None:
    """List apps, data sets or plugins. The stand-in's apps are installed already, so it downloads nothing."""
    if arguments.download:
        print("labeltui's stand-in downloads nothing; its apps are installed with the pod", file=sys.stderr)
        raise SystemExit(255)
    apps = Path(os.environ.get("LABELTUI_STANDIN_PYTHON", sys.executable)).parents[2] / "apps"
    names = (
        sorted(path.name for path in apps.glob("*") if path.is_dir()) if arguments.action == "apps" else []
    )
    print(f"Available {arguments.action.capitalize()} are:")
    print("----------------------------------------------------")
    for name in names:
        print(f"  {name:<30}: {apps / name}")
    print("")
