"""Where OHIF, the viewer that MONAI Label serves, can be opened."""

from __future__ import annotations

from labeltui.domain.state import SessionState


def ohif_url(state: SessionState) -> str | None:
    """The address of OHIF. None without a tunnel, and for studies in a folder, of which OHIF shows none."""
    server, tunnel = state.server.value, state.tunnel.value
    on_dicomweb = server is not None and (server.studies or "").startswith(("http://", "https://"))
    return f"{tunnel.url.rstrip('/')}/ohif/" if on_dicomweb and tunnel is not None and tunnel.url else None
