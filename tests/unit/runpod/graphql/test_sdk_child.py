"""The process that runs RunPod's SDK."""

from __future__ import annotations

from typing import Any

import pytest

from labeltui.runpod.graphql.sdk_child import _Recorder


class Requests:
    """In the place of the requests library."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def post(self, _url: str, **options: Any) -> None:
        self.sent.append(options)


@pytest.mark.parametrize(("team", "more"), [(None, {}), ("team-1", {"X-Team-Id": "team-1"})])
def test_the_team_is_named_beside_the_sdks_own_headers(team: str | None, more: dict[str, str]) -> None:
    requests = Requests()
    _Recorder(requests, team).post("https://api.runpod.io/graphql", headers={"User-Agent": "sdk"})
    assert requests.sent[0]["headers"] == {"User-Agent": "sdk", **more}
