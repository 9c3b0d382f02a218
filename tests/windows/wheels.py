"""Print what labeltui needs on Windows, a requirement per line: ``python -m tests.windows.wheels``.

pip chooses by the system that it runs on, so it can't resolve the dependencies for another one.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

WINDOWS = {
    "sys_platform": "win32",
    "platform_system": "Windows",
    "os_name": "nt",
    "platform_machine": "AMD64",
}


def needed(name: str, extras: frozenset[str], found: dict[str, str]) -> None:
    """Add what a package needs to ``found``: a requirement by name, in the version that is installed here."""
    try:
        listed = requires(name) or []
    except PackageNotFoundError:  # only Windows needs it
        return
    for requirement in map(Requirement, listed):
        marker = requirement.marker
        chosen = ("", *extras)
        if marker is None or any(marker.evaluate({**WINDOWS, "extra": extra}) for extra in chosen):
            wanted = frozenset(requirement.extras)
            known = requirement.name.lower()
            if known not in found or wanted:
                found[known] = _pinned(requirement)
                needed(requirement.name, wanted, found)


def _pinned(requirement: Requirement) -> str:
    try:
        return f"{requirement.name}=={version(requirement.name)}"
    except PackageNotFoundError:
        return f"{requirement.name}{requirement.specifier}"


if __name__ == "__main__":
    packages: dict[str, str] = {}
    needed("labeltui", frozenset(), packages)
    print(*sorted(packages.values()), sep="\n")
