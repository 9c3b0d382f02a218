"""Invitations of annotators: keys that only reach the server."""

from __future__ import annotations

from labeltui.actions.model import Action, Command, Danger
from labeltui.actions.params import NoParams, Params, required_text, switch
from labeltui.domain.rules import conditions


class InviteParams(Params):
    """Parameters of ``invite``."""

    name: str = required_text("the annotator's name, which becomes the client id in Slicer")
    replace: bool = switch("revoke this annotator's earlier invitation; the earlier key then stops working")


class RevokeParams(Params):
    """Parameters of ``invite revoke``."""

    name: str = required_text("name of the invited annotator")


INVITE = Command(
    "invite", "Invite an annotator",
    "make a key that only reaches the server, and print the text that an annotator needs; it is shown only once",
    danger=Danger.CHANGE, command=("invite",), disabled=conditions.cannot_invite, takes=InviteParams,
)  # fmt: skip
INVITE_LIST = Command(
    "invite.list", "List invitations",
    "list invited annotators: since when, and whether they have access to this host and are connected",
    command=("invite", "list"), disabled=conditions.cannot_invite, takes=NoParams,
)  # fmt: skip
INVITE_REVOKE = Command(
    "invite.revoke", "Revoke an invitation", "remove an annotator's key from the host, and cut the connection",
    danger=Danger.DESTRUCTIVE, command=("invite", "revoke"), disabled=conditions.cannot_invite,
    question=conditions.ask_revoke, takes=RevokeParams,
)  # fmt: skip
INVITE_INSTALL = Command(
    "invite.install", "Install earlier invitations",
    "give access to this host to every annotator that you invited earlier, and print the address for each",
    danger=Danger.CHANGE, command=("invite", "install"), disabled=conditions.cannot_invite,
    question=conditions.ask_install, takes=NoParams,
)  # fmt: skip

INVITATION_ACTIONS: tuple[Action, ...] = (INVITE, INVITE_LIST, INVITE_REVOKE, INVITE_INSTALL)
