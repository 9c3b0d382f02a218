"""Programs that run on a host, in the Python in which MONAI Label is installed. Nothing here imports them."""

from __future__ import annotations

import re
from importlib import resources

_FUTURE = "from __future__ import annotations\n"
_SHARED = re.compile(rf"^from ({re.escape(__name__)}\.(\w+)) import", re.MULTILINE)
_DEFINE = """
import sys, types
_module = sys.modules[{name!r}] = types.ModuleType({name!r})
exec(compile({source!r}, "<" + {name!r} + ">", "exec"), vars(_module))
"""


def source_of(name: str) -> str:
    """Return the source of the program in ``NAME.py`` as one module.

    Modules of this package that the program imports are put before it, because the host's Python has no
    labeltui.
    """
    source = _read(name)
    modules = dict.fromkeys(_SHARED.findall(source))
    definitions = "".join(_DEFINE.format(name=full, source=_read(shared)) for full, shared in modules)
    return source.replace(_FUTURE, _FUTURE + definitions, 1)


def _read(name: str) -> str:
    return (resources.files(__name__) / f"{name}.py").read_text(encoding="utf-8")
