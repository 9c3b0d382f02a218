"""Tests of a Windows desk. They need the plugin: ``python -m pytest -p tests.windows_desk tests/windows``."""

from labeltui.support import desk

assert desk.WINDOWS, "run: python -m pytest -p tests.windows_desk tests/windows"
