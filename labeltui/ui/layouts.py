"""Maps keys of a keyboard that is not switched to Latin letters to Latin letters, by their place on the keyboard."""

from __future__ import annotations

_ROWS = (
    # Russian, then what Ukrainian has in other places
    ("йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"),
    ("ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮЁ", 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>~'),
    ("іїєґІЇЄҐ", "s]'\\S}\"|"),
    # Greek; the letter on w has no capital
    ("ςερτυθιοπασδφγηξκλζχψωβνμ", "wertyuiopasdfghjklzxcvbnm"),
    ("ΕΡΤΥΘΙΟΠΑΣΔΦΓΗΞΚΛΖΧΨΩΒΝΜ", "ERTYUIOPASDFGHJKLZXCVBNM"),
    # Hebrew has no capitals
    ("קראטוןםפשדגכעיחלךףזסבהנמצתץ", "ertyuiopasdfghjkl;zxcvbnm,."),
    # The digits of AZERTY need shift
    ("&é\"'(", "12345"),
)
LATIN = {there: here for theirs, ours in _ROWS for there, here in zip(theirs, ours, strict=True)}
"""Maps a key's own character to the character that a US keyboard has in the same place."""
