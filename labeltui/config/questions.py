"""The questions before a first session, by kind of host. The console's forms and ``config init`` share their checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labeltui.config.secrets import has_url_password
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Misused
from labeltui.domain.ssh_address import FORMS, SSH_PORT, parse

KEY_HEAD_BYTES = 4096
_PRIVATE = b"PRIVATE KEY-----"
_PUTTY = b"PuTTY-User-Key-File"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``name`` is the key of its answer for :func:`labeltui.config.starter.starter_text`.

    ``check`` returns one line on what an answer means, and raises Misused for a wrong answer. It may read files.
    """

    name: str
    label: str
    help: str
    check: Callable[[str], str]
    default: str = ""
    example: str = ""


def check_address(text: str) -> str:
    """Check an SSH address. Raises Misused ``bad_address``."""
    address = parse(text)
    user = f"user {address.user}" if address.user else "the user that ssh's configuration names"
    key = f", key {address.key}" if address.key else ""
    jump = f", through {address.jump}" if address.jump else ""
    return f"{address.host}, port {address.port or SSH_PORT}, {user}{key}{jump}"


def check_key(text: str) -> str:
    """Check that a file has a private key in a format that ssh reads. Empty means the keys that ssh would use."""
    if not text:
        return "the keys that ssh would use"
    path = Path(text).expanduser()
    try:
        with path.open("rb") as file:
            head = file.read(KEY_HEAD_BYTES)
    except OSError as error:
        raise _wrong(f"{path} can't be read: {error.strerror}.", "Name the file of a private key.") from None
    if _PRIVATE in head:
        return "a private key"
    if path.suffix == ".pub":
        raise _wrong(
            f"{path} is the public half of a key.", f"Name the private half: {path.with_suffix('')}."
        )
    if head.startswith(_PUTTY):
        hint = f"Convert it: puttygen {path} -O private-openssh -o {path.with_suffix('')}"
        raise _wrong(f"{path} is a key in PuTTY's format.", hint)
    raise _wrong(f"{path} is not a private key.", "Name a file such as ~/.ssh/id_ed25519.")


def check_folder_here(text: str) -> str:
    """Check that a folder of studies exists on this machine. A DICOMweb URL is accepted unread."""
    if _is_url(text):
        return "a DICOMweb server"
    path = Path(text).expanduser()
    try:
        names = [entry.name for entry in path.iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        raise _wrong(f"There is no folder {path}.", f"Make it (mkdir -p {path}), or name another.") from None
    except OSError as error:
        raise _wrong(f"{path} can't be read: {error.strerror}.", "Name a folder of images.") from None
    if not names:
        return "an empty folder; Q U in the console copies studies into it"
    return f"a folder with {len(names)} {'entry' if len(names) == 1 else 'entries'}"


def check_folder_there(text: str) -> str:
    """Check the form of a folder on the host, or of a DICOMweb URL. Whether it exists is known after connecting."""
    if _is_url(text):
        return "a DICOMweb server"
    if not text.startswith(("/", "~")):
        raise _wrong(f"{text!r} is not a whole path.", "Begin it with / or ~, the home folder on the host.")
    return "a folder on that machine; Q U in the console copies studies into it"


def check_pod(text: str) -> str:
    """Check a pod's name or id. Empty means that a pod will be rented."""
    if any(not character.isprintable() for character in text):
        raise _wrong("A pod's name has no control characters.", "Copy its name or id from RunPod's page.")
    return f"the pod {text}" if text else "no pod yet; p n in the console rents one"


TITLES: Mapping[str, str] = {
    "local": "This machine", "ssh": "A machine by SSH", "runpod": "A pod of RunPod",
}  # fmt: skip
"""The kinds of host, in the words of a choice."""
_KEY = Question("key", "SSH key", "file of the private key; empty: the keys that ssh would use", check_key,
                example="~/.ssh/id_ed25519")  # fmt: skip
QUESTIONS: Mapping[str, tuple[Question, ...]] = {
    "local": (
        Question("studies", "Studies", "folder of the images on this machine, or a DICOMweb URL",
                 check_folder_here, "~/studies"),
    ),
    "ssh": (
        Question("address", "Address", FORMS,
                 check_address, example="ssh root@203.0.113.7 -p 40022 -i ~/.ssh/id_ed25519"),
        _KEY,
        Question("studies", "Studies", "folder of the images on that machine, or a DICOMweb URL",
                 check_folder_there, "~/studies"),
    ),
    "runpod": (
        Question("pod", "Pod", "name or id of a pod that you have; empty: rent one in the console", check_pod),
        _KEY,
    ),
}  # fmt: skip


def checked(host: str, answers: Mapping[str, str]) -> dict[str, str]:
    """Return the answers to use in a profile, the SSH command of an address taken apart. Raises Misused.

    Answers to other questions than those of ``host`` are returned as they are.
    """
    given = dict(answers)
    for question in QUESTIONS[host]:
        if question.name in given:
            question.check(given[question.name])
    if host == "ssh":
        address = parse(given.get("address", ""))
        given["address"] = address.text
        given["key"] = given.get("key") or address.key or ""
        check_key(given["key"])
        given["jump"] = address.jump or ""
    return {name: value for name, value in given.items() if value}


def profile_name(host: str, answers: Mapping[str, str], taken: Iterable[str]) -> str:
    """Return a name for a new profile: the host's or the pod's, with a number if it is taken."""
    wanted = {"ssh": lambda: parse(answers["address"]).host, "runpod": lambda: answers.get("pod") or host}
    base = wanted.get(host, lambda: host)()
    names, number = set(taken), 2
    name = base
    while name in names:
        name, number = f"{base}-{number}", number + 1
    return name


def key_in(address: str) -> str:
    """Return the key file that a pasted ``ssh`` command names; empty without one, or if it is no address."""
    try:
        return parse(address).key or ""
    except Misused:
        return ""


def _is_url(text: str) -> bool:
    if not text:
        raise _wrong("A folder is needed.", "Name the folder of the images, or a DICOMweb URL.")
    if not text.startswith(("http://", "https://")):
        return False
    if has_url_password(text):
        hint = "Leave it out here; the profile's `dicomweb_user` and `dicomweb_password_env` name user and variable."
        raise _wrong("A password does not belong in a profile.", hint)
    return True


def _wrong(message: str, hint: str) -> Misused:
    return Misused(Code.USAGE, message, hint)
