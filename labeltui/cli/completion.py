"""``labeltui completion SHELL``: the script that makes a shell complete commands, options and their choices.

The script is made from the parser, and so from the registry. It is complete in itself: pressing Tab starts no Python.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """An option: its spellings, the number of values that it takes, and their choices."""

    names: tuple[str, ...]
    help: str
    values: int
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """What may follow the words of one command: words with their help, and options."""

    path: str  # such as "server start"; empty for labeltui itself
    words: Mapping[str, str]
    flags: tuple[Flag, ...]

    def candidates(self) -> dict[str, str]:
        """Everything that may follow, each with its help. The short spelling of an option is left out."""
        return {**self.words, **{flag.names[-1]: flag.help for flag in self.flags}}


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """Return the completion script for one of the parser's ``COMPLETED``."""
    places = list(_places(parser, ()))
    return _WRITERS[shell](places).rstrip("\n")


def _places(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[Place]:
    words: dict[str, str] = {}
    flags = []
    below: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            words |= {one.dest: _plain(one.help) for one in action._choices_actions if not one.dest.isupper()}
            below += [(word, sub) for word, sub in action.choices.items() if not word.isupper()]
        elif action.option_strings:
            values = action.nargs if isinstance(action.nargs, int) else 0 if action.nargs == "?" else 1
            choices = tuple(str(one) for one in action.choices or ())
            flags.append(Flag(tuple(action.option_strings), _plain(action.help), values, choices))
        else:
            words |= {str(one): "" for one in action.choices or ()}
    yield Place(" ".join(path), words, tuple(flags))
    for word, sub in below:
        yield from _places(sub, (*path, word))


def _plain(text: str | None) -> str:
    return (text or "").replace("%%", "%")


def _takes_two(places: list[Place]) -> list[str]:
    """The options that take two values, each after the path of its command."""
    return sorted(
        f"{place.path} {name}"
        for place in places
        for flag in place.flags
        for name in flag.names
        if flag.values == 2
    )


def _takes_one(places: list[Place]) -> list[str]:
    """The options that take one value. In another command the same name may take two, but never none."""
    return sorted(
        {name for place in places for flag in place.flags for name in flag.names if flag.values == 1}
    )


def _choices(places: list[Place]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The choices of each option, by path and option."""
    return {
        (place.path, name): flag.choices
        for place in places
        for flag in place.flags
        for name in flag.names
        if flag.choices
    }


def _quoted(text: str) -> str:
    """A literal in single quotes for bash, zsh and fish. A backslash is special to fish; the registry has none."""
    return "'" + text.replace("\\", "/").replace("'", "’") + "'"


_WALK = """\
    case "$at $word" in
      {two}) skip=2 ;;
      {one}) skip=1 ;;
      *' '-*) ;;
      *) case "${{at:+$at }}$word" in
        {paths}) at="${{at:+$at }}$word" ;;
      esac ;;
    esac"""


def _walk(places: list[Place]) -> str:
    return _WALK.format(
        two="|".join(map(_quoted, _takes_two(places))),
        one="|".join(f"*' {name}'" for name in _takes_one(places)),
        paths="|".join(_quoted(place.path) for place in places if place.path),
    )


def _bash(places: list[Place]) -> str:
    """Without a candidate, bash completes file names."""
    choices = "\n".join(
        f"    {_quoted(f'{path} {name}'.strip())}) listed={_quoted(' '.join(values))} ;;"
        for (path, name), values in _choices(places).items()
    )
    words = "\n".join(
        f"    {_quoted(place.path)}) listed={_quoted(' '.join(place.candidates()))} ;;" for place in places
    )
    return f"""\
