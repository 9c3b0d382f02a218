"""Removes secrets from texts, and replaces names of hosts, studies and people by numbered ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from labeltui.config.secrets import looks_secret

REMOVED = "[removed]"
SHORTEST_SECRET = 4
SHORTEST_NAME = 2
SHORTEST_NUMBER = 4  # a study named 7 can't be told from any other 7 in a log
ORDINARY = frozenset(
    ("default", "demo", "local", "localhost", "root", "labeltui", "ssh", "runpod", "console", "command", "final",
     "original", "none", "true", "false", "::1")
)  # fmt: skip
"""Names that say nothing about anybody."""

_WORD = r"(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
_VALUE = r"""(?:"[^"\n]*"?|'[^'\n]*'?|[^\s,;&]+)"""
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-\n]*PRIVATE KEY-----.*?(?:-----END [^-\n]*-----|\Z)", re.DOTALL), REMOVED),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)(['\"]?\s*[:=])[^\n]*"),
     rf"\1\2 {REMOVED}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {REMOVED}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/\"'<>]*@"), rf"\1{REMOVED}@"),
    (re.compile(r"(?i)([?&](?:key|sig|signature|auth|code)=)[^\s&\"']+"), rf"\1{REMOVED}"),
    (re.compile(rf"(?i)(--[\w-]*{_WORD}[\w-]*[ =]){_VALUE}"), rf"\1{REMOVED}"),
    (re.compile(rf"(?i)({_WORD}[\w-]*[\"']?\s*(?:[:=]|\bis\b)\s*){_VALUE}"), rf"\1{REMOVED}"),
    (re.compile(r"\b(?:rpa|hf|gh[opsu]|github_pat|sk|pk|xox[abp]|glpat)[_-][\w-]{12,}"), REMOVED),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"), REMOVED),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]+)?"), REMOVED),
    (re.compile(r"(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{32,}"), REMOVED),
)  # fmt: skip
_FILE = re.compile(
    r"(?:(?:[A-Za-z]:)?[/\\~][^\n\"'<>]*[/\\])?(?P<name>[^\s/\\\"'<>=:]+?)(?P<end>\.(?:nii(?:\.gz)?|dcm|nrrd|mha|mhd|hdr|img)\b)",
    re.IGNORECASE,
)
_KEYS = {
    "study": r"image|study|studies|sample|series|patient\w*|label_id|(?<=[?&])label",
    "person": r"client(?:_id)?|user(?:_?name)?|annotator|who|author",
}
_KEY_OF = {kind: re.compile(words) for kind, words in _KEYS.items()}
_AFTER_KEY = r"""["']?\s*[:=]\s*["']?(?P<name>(?<=")[^"\n]+|(?<=')[^'\n]+|[^\s"',;&}\])]+)"""
_TOP = (
    "com|net|org|edu|gov|io|ai|eu|de|fr|uk|ch|at|it|nl|be|es|se|dk|fi|ca|au|jp|cn|us|lan|local|internal|corp"
)
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("study", re.compile(r"(?P<name>\b[0-2](?:\.\d+){5,}\b)")),
    *((kind, re.compile(rf"(?i)\b(?:{words}){_AFTER_KEY}")) for kind, words in _KEYS.items()),
    ("study", re.compile(r"(?i)\b(?:next sample|saving label)\b:?\s+(?P<name>[^\s\"',;]+)")),
    ("person", re.compile(r"(?P<name>[\w.+-]+@[\w.-]*\w)")),
    ("host", re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://(?:\[removed\]@)?(?P<name>[^\s/:\"'<>?#\[]+)")),
    ("host", re.compile(r"(?<![\w.])(?P<name>\d{1,3}(?:\.\d{1,3}){3})(?!\.?\w)")),
    ("host", re.compile(r"(?<![\w:])(?P<name>(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4})(?![\w:])")),
    ("host", re.compile(rf"(?i)(?P<name>\b(?:[a-z0-9-]+\.)+(?:{_TOP})\b)")),
)  # fmt: skip
_OWN_KEY = re.compile(r"[a-z_]+")
_TOKEN = re.compile(r"\w[\w.-]*")
_PIECES = re.compile(r"([._-]+)")
_NUMBERED = re.compile(r"(?:study|person|host|address)-\d+")


