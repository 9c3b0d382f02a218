"""Names of annotators, and the invitations of host and desk as one list."""

from __future__ import annotations

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.invitations import Invitation, Invitations, checked_name, merged
from labeltui.domain.problems import Misused


@pytest.mark.parametrize("name", ["anna", "Dr.Ben-2_b", "7", "a" * 32])
def test_plain_names_are_allowed(name: str) -> None:
    assert checked_name(name, "labeltui") == name


@pytest.mark.parametrize(
    "name",
    ["", "a" * 33, "-rf", ".ssh", "a b", "a/b", "a\nb", "a'b", "[red]x", "a\x1b", "ä", "list", "Revoke",
     "user-xyz", "LabelTUI", "a$(id)", "a\u202eb"],
)  # fmt: skip
def test_hostile_and_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(Misused) as refused:
        checked_name(name, "labeltui")
    assert refused.value.problem.code == Code.BAD_NAME


def test_the_hosts_knowledge_counts_and_the_desk_adds_what_the_host_lacks() -> None:
    desk = [Invitation("anna", "k1"), Invitation("ben", "k2")]
    host = [Invitation("Anna", "k1", installed=True, connected=None), Invitation("eve", "k3", installed=True)]
    found = Invitations(merged(host, desk))
    assert [one.name for one in found.all] == ["Anna", "ben", "eve"]
    assert [one.name for one in found.missing] == ["ben"]
    assert [one.words for one in found.all] == ["unknown", "not on this host", "not connected"]
    assert found.find("BEN") == desk[1]
    assert found.find("b") is None


def test_settings_that_weaken_an_invitation_are_warned_of() -> None:
    assert Invitations().warnings() == ()
    (warning,) = Invitations(sockets=True).warnings()
    assert "UNIX sockets" in warning
    assert "AllowTcpForwarding" in Invitations(forwards=False).warnings()[0]