# bash completion for labeltui. Use it with: eval "$(labeltui completion bash)"
_labeltui() {{
  local word at= skip=0 listed= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if ((skip > 0)); then skip=$((skip - 1)); continue; fi
{_walk(places)}
  done
  if ((skip > 0)); then case "${{at:+$at }}$word" in
{choices}
  esac; else case $at in
{words}
  esac; fi
  COMPREPLY=($(compgen -W "$listed" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o bashdefault -o default -F _labeltui labeltui
"""


def _zsh(places: list[Place]) -> str:
    def described(candidates: Mapping[str, str]) -> str:
        return " ".join(
            _quoted(f"{word}:{text.replace(':', ' -')}" if text else word)
            for word, text in candidates.items()
        )

    choices = "\n".join(
        f"    {_quoted(f'{path} {name}'.strip())}) listed=({' '.join(map(_quoted, values))}) ;;"
        for (path, name), values in _choices(places).items()
    )
    words = "\n".join(
        f"    {_quoted(place.path)}) listed=({described(place.candidates())}) ;;" for place in places
    )
    return f"""\
#compdef labeltui
# zsh completion for labeltui. Use it, after compinit, with: eval "$(labeltui completion zsh)"
_labeltui() {{
  local word at= skip=0 i
  local -a listed
  for ((i = 2; i < CURRENT; i++)); do
    word=${{words[i]}}
    if ((skip > 0)); then skip=$((skip - 1)); continue; fi
{_walk(places)}
  done
  if ((skip > 0)); then case "${{at:+$at }}$word" in
{choices}
    *) _files; return ;;
  esac; else case $at in
{words}
  esac; fi
  _describe labeltui listed || _files
}}
compdef _labeltui labeltui
"""


def _fish(places: list[Place]) -> str:
    lines = []
    for place in places:
        condition = f'__labeltui_at "{place.path}"'
        here = f"complete -c labeltui -n {_quoted(condition)}"
        lines += [f"{here} -f -a {word} -d {_quoted(text)}" for word, text in place.words.items()]
        for flag in place.flags:
            names = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names
            )
            value = (
                f" -x -a {_quoted(' '.join(flag.choices))}" if flag.choices else " -r" if flag.values else ""
            )
            lines.append(f"{here} {names}{value} -d {_quoted(flag.help)}")
    paths = " ".join(_quoted(place.path) for place in places if place.path)
    return f"""\
# fish completion for labeltui. Use it with: labeltui completion fish | source
function __labeltui_at
  set -l at
  set -l skip 0
  for word in (commandline -opc)[2..]
    if test $skip -gt 0
      set skip (math $skip - 1)
      continue
    end
    switch "$at $word"
      case {" ".join(map(_quoted, _takes_two(places)))}
        set skip 2
      case {" ".join(f"'* {name}'" for name in _takes_one(places))}
        set skip 1
      case '* -*'
      case '*'
        set -l longer (string join ' ' $at $word)
        contains -- $longer {paths}
        and set at $longer
    end
  end
  test "$at" = "$argv[1]"
end
""" + "\n".join(lines)


def _powershell(places: list[Place]) -> str:
    def literal(text: str) -> str:  # PowerShell takes typographic quotes for quotes too
        return "'" + text.replace("’", "'").replace("'", "''") + "'"

    def table(candidates: Mapping[str, str]) -> str:
        pairs = (f"{literal(word)} = {literal(text or word)}" for word, text in candidates.items())
        return f"[ordered]@{{ {'; '.join(pairs)} }}"

    words = "\n".join(f"    {literal(place.path)} = {table(place.candidates())}" for place in places)
    choices = "\n".join(
        f"    {literal(f'{path} {name}'.strip())} = {table(dict.fromkeys(values, ''))}"
        for (path, name), values in _choices(places).items()
    )
    two = ", ".join(map(literal, _takes_two(places)))
    one = ", ".join(map(literal, _takes_one(places)))
    return f"""\
# PowerShell completion for labeltui. Use it with: labeltui completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName labeltui -ScriptBlock {{
  param($wordToComplete, $commandAst, $cursorPosition)
  $places = @{{
{words}
  }}
  $choices = @{{
{choices}
  }}
  $at = ''; $skip = 0; $last = ''
  foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {{
    if ($element.Extent.EndOffset -ge $cursorPosition) {{ break }}
    $word = $element.ToString()
    if ($skip -gt 0) {{ $skip--; continue }}
    $last = $word
    if ("$at $word" -cin @({two})) {{ $skip = 2; continue }}
    if ($word -cin @({one})) {{ $skip = 1; continue }}
    $longer = "$at $word".Trim()
    if (-not $word.StartsWith('-') -and $places.ContainsKey($longer)) {{ $at = $longer }}
  }}
  $listed = if ($skip -gt 0) {{ $choices["$at $last".Trim()] }} else {{ $places[$at] }}
  foreach ($name in $listed.Keys | Where-Object {{ $_ -like "$wordToComplete*" }}) {{
    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $listed[$name])
  }}
}}
"""


_WRITERS: Mapping[str, Callable[[list[Place]], str]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
    "powershell": _powershell,
}
