"""Programs that run on a host, in the Python in which MONAI Label is installed. Nothing here imports them."""

from __future__ import annotations

import re
from importlib import resources

_FUTURE = "from __future__ import annotations\n"
_SHARED = re.compile(
    rf"^from ((?:{re.escape(__name__)}|labeltui\.domain\.studies)\.\w+) import", re.MULTILINE
)
_DEFINE = """
import sys, types
_module = sys.modules[{name!r}] = types.ModuleType({name!r})
exec(compile({source!r}, "<" + {name!r} + ">", "exec"), vars(_module))
"""


def source_of(name: str) -> str:
    """Return the source of the program in ``NAME.py`` as one module.

    Modules of this package and of ``domain.studies`` that the program imports, and those that they import, are put
    before it, because the host's Python has no labeltui.
    """
    modules: dict[str, str] = {}
    source = _read(f"{__name__}.{name}", modules)
    definitions = "".join(_DEFINE.format(name=shared, source=text) for shared, text in modules.items())
    return source.replace(_FUTURE, _FUTURE + definitions, 1)


def _read(name: str, modules: dict[str, str]) -> str:
    """Read a module, and add those that it imports to ``modules``, each after its own."""
    package, _, module = name.rpartition(".")
    source = (resources.files(package) / f"{module}.py").read_text(encoding="utf-8")
    for shared in _SHARED.findall(source):
        if shared not in modules:
            modules[shared] = _read(shared, modules)
    return source
