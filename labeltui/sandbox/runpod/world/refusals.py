"""RunPod's messages for refused requests."""

from __future__ import annotations

NO_CAPACITY = (
    "There are no longer any instances available with the requested specifications. "
    "Please refresh and try again."
)
NO_RESOURCES = "This machine does not have the resources to deploy your pod. Please try a different machine"
HOST_FULL = "There are not enough free GPUs on the host machine to start this pod."
SOMETHING = "Something went wrong. Please try again later or contact support."
OVER_LIMIT = (
    "INSUFFICIENT_BALANCE: Renting this pod would put you over your current spending limit (${limit}/hr)"
)


class Refusal(Exception):
    """The API refuses a request. ``status`` is the HTTP status; ``code`` is GraphQL's ``extensions.code``."""

    def __init__(self, status: int, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.null = False
