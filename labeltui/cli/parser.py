"""The command line, made from the registry of actions."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from labeltui import __version__
from labeltui.actions import ACTIONS, BY_ID, Action, Danger, Param
from labeltui.actions.model import TAKE_OVER
from labeltui.cli.usage import Parser, group_alone, word_help
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.opening.launch import Launch
from labeltui.sandbox.scenarios import DEFAULT, SCENARIOS

COMPLETED = ("bash", "zsh", "fish", "powershell")
"""The shells for which ``completion`` has a script."""
DEMO_ENVIRONMENT = "LABELTUI_DEMO"
CONFIG_COMMANDS = {
    "path": "print the path of the profile file",
    "init": "write a starter profile; in a terminal and without options, it asks for the answers",
    "show": "show all values in use; with --origin, also the file and line of each",
    "validate": "check the profile file",
    "schema": "print the JSON Schema of the profile file",
}
_GROUPS = {
    "config": "the profile file",
    "evening": "the end of the day: what is safe, and what still runs",
    "invite": "annotators whose keys only reach the server",
    "infer": "labels that a model makes, with the tag original",
    "score": "numbers that the server computes for each study",
    "server": "the MONAI Label server",
    "studies": "studies and their queue",
    "train": "training",
}
NAMELESS = {"invite": "NAME", "infer": "STUDY", "score": "METHOD"}
"""Groups that are commands themselves, such as ``invite NAME``, each with the name of that command's parser."""
_EPILOG = """\
--config, --profile, --read-only, --demo, --json, --yes and -v may stand before or after the command.
`--demo healthy` runs a command against a pod embedded in this process: no account, no network. `pod` commands need
`--demo story`, which plays a RunPod account.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused, 4 unreachable, 128 + n ended by signal n
(130: Ctrl-C)."""


@dataclass(frozen=True, slots=True)
class Request:
    """The parsed arguments.

    ``action`` is None for a command outside the registry. ``command`` is () for the console.
    """

    launch: Launch
    command: tuple[str, ...] = ()
    action: Action | None = None
    params: dict[str, Any] = field(default_factory=dict)
    shell_command: tuple[str, ...] = ()
    as_json: bool = False
    verbose: bool = False
    yes: str | None = None  # None: not confirmed; a text: confirmed, and the name typed with it


def wants_json(argv: Sequence[str]) -> bool:
    """True if failures are printed as JSON. Works on arguments that are not parsed yet."""
    return "--json" in _before_dashes(argv)[0]


def parse(argv: Sequence[str]) -> Request:
    """Read the arguments (without the program's name). Raises Misused, and SystemExit after --help."""
    head, tail = _before_dashes(argv)
    words = _words(head)
    if tail and (not words or head[words[0]] != "shell"):
        head, tail = [*head, "--", *tail], ()
    names = build_parser().parse_args(_with_nameless(head, words))
    command: tuple[str, ...] = getattr(names, "command", ())
    if not command and hasattr(names, "of_group"):
        raise group_alone(names.of_group)
    given = {
        key.removeprefix("param:"): value for key, value in vars(names).items() if key.startswith("param:")
    }
    demo = getattr(names, "demo", None) or os.environ.get(DEMO_ENVIRONMENT) or None
    if command == ("demo",):
        demo = given.pop("scenario", None) or given.pop("named", None) or demo or DEFAULT
    _check_scenario(demo)
    action_id: str | None = getattr(names, "action", None)
    return Request(
        launch=Launch(
            config=getattr(names, "config", None),
            profile=getattr(names, "profile", None),
            read_only=getattr(names, "read_only", False),
            demo=demo,
            theme=getattr(names, "theme", None),
            ascii_only=getattr(names, "ascii_only", False),
            reduced_motion=getattr(names, "reduced_motion", False),
        ),
        command=command,
        action=None if action_id is None else BY_ID[action_id],
        params={key: _as_mapping(value) for key, value in given.items() if value is not None},
        shell_command=tuple(tail),
        as_json=getattr(names, "json", False),
        verbose=getattr(names, "verbose", False),
        yes=getattr(names, "yes", None),
    )


def _words(argv: list[str]) -> list[int]:
    """Return the indexes of the words that are neither flags nor values of global flags."""
    return [at for at, word in enumerate(argv) if not word.startswith("-") and not _is_value(argv, at)]


