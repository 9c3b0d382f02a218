"""The Python code that Slicer runs at its start (``--python-code``), written for the extension MONAILabel of 0.8.5.

It is one line with single quotes only: Slicer's launcher for Windows passes the argument on in double quotes.
"""

from __future__ import annotations

EXTENSION = "MONAILabel"
"""The extension's name in Slicer's Extensions Manager, the module's name, and its folder."""
URL_SETTING = "MONAILabel/serverUrl"
CLIENT_SETTING = "MONAILabel/clientId"
MISSING = "This Slicer has no module MONAILabel. Install it in the Extensions Manager, then restart Slicer."


def start_code(url: str, client_id: str, *, connect: bool) -> str:
    """Return the code that sets the server's URL and the client id, and opens the module.

    The settings come first: the module reads them when it opens. With ``connect``, it then asks the server for its
    models, which shows an error message if no server answers.
    """
    steps = [
        "import qt, slicer",
        "settings = qt.QSettings()",
        f"settings.setValue({URL_SETTING!r}, {url!r})",
        f"settings.setValue({CLIENT_SETTING!r}, {client_id!r})",
        "settings.sync()",
        f"found = hasattr(slicer.modules, {EXTENSION.lower()!r})",
        f"slicer.util.selectModule({EXTENSION!r}) if found else slicer.util.errorDisplay({MISSING!r})",
    ]
    if connect:
        steps.append(f"found and slicer.modules.{EXTENSION}Widget.onClickFetchInfo()")
    return "; ".join(steps)
