"""Which terminals have more than ASCII, by their locale."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labeltui.support.desk import has_unicode


@pytest.mark.parametrize(
    ("environment", "has"),
    [
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "POSIX"}, False),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "en_US.utf8"}, True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "C"}, False),
        ({"LANG": "en_US.UTF-8", "LC_ALL": ""}, True),
    ],
)
def test_the_locale_decides(environment: dict[str, str], has: bool) -> None:
    assert has_unicode(environment) is has


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "has"),
    [
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "UTF-8"}, True),
        ({}, True),
    ],
)
def test_what_python_puts_into_the_environment_decides_nothing(
    environment: dict[str, str], has: bool
) -> None:
    code = "import os; from labeltui.support.desk import has_unicode; print(has_unicode(os.environ))"
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert shown.stdout.decode().strip() == str(has)