def _with_nameless(argv: list[str], words: list[int]) -> list[str]:
    """Insert ``NAME`` after ``invite`` if no command of that group follows, so that argparse finds its parser.

    ``words`` are the indexes of the words before a ``--``.
    """
    at = words[1] if len(words) > 1 else argv.index("--") if "--" in argv else None
    if not words or at is None or argv[words[0]] not in NAMELESS:
        return argv
    group = argv[words[0]]
    listed = {
        action.command[1] for action in ACTIONS if action.command[:1] == (group,) and action.command[1:]
    }
    return argv if argv[at] in listed else [*argv[:at], NAMELESS[group], *argv[at:]]


def _is_value(argv: list[str], at: int) -> bool:
    """True if a word is the value of the global flag before it."""
    return at > 0 and argv[at - 1] in ("--config", "--profile", "--demo", "--theme")


def _check_scenario(name: str | None) -> None:
    if name is None:
        return
    if name not in SCENARIOS:
        listed = ", ".join(SCENARIOS)
        raise Misused(
            Code.UNKNOWN_SCENARIO, f"The demo has no scenario {name!r}.", f"Choose among: {listed}."
        )


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="labeltui",
        parents=[_global_flags()],
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="The operator console for MONAI Label sessions. Without a command, it opens the console.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"labeltui {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    groups: dict[str, Any] = {}
    for action in ACTIONS:
        if action.command:
            _add_action(commands, groups, action)
    demo = _add(commands, ("demo",), "open the console with an emulated pod; needs no account and no network")
    demo.add_argument(
        "param:named",
        nargs="?",
        metavar="SCENARIO",
        help=f"the scenario to play: {', '.join(SCENARIOS)}",
    )
    demo.add_argument("--scenario", dest="param:scenario", metavar="NAME", help="the same as SCENARIO")
    shell = _add(
        commands,
        ("shell",),
        "open a shell on the host; with -- COMMAND, run the command and return its exit code",
    )
    shell.add_argument(
        "--proxy", dest="param:proxy", action="store_true", default=None,
        help="connect through RunPod's proxy, if nothing else connects; takes no command, copies no files",
    )  # fmt: skip
    completion = _add(commands, ("completion",), "print the script that completes commands in a shell")
    completion.add_argument(
        "param:shell",
        choices=COMPLETED,
        metavar="SHELL",
        help=f"{', '.join(COMPLETED)}; the script says how to use it",
    )
    for name, text in CONFIG_COMMANDS.items():
        _config_options(name, _add(_group(commands, groups, "config"), ("config", name), text))
    return parser


def _before_dashes(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Split the arguments at the first ``--``. Returns the arguments before and after it."""
    if "--" not in argv:
        return list(argv), ()
    at = list(argv).index("--")
    return list(argv[:at]), tuple(argv[at + 1 :])


@cache
def _global_flags(*, named_yes: bool = False) -> argparse.ArgumentParser:
    """Add flags that may stand before or after the command.

    They have no defaults: a default could overwrite a given value. All commands share them, which saves a fifth of the
    time of --help.
    """
    flags = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    group = flags.add_argument_group("everywhere")
    group.add_argument(
        "--config",
        metavar="FILE",
        help="profile file; default: LABELTUI_CONFIG, else the file that `config path` prints",
    )
    group.add_argument(
        "--profile", metavar="NAME", help="name of the profile; default: `default` in the profile file"
    )
    group.add_argument(
        "--demo", metavar="NAME", help="use an emulated pod instead of the profile's: healthy, training, ..."
    )
    group.add_argument(
        "--theme", metavar="NAME", help="the console's colours, instead of the profile's theme"
    )
    group.add_argument(
        "--ascii", action="store_true", dest="ascii_only", help="draw the console with ASCII characters only"
    )
    group.add_argument(
        "--reduced-motion", action="store_true", help="nothing in the console glides or blinks"
    )
    group.add_argument("--read-only", action="store_true", help="refuse all actions that change something")
    group.add_argument(
        "--json", action="store_true", help="print one JSON document on stdout (JSON lines with --follow)"
    )
    group.add_argument("-v", "--verbose", action="store_true", help="print more on stderr, with tracebacks")
    if named_yes:
        group.add_argument(
            "--yes",
            nargs="?",
            const="",
            metavar="NAME",
            help="confirm the action; NAME is the pod that it changes",
        )
    else:
        group.add_argument("--yes", action="store_const", const="", help="confirm")
    return flags


def _add(
    commands: Any, command: tuple[str, ...], text: str, *, named_yes: bool = False, word: str = ""
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        word or command[-1],
        help=text.replace("%", "%%"),
        description=text[:1].upper() + text[1:] + ".",
        parents=[_global_flags(named_yes=named_yes)],
        allow_abbrev=False,
    )
    parser.set_defaults(command=command)
    return parser


def _group(commands: Any, groups: dict[str, Any], name: str) -> Any:
    if name not in groups:
        text = _GROUPS.get(name, name)
        parser = commands.add_parser(
            name,
            help=text,
            parents=[_global_flags()],
            allow_abbrev=False,
            epilog=word_help(name, NAMELESS.get(name)),
        )
        parser.set_defaults(of_group=parser)
        groups[name] = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    return groups[name]


def _add_action(commands: Any, groups: dict[str, Any], action: Action) -> None:
    first, nameless = action.command[0], action.command[-1] in NAMELESS
    place = commands if len(action.command) == 1 and not nameless else _group(commands, groups, first)
    named = action.danger is Danger.IRREVERSIBLE or action.takes_pod
    word = NAMELESS[first] if nameless else action.command[-1]
    parser = _add(place, action.command, action.help, named_yes=named, word=word)
    if nameless:  # the word stands for the first argument, which the usage shows anyway
        parser.prog = parser.prog.removesuffix(f" {word}")
    parser.set_defaults(action=action.id)
    for param in action.params:
        _add_param(parser, param)
    if action.exclusive:
        parser.add_argument(
            "--take-over", dest=f"param:{TAKE_OVER}", action="store_true", default=None,
            help="do it although another console, which does not answer, has begun something on the host",
        )  # fmt: skip


def _add_param(parser: argparse.ArgumentParser, param: Param) -> None:
    dest = f"param:{param.name}"
    options: dict[str, Any] = {"help": param.help.replace("%", "%%")}
    if param.kind == "bool":
        short = ("-f",) if param.name == "follow" else ()
        parser.add_argument(*short, param.flag, dest=dest, action="store_true", default=None, **options)
        return
    options["metavar"] = param.name.upper()
    if param.kind in ("int", "float"):
        options["type"] = {"int": int, "float": float}[param.kind]
    elif param.kind == "choice":
        options |= {"choices": param.choices, "metavar": "|".join(param.choices)}
    elif param.kind == "list":
        options["action"] = "append"
    elif param.kind == "pairs":
        options |= {"action": "append", "nargs": 2, "metavar": ("KEY", "VALUE")}
    if param.positional and param.kind == "list":
        options.pop("action")
        parser.add_argument(dest, nargs="*", **options)
    elif param.positional:
        parser.add_argument(dest, nargs=None if param.required else "?", **options)
    else:
        parser.add_argument(param.flag, dest=dest, required=param.required, **options)


def _as_mapping(value: Any) -> Any:
    """Convert repeated KEY VALUE pairs to a mapping; the last value of a key counts."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return dict(value)
    return value


def _config_options(name: str, parser: argparse.ArgumentParser) -> None:
    if name == "show":
        parser.add_argument("--origin", dest="param:origin", action="store_true", default=None,
                            help="show the file and line that each value comes from")  # fmt: skip
    if name != "init":
        return
    texts: Iterable[tuple[str, str, str]] = (
        ("--address", "user@name:port, a Host of ~/.ssh/config, or an ssh command", "WHERE"),
        ("--pod", "id or name of a RunPod pod; you can also rent a pod later", "POD"),
        ("--key", "private key file", "FILE"),
        ("--name", "name of the profile", "NAME"),
        ("--app", "radiology, monaibundle, or a path on the host", "APP"),
        ("--models", "models to serve, comma separated", "MODELS"),
        ("--studies", "folder on the host, or a DICOMweb URL", "WHERE"),
        ("--folder", "folder on the host for everything that labeltui writes", "FOLDER"),
    )
    parser.add_argument(
        "--host",
        dest="param:host",
        choices=("ssh", "runpod", "local"),
        help="kind of machine that runs MONAI Label",
    )
    for flag, text, metavar in texts:
        parser.add_argument(flag, dest=f"param:{flag[2:]}", metavar=metavar, help=text)