class Redaction:
    """Removes secrets by their values and their forms; with ``names``, replaces names too, the same name alike.

    ``names`` has the known names by kind: ``host``, ``study`` and ``person``. None leaves all names as they are.
    Names that are not known are found by their form: addresses, URLs, image files, UIDs, ``image=...``.
    """

    def __init__(self, secrets: Iterable[str], names: Mapping[str, Iterable[str]] | None = None) -> None:
        found = {
            form
            for secret in secrets
            if len(secret) >= SHORTEST_SECRET
            for form in (secret, quote(secret, safe=""))
        }
        self._secrets = sorted(found, key=len, reverse=True)
        self._hides_names = names is not None
        self._numbers: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._odd: list[str] = []
        for kind, values in (names or {}).items():
            for value in values:
                self._learn(kind, value)
        self._odd.sort(key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return a text of one or many lines without secrets and names."""
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        for pattern, instead in _SECRETS:
            text = pattern.sub(instead, text)
        return self._without_names(text) if self._hides_names else text

    def value(self, value: Any, key: str = "") -> Any:
        """Return a value for JSON without secrets and names, in its keys too. ``key`` is the key it has."""
        if value is not None and looks_secret(key):
            return REMOVED
        if isinstance(value, Mapping):
            return {self._key(str(name)): self.value(one, str(name)) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one, key) for one in value]
        if not isinstance(value, str):
            return value
        kind = next((kind for kind, words in _KEY_OF.items() if words.fullmatch(key)), None)
        if self._hides_names and kind is not None and value and value.lower() not in ORDINARY:
            return self._number(kind, value)
        return self.text(value)

    def _key(self, key: str) -> str:
        """Return a key of JSON. A plain word is a key of labeltui's own, unless it is a study's or a person's name."""
        known = self._numbers.get(key.lower(), "host")
        if not known.startswith("host"):
            return known
        return key if _OWN_KEY.fullmatch(key) else self.text(key)

    def _learn(self, kind: str, value: str) -> None:
        value = value.strip()
        short = len(value) < SHORTEST_NAME or (value.isdigit() and len(value) < SHORTEST_NUMBER)
        if short or value.lower() in ORDINARY:
            return
        self._number(kind, value)
        if not _TOKEN.fullmatch(value):
            self._odd.append(value)

    def _number(self, kind: str, value: str) -> str:
        if _NUMBERED.fullmatch(value):
            return value
        key = value.lower()
        if key not in self._numbers:
            self._counts[kind] = count = self._counts.get(kind, 0) + 1
            self._numbers[key] = f"{kind}-{count}"
        return self._numbers[key]

    def _without_names(self, text: str) -> str:
        for odd in self._odd:
            text = re.sub(
                rf"(?<!\w){re.escape(odd)}(?!\w)", self._numbers[odd.lower()], text, flags=re.IGNORECASE
            )
        text = _TOKEN.sub(lambda found: self._token(found[0]), text)
        text = _FILE.sub(lambda found: self._number("study", found["name"]) + found["end"], text)
        for kind, pattern in _FORMS:
            text = pattern.sub(partial(self._hide, kind), text)
        return text

    def _hide(self, kind: str, found: re.Match[str]) -> str:
        """Return the match with its name replaced."""
        whole, at = found[0], found.start()
        start, end = (place - at for place in found.span("name"))
        name = found["name"]
        if name.lower() in ORDINARY or name.startswith(("127.", "0.")) or REMOVED in name:
            return whole
        return whole[:start] + self._number(kind, name) + whole[end:]

    def _token(self, token: str) -> str:
        """Replace the known names in a word such as ``liver_042.nii.gz``, the longest first."""
        if token.lower() in self._numbers:
            return self._numbers[token.lower()]
        pieces = _PIECES.split(token)
        if len(pieces) == 1:
            return token
        parts, at = [], 0
        while at < len(pieces):
            for end in range(len(pieces), at, -2):
                known = self._numbers.get("".join(pieces[at:end]).lower())
                if known is not None:
                    parts.append(known)
                    at = end
                    break
            else:
                parts.append(pieces[at])
                at += 1
            parts += pieces[at : at + 1]
            at += 1
        return "".join(parts)
