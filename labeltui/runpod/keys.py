"""Find RunPod's API key in the usual places, and wrap the key so that printing never shows it."""

from __future__ import annotations

import asyncio
import hmac
import importlib.util
import json
import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Misused, Refused
from labeltui.support.atomic import write_file

VARIABLE = "RUNPOD_API_KEY"
KEYRING_SERVICE = "runpod"
KEYRING_USER = "api_key"
COMMAND_DEADLINE_S = 30.0
CONFIG = "~/.runpod/config.toml"
MASK = "***"
_EMPTY_KEY = re.compile(r"""\s*apikey\s*=\s*(''|"")\s*""")
_SHAPE = re.compile(r"[!-~]{8,512}")


class Secret:
    """A secret text. Only :meth:`reveal` returns it; printing, comparing or pickling never shows it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret text. Use it only to send a request."""
        return self._text

    def scrub(self, text: str) -> str:
        """Return a text from outside with the secret masked."""
        return text.replace(self._text, MASK) if self._text else text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be written anywhere")


@dataclass(frozen=True, slots=True)
class FoundKey:
    """The key, a description of its source, and a warning about the source (may be empty)."""

    secret: Secret
    origin: str
    warning: str = ""


async def find_key(
    *,
    command: str | None = None,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
    profile: str = "default",
) -> FoundKey:
    """Find the key. Tries the environment, ``command`` (if given), the keyring, then RunPod's own file.

    Raises Misused if no source has a key (``runpod_no_key``) or the text found is no key (``runpod_bad_key``),
    and Failed if the command fails (``runpod_key_command``).
    """
    environ = os.environ if environ is None else environ
    if environ.get(VARIABLE, "").strip():
        return _checked(environ[VARIABLE], f"the environment variable {VARIABLE}")
    if command:
        return _checked(await _from_command(command, environ), "the profile's key command")
    stored, how_to_store = await asyncio.to_thread(_from_keyring)
    if stored:
        return _checked(stored, "the keyring")
    path = config or default_config()
    found = await asyncio.to_thread(_from_config, path, profile)
    if found:
        return _checked(found, str(path), await asyncio.to_thread(_open_to_others, path))
    raise Misused(
        Code.RUNPOD_NO_KEY,
        "There is no RunPod API key.",
        f"Make a key in RunPod's settings, then export {VARIABLE}=..., put it into {CONFIG}, or {how_to_store}.",
    )


def keys_elsewhere(command: str | None) -> bool:
    """Whether a key could come from a command or a keyring, which may ask the operator each time it is read."""
    return bool(command) or importlib.util.find_spec("keyring") is not None


def default_config() -> Path:
    """Return the configuration file that RunPod's SDK and runpodctl share. Each writes it in a form of its own."""
    return Path(CONFIG).expanduser()


def typed_key(text: str) -> Secret:
    """Return a key that was typed or pasted. Raises Misused ``runpod_bad_key``."""
    return _checked(text, "this field").secret


def store_key(secret: Secret, path: Path | None = None) -> Path:
    """Add a key to RunPod's own file, as runpodctl writes it, and make the file private. Returns the file.

    Raises Refused ``exists`` if the file has a key, Misused ``runpod_bad_config`` if it is wrong, and Failed
    ``not_written``.
    """
    path = path or default_config()
    if _from_config(path, "default"):
        raise Refused(
            Code.EXISTS, f"{path} has an API key already.", "Remove that key from the file if it is wrong."
        )
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        # An empty key may stand there. TOML escapes these characters as JSON does.
        lines = [line for line in before.splitlines() if not _EMPTY_KEY.fullmatch(line)]
        text = "\n".join([f"apikey = {json.dumps(secret.reveal())}", *lines]) + "\n"
        tomllib.loads(text)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(path, text, durable=True)
    except (OSError, ValueError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else "it would not be valid TOML"
        raise Failed(
            Code.NOT_WRITTEN, f"{path} can't be written: {why}.", f"Export {VARIABLE}=... instead."
        ) from None
    return path


def _checked(text: str, origin: str, warning: str = "") -> FoundKey:
    # A line end or space in a key comes from a copying mistake, and could inject a header.
    text = text.strip()
    if not _SHAPE.fullmatch(text):
        raise Misused(
            Code.RUNPOD_BAD_KEY,
            f"There is no valid RunPod API key in {origin}.",
            "A key is one word of letters, digits and punctuation; copy it again.",
        )
    return FoundKey(Secret(text), origin, warning)


async def _from_command(command: str, environ: Mapping[str, str]) -> str:
    try:
        argv = shlex.split(command)
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(environ),
        )
    except (ValueError, OSError, TypeError) as error:
        raise _command_failed(command, f"cannot be run: {type(error).__name__}") from None
    try:
        async with asyncio.timeout(COMMAND_DEADLINE_S):
            output, _ = await process.communicate()
    except TimeoutError:
        raise _command_failed(command, f"did not end within {COMMAND_DEADLINE_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise _command_failed(command, f"ended with exit code {process.returncode}")
    lines = output.decode("utf-8", "replace").splitlines()
    return lines[0] if lines else ""


def _command_failed(command: str, how: str) -> Failed:
    parts = command.split(maxsplit=1)
    name = Path(parts[0]).name if parts else "empty"
    return Failed(
        Code.RUNPOD_KEY_COMMAND,
        f"The command that prints the RunPod API key ({name}) {how}.",
        "Run it in a shell: its first line of output must be the key.",
    )


def _from_keyring() -> tuple[str | None, str]:
    """Return the key in the system's keyring (None if missing), and a hint how to store a key there."""
    store = f"run `keyring set {KEYRING_SERVICE} {KEYRING_USER}`"
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        return None, f"install labeltui[keyring] and {store}"
    try:
        stored = keyring.get_password(KEYRING_SERVICE, KEYRING_USER)
    except Exception as error:
        # Each backend raises its own exceptions (no D-Bus, locked, unknown). Try the next source.
        return None, f"make the keyring readable ({type(error).__name__}) and {store}"
    return (stored if isinstance(stored, str) else None), store


def _from_config(path: Path, profile: str) -> str | None:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):  # the parser's message would quote the line with the key
        raise Misused(
            Code.RUNPOD_BAD_CONFIG,
            f"{path} is not valid TOML.",
            f'The file should hold apikey = "...", or [default] with api_key = "...". Or export {VARIABLE}.',
        ) from None
    section = document.get(profile)
    of_sdk = section.get("api_key") if isinstance(section, dict) else None
    of_runpodctl = document.get("apikey")
    for text in (of_sdk, of_runpodctl):
        if isinstance(text, str) and text.strip():
            return text
    return None


def _open_to_others(path: Path) -> str:
    try:
        return f"Other users of this machine can read {path}." if path.stat().st_mode & 0o044 else ""
    except OSError:
        return ""
