"""Wrong usage of the command line: what is wrong, the nearest name, and the commands of a group."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
from typing import Any, NoReturn

from labeltui.actions import ACTIONS
from labeltui.cli.output import print_text
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused


class Parser(argparse.ArgumentParser):
    """An argument parser that raises Misused, so that --json prints usage errors like any other failure."""

    def error(self, message: str) -> NoReturn:
        """Raise Misused instead of ending the process."""
        raise Misused(Code.USAGE, f"{message[:1].upper()}{message[1:]}.", f"See `{self.prog} --help`.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Check a command or a choice. Unlike argparse, name the nearest one instead of all."""
        if action.choices is None or value in action.choices:
            return
        known = [str(one) for one in action.choices]
        of_commands = isinstance(action, argparse._SubParsersAction)
        near = get_close_matches(str(value), known, n=1, cutoff=0.5) if of_commands else []
        hint = f"Did you mean `{self.prog} {near[0]}`?" if near else f"Choose among: {', '.join(known)}."
        name = action.option_strings[0] if action.option_strings else str(action.metavar)
        message = f"There is no command {value!r}." if of_commands else f"{name} can't be {value!r}."
        raise Misused(Code.USAGE, message, f"{hint} See `{self.prog} --help`.")

    def _print_message(self, message: str, _file: object = None) -> None:
        """Print help or the version. Unlike argparse, fail if it can't be written."""
        print_text(message, end="")


def group_alone(parser: argparse.ArgumentParser) -> Misused:
    """Return the error for a group without a command. Its hint lists the group's commands, one a line."""
    of_group = next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    lines = [(one.dest, (one.help or "").replace("%%", "%")) for one in of_group._choices_actions]
    width = max(len(word) for word, _help in lines)
    listed = "\n".join(f"  {word:<{width}}  {text}" for word, text in lines)
    return Misused(Code.USAGE, f"`{parser.prog}` needs a command.", f"{listed}\nSee `{parser.prog} --help`.")


def word_help(group: str, word: str | None) -> str | None:
    """Return a line on a group that is a command itself, whose help lists only its commands; None for others.

    ``word`` is the name of its first argument, such as ``STUDY``.
    """
    action = next((one for one in ACTIONS if one.command == (group,)), None)
    if word is None or action is None:
        return None
    options = [
        param.flag if param.kind == "bool" else f"{param.flag} {param.name.upper()}"
        for param in action.params
        if not param.positional
    ]
    takes = f" takes {', '.join(options)}, and" if options else ""
    return f"`labeltui {group} {word}`{takes} has a help of its own (--help)."
