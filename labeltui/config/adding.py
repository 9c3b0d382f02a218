"""Add a profile to the profile file, or change its answers. Everything else in the file stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tomlkit

from labeltui.config.edit import set_values
from labeltui.config.load import Loaded, check, load, read_text, select
from labeltui.config.model import Profile
from labeltui.config.questions import QUESTIONS, checked, key_in, profile_name
from labeltui.config.replacing import with_profile
from labeltui.config.starter import profile_text, starter_text
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.support.atomic import write_file


def known_profiles(path: Path) -> Mapping[str, Profile]:
    """Return the file's profiles by name; none without a file. Raises Misused if the file is wrong."""
    return load(path).file.profiles if path.exists() else {}


def add_profile(path: Path, host: str, answers: Mapping[str, str], name: str | None = None) -> str:
    """Write a profile for ``host``, into a new private file if there is none. Returns its name.

    By default the name is made from the answers. Without a ``default``, a file's only profile becomes it, so that
    ``labeltui`` opens the same profile as before.

    Raises:
        Misused: An answer or the present file is wrong.
        Refused: The file has a profile ``name`` already (``exists``).
        Failed: The file can't be written (``not_written``), or not without changing more (``not_edited``).
    """
    given = {**checked(host, answers), "host": host}
    before = load(path) if path.exists() else None
    taken = before.file.profiles if before is not None else {}
    if name is not None and name in taken:
        hint = "Add --yes to change only this profile, or choose another name with --name."
        raise Refused(Code.EXISTS, f"{path} has a profile {name!r} already.", hint)
    name = name or profile_name(host, given, taken)
    if before is None:
        text = starter_text(name, given)
    else:
        text = f"{_with_default(before, read_text(path), name).rstrip()}\n\n{profile_text(name, given)}"
    _check(path, text, before, name)
    write_private(path, text)
    return name


def replace_profile(path: Path, name: str, host: str, answers: Mapping[str, str]) -> None:
    """Give an existing profile other answers. The other profiles, and all comments outside it, stay as they are.

    For answers to the questions of the same kind of host, the profile's other values stay too. Otherwise the profile
    is written anew.

    Raises:
        Misused: An answer or the present file is wrong.
        Failed: The file can't be written (``not_written``), or not without changing more (``not_edited``).
    """
    before = load(path)
    questions = {question.name for question in QUESTIONS[host]}
    if before.file.profiles[name].host == host and answers.keys() <= questions:
        key = key_in(answers.get("address", ""))
        change_profile(path, name, {**({"key": key} if key else {}), **answers})
        return
    given = {**checked(host, answers), "host": host}
    try:
        text = with_profile(read_text(path), name, profile_text(name, given))
    except ValueError as error:
        raise Failed(
            Code.NOT_EDITED, f"{path} can't be edited automatically: {error}.", "Change the profile yourself."
        ) from None
    _check(path, text, before, name)
    write_private(path, text)


def write_private(path: Path, text: str) -> None:
    """Write the whole file at once, readable by its owner only. Raises Failed ``not_written``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(path, text, durable=True)
    except OSError as error:
        raise Failed(
            Code.NOT_WRITTEN,
            f"{path} can't be written: {error.strerror}.",
            "Check that you may write to its folder.",
        ) from None


def _with_default(before: Loaded, text: str, name: str) -> str:
    profiles = list(before.file.profiles) or [name]
    if before.file.default is not None or len(profiles) > 1:
        return text
    return f"default = {tomlkit.string(profiles[0]).as_string()}\n\n{text}"


def _check(path: Path, text: str, before: Loaded | None, name: str) -> None:
    """Raise Failed ``not_edited`` unless the new text is valid and has the earlier profiles unchanged."""
    try:
        profiles = dict(check(path, text).file.profiles)
    except Misused as error:
        why = error.problem.message
        raise Failed(Code.NOT_EDITED, f"The profile can't be added: {why}", "Add it yourself.") from None
    earlier = dict(before.file.profiles) if before is not None else profiles
    if {**profiles, name: None} != {**earlier, name: None}:
        raise Failed(
            Code.NOT_EDITED, f"{path} can't be edited: other profiles would change.", "Add it yourself."
        )


def answers_of(profile: Profile) -> dict[str, str]:
    """Return what a profile answers to the questions for its host, by question. Empty where it says nothing."""
    values = profile.model_dump()
    places = {question.name: _place(profile.host, question.name) for question in QUESTIONS[profile.host]}
    return {name: (values[table] or {}).get(key) or "" for name, (table, key) in places.items()}


def change_profile(path: Path, name: str, answers: Mapping[str, str]) -> bool:
    """Write the answers that differ from the profile's. Comments and all other values stay. Returns False without any.

    Raises Misused for a wrong answer or file, and Failed as :func:`labeltui.config.edit.set_values` does.
    """
    profile = select(load(path), name)[1]
    before, given = answers_of(profile), checked(profile.host, answers)
    changed = {key: given.get(key, "") for key, answer in answers.items() if answer != before[key]}
    if "address" in changed and "jump" in given:
        changed["jump"] = given["jump"]
    values: dict[tuple[str, ...], str] = {
        ("profiles", name, *_place(profile.host, key)): value for key, value in changed.items()
    }
    return set_values(path, values)


def _place(host: str, question: str) -> tuple[str, str]:
    """Return the table and the key of a question's answer in a profile."""
    table = {"studies": "server", "pod": "runpod"}.get(question, host)
    return table, question
