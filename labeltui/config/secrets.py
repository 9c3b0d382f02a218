"""Recognise keys and values of the profile file that would store a secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SECRET_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "credentials"}
)
_SECRET_ENDS = (("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"))


def looks_secret(key: str) -> bool:
    """Whether the key's value is a secret. A key that ends in ``_env`` only names a variable, so its value is not."""
    words = tuple(word.lower() for word in _WORDS.findall(key))
    if not words:
        return False
    return words[-1] in _SECRET_WORDS or words[-2:] in _SECRET_ENDS


def has_url_password(value: str) -> bool:
    """Whether the value is a URL with a password, as in ``http://user:password@host``."""
    if "://" not in value:
        return False
    try:
        return urlsplit(value).password is not None
    except ValueError:
        return False
