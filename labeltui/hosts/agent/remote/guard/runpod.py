"""The keys that may stop the pod from inside.

A key that may read a pod may still not stop it, and RunPod offers no harmless request that shows the difference: a
``start`` of a running pod may be answered before the key's scope is looked at, and wakes a pod whose status lags. So
a key is not proven until it has stopped the pod; all that is checked before is that it reads the pod.
"""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from labeltui.domain.guard.stopping import ACCEPTED, FAILED, REFUSED, UNANSWERED, outcome

BASE = "https://api.runpod.io"
DEADLINE_S = 20.0
AGENT = "labeltui-guard"
UNPROVEN = "not proven until used"
DOWN = ("EXITED", "ERROR", "TERMINATED")
_KEY = re.compile(r"[!-~]{8,512}\Z")


@dataclass
class Way:
    """One way. ``works``: True is proven, False ruled out, None not known; ``words`` say how that is known."""

    name: str
    works: bool | None = None
    words: str = UNPROVEN

    def told(self) -> dict[str, Any]:
        """As it stands in the state file."""
        return {"name": self.name, "works": self.works, "words": self.words}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A key goes where it was meant to go, and nowhere else."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


class Api:
    """RunPod's REST v2 for one pod and one key. Answers are (status, document); status 0: no answer, in words."""

    def __init__(self, key: str, pod: str, base: str) -> None:
        self.key, self.pod = key, pod
        self.url = f"{(base or BASE).rstrip('/')}/v2/pods/{pod}"
        self.opener = urllib.request.build_opener(_NoRedirects)

    def get(self) -> tuple[int, Any]:
        """The pod."""
        return self.ask("GET", self.url, None)

    def act_stop(self) -> tuple[int, Any]:
        """Ask RunPod to stop the pod. The guard sends no other action."""
        return self.ask("POST", self.url + "/action", {"action": "stop"})

    def ask(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """One request, with a deadline; never raises."""
        headers = {"Authorization": "Bearer " + self.key, "User-Agent": AGENT, "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            # The address is RunPod's, or what the pod's own environment names in its place.
            request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
            with self.opener.open(request, timeout=DEADLINE_S) as answer:
                return answer.status, _document(answer.read(1 << 20))
        except urllib.error.HTTPError as error:
            try:
                return error.code, _document(error.read(1 << 16))
            except (OSError, HTTPException):
                return error.code, None
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            return 0, {"detail": str(reason).replace(self.key, "***")[:200]}


def _document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def detail(document: Any, key: str = "") -> str:
    """RunPod's own words in an answer."""
    if not isinstance(document, dict):
        return ""
    said = next((document[n] for n in ("detail", "error", "message", "title") if document.get(n)), "")
    text = str(said)[:200]
    return text.replace(key, "***") if key else text


class KeyWay:
    """Stop by REST with a key. Whether the key may do that is known only once it has: nothing harmless shows it."""

    def __init__(self, name: str, api: Api, *, stopped_before: bool = False) -> None:
        self.way, self.api = Way(name), api
        self.stopped_before = stopped_before
        self.refused = False  # a stop was: for as long as this guard lives
        self.failures = 0  # of stops, in a row

    def check(self) -> Any:
        """Read the pod; returns it, when the key can. Changes nothing on RunPod."""
        status, pod = self.api.get()
        pod = pod if status == 200 and isinstance(pod, dict) else None
        if self.refused:
            return pod
        way = self.way
        if pod is not None:
            way.works, way.words = None, f"{UNPROVEN}; it may read the pod"
            if self.stopped_before:
                way.works, way.words = True, "it stopped this pod before"
            self.find_hindrance(pod)
        elif status in (401, 403, 404):
            way.works, way.words = False, f"refused: RunPod does not show the pod to it ({status})"
        else:
            way.works, way.words = None, f"{UNPROVEN}; {_answered(status, pod, self.api.key)}"
        return pod

    def find_hindrance(self, pod: dict[str, Any]) -> None:
        """What keeps even a key with all rights from stopping this pod."""
        why = ""
        actions = pod.get("actions")
        if isinstance(actions, list) and pod.get("status") == "RUNNING" and "stop" not in actions:
            legal = ", ".join(str(a)[:20] for a in actions) or "nothing"
            why = f"RunPod does not let this pod be stopped, only: {legal}"
        if pod.get("cluster"):
            why = "the pod is one of a cluster: RunPod stops only all of them"
        if pod.get("locked") is True:
            why = "the pod is locked: RunPod refuses to stop it until it is unlocked"
        if why:
            self.way.works, self.way.words = False, why

    def is_down(self) -> bool:
        """Whether RunPod shows that the pod does not run."""
        status, pod = self.api.get()
        return status == 200 and isinstance(pod, dict) and pod.get("status") in DOWN

    def stop(self) -> str:
        """Send one stop; returns its outcome, as ``domain/guard/stopping.py`` names them."""
        status, answer = self.api.act_stop()
        result = outcome(status)
        self.failures = self.failures + 1 if result in (FAILED, UNANSWERED) else 0
        words = _answered(status, answer, self.api.key)
        if result == ACCEPTED:
            self.way.works, self.way.words = True, f"RunPod accepts its stop ({status})"
        elif result == REFUSED:
            self.refused = True
            self.way.works, self.way.words = False, f"refused: it may not stop the pod; {words}"
        else:
            self.way.works, self.way.words = None, f"the stop failed: {words}"
        return result


def _answered(status: int, document: Any, key: str) -> str:
    said = detail(document, key)
    if status == 0:
        return f"RunPod was not reached{': ' + said if said else ''}"
    return f"RunPod answered {status}{': ' + said if said else ''}"


class Ways:
    """The keys that may stop the pod, in the order in which they are used."""

    def __init__(
        self,
        environment: dict[str, str],
        operator_key: str = "",
        *,
        stopped_by: str = "",
        before: Ways | None = None,
    ) -> None:
        """``stopped_by`` names the key that stopped this pod before. What ``before`` knows of a key stays known."""
        self.environment, self.operator_key, self.stopped_by = environment, operator_key, stopped_by
        self.pod_id = environment.get("RUNPOD_POD_ID", "")
        base = environment.get("RUNPOD_API_BASE_URL", "")
        known = {(one.way.name, one.api.key, one.api.url): one for one in (before.all if before else ())}
        self.checked = False
        self.all: list[KeyWay] = []
        self.missing: list[str] = []
        own = environment.get("RUNPOD_API_KEY", "").strip()
        for name, key, why in (
            ("the pod's own key", own, "the pod has no API key of its own"),
            ("the operator's key", operator_key.strip(), "the profile does not lend the operator's key"),
        ):
            if _KEY.match(key):
                api = Api(key, self.pod_id, base)
                one = known.get((name, key, api.url)) or KeyWay(name, api, stopped_before=name == stopped_by)
                self.all.append(one)
            else:
                self.missing.append(why)
        if shutil.which("runpodctl") is not None:
            self.missing.append("runpodctl does not count: no version of it is known to speak REST v2")

    def renewed(self, environment: dict[str, str], operator_key: str) -> Ways:
        """With another environment or key of the operator's; a key that was refused stays refused."""
        return Ways(environment, operator_key, stopped_by=self.stopped_by, before=self)

    def check(self) -> Any:
        """Check every key; returns the pod, when one of them can read it."""
        pod = None
        self.checked = True
        for one in self.all if self.pod_id else ():
            pod = one.check() or pod
        return pod

    def chosen(self) -> KeyWay | None:
        """The key that the next stop uses: of those that are not ruled out, the one that failed least."""
        usable = [one for one in self.all if one.way.works is not False] if self.pod_id else []
        return min(usable, key=lambda one: one.failures) if usable else None

    def problem(self) -> str:
        """Why there is none, in words; empty when there is one."""
        if self.chosen() is not None:
            return ""
        if not self.pod_id:
            return "This host does not say which pod of RunPod it is (no RUNPOD_POD_ID)"
        ruled_out = [f"{one.way.name}: {one.way.words}" for one in self.all]
        return "No way to stop this pod works: " + "; ".join([*ruled_out, *self.missing])

    def told(self) -> list[dict[str, Any]]:
        """Each of them for the state file."""
        return [one.way.told() for one in self.all]
