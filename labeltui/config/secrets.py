"""Keys and values of the profile file that would put a secret on disk."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SECRET_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "credentials"}
)
_SECRET_ENDS = (("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"))


def looks_secret(key: str) -> bool:
    """True for a key whose value is a secret; ``..._env`` names a variable and is not."""
    words = tuple(word.lower() for word in _WORDS.findall(key))
    if not words:
        return False
    return words[-1] in _SECRET_WORDS or words[-2:] in _SECRET_ENDS


def url_password(value: str) -> bool:
    """True for ``http://user:password@host``."""
    if "://" not in value:
        return False
    try:
        return urlsplit(value).password is not None
    except ValueError:
        return False
