"""Who fetched a study and who submitted it, although MONAI Label stores only the last of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labeltui.domain.log.lines import event, parse_line
from labeltui.domain.states import StudyState
from labeltui.domain.studies.annotation import Work
from labeltui.domain.studies.datastore import NAMELESS
from labeltui.domain.studies.study import Fetch, Study
from labeltui.monailabel import convert
from labeltui.session.history.studies import StudyEvent, StudyEventKind
from labeltui.session.studies.annotators import Annotators

START = datetime(2026, 11, 26, 12, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def trace(client: str, seconds: int, strategy: str = "first") -> dict[str, Any]:
    return {strategy: {"ts": at(seconds).timestamp(), "client_id": client}}


def known() -> Annotators:
    return Annotators("labeltui", lambda: UTC)


def listed(
    annotators: Annotators, strategies: dict[str, Any] | None = None, final: tuple[str, int] | None = None
) -> Study:
    """Study X, as the server lists it and the memory completes it."""
    labels = (
        {} if final is None else {"final": {"info": {"client_id": final[0], "ts": at(final[1]).timestamp()}}}
    )
    entry = {"image": {"info": {"strategy": strategies or {}}}, "labels": labels}
    return annotators.complete(convert.studies_of({"objects": {"X": entry}})[0])


def printed(annotators: Annotators, logger: str, message: str, seconds: int) -> None:
    """A line of the server's output."""
    line = f"[{at(seconds):%Y-%m-%d %H:%M:%S},000] [7] [MainThread] [INFO] ({logger}:1) - {message}"
    found = event(parse_line(line))
    assert found is not None
    annotators.on_event(found)


def served(annotators: Annotators, study: str, client: str | None, seconds: int) -> None:
    request, sample = {"strategy": "first"}, {"id": study, "path": "/x"}
    if client is not None:
        request["client_id"] = client
    logger = "monailabel.endpoints.activelearning"
    printed(annotators, logger, f"Active Learning Request: {request!r}", seconds)
    printed(annotators, logger, f"Next sample: {sample!r}", seconds)


def saved(annotators: Annotators, client: str | None, seconds: int, *, stored: bool = True) -> None:
    info = {"label_info": []} if client is None else {"label_info": [], "client_id": client}
    message = f"Saving Label for Image: X; Tag: final; Info: {info!r}"
    printed(annotators, "monailabel.datastore.local", message, seconds)
    if stored:
        message = f"Label Info: {info | {'ts': seconds, 'name': 'X.nii.gz'}!r}"
        printed(annotators, "monailabel.datastore.local", message, seconds)


def test_a_study_is_not_open_at_the_author_who_fetched_it_in_the_second_of_the_submit() -> None:
    fraction = timedelta(milliseconds=400)
    fetches = tuple(Fetch("first", client, START + fraction) for client in ("gina", "hugo"))
    study = Study("X", {"final": START}, fetches, authors={"final": "gina"})
    assert study.openers == ("hugo",)
    later = study._replace(fetches=(Fetch("first", "gina", at(1) + fraction),))
    assert later.openers == ("gina",)


def test_a_label_that_is_brought_back_is_no_submission() -> None:
    noted: list[StudyEvent] = []
    annotators = Annotators("labeltui", lambda: UTC, noted.append)
    annotators.begin("/studies")
    info = {"client_id": "alice", "submitted_ts": int(at(5).timestamp())}
    printed(
        annotators,
        "monailabel.datastore.local",
        f"Saving Label for Image: X; Tag: final; Info: {info!r}",
        900,
    )
    stored = {**info, "ts": int(at(900).timestamp()), "name": "X.nii.gz"}
    printed(annotators, "monailabel.datastore.local", f"Label Info: {stored!r}", 900)
    assert noted == []
    entry = {"image": {"info": {}}, "labels": {"final": {"info": stored}}}
    study = annotators.complete(convert.studies_of({"objects": {"X": entry}})[0])
    assert study.tags == {"final": at(5)}
    assert [(one.client, one.at) for one in noted] == [("alice", at(5))]


def test_a_second_person_by_the_same_strategy_is_beside_the_first() -> None:
    annotators = known()
    assert listed(annotators, trace("alice", 1)).openers == ("alice",)
    assert listed(annotators, trace("bob", 2)).openers == ("bob", "alice")


def test_the_servers_output_names_people_whom_no_list_has_shown() -> None:
    annotators = known()
    served(annotators, "X", "al'i\"ce", 1)
    served(annotators, "X", "bob", 2)
    assert listed(annotators, trace("bob", 2)).openers == ("bob", "al'i\"ce")


def test_a_nameless_request_is_one_client_although_monai_label_stores_admin_for_it() -> None:
    noted: list[StudyEvent] = []
    annotators = Annotators("labeltui", lambda: UTC, noted.append)
    annotators.begin("/studies")
    served(annotators, "X", None, 1)
    study = listed(annotators, trace("admin", 1))
    assert (study.openers, {event.client for event in noted}) == ((NAMELESS,), {NAMELESS})


def test_who_fetched_another_study_since_has_put_this_one_aside() -> None:
    annotators = known()
    listed(annotators, trace("alice", 1))
    served(annotators, "Y", "alice", 2)
    assert listed(annotators, trace("bob", 3)).openers == ("bob",)


def test_a_final_label_ends_what_was_fetched_before() -> None:
    annotators = known()
    listed(annotators, trace("alice", 1))
    study = listed(annotators, trace("bob", 2), final=("alice", 9))
    assert (study.openers, study.authors, study.replaced) == ((), {"final": "alice"}, ())


def test_a_final_label_by_another_leaves_the_study_open_at_who_fetched_it() -> None:
    annotators = known()
    served(annotators, "X", "dora", 1)
    served(annotators, "X", None, 2)
    assert listed(annotators, trace("dora", 1)).holders == ()
    study = listed(annotators, trace("dora", 1), final=("anna", 9))
    assert (study.holders, study.openers) == ((Fetch("first", "dora", at(1)),), ())
    served(annotators, "Y", "dora", 20)
    assert listed(annotators, trace("dora", 1), final=("anna", 9)).holders == ()


def test_who_has_submitted_a_label_holds_its_study_no_more() -> None:
    annotators = known()
    listed(annotators, trace("dora", 1))
    assert listed(annotators, trace("dora", 1), final=("dora", 5)).holders == ()
    assert listed(annotators, trace("dora", 1), final=("anna", 9)).holders == ()


def test_another_persons_final_label_replaces_the_first() -> None:
    annotators = known()
    assert listed(annotators, final=("alice", 1)).replaced == ()
    assert listed(annotators, final=("alice", 5)).replaced == ()  # her own, again
    study = listed(annotators, final=("bob", 9))
    assert [label.client for label in study.replaced] == ["alice"]


def test_labels_that_no_list_has_shown_are_in_the_servers_output() -> None:
    annotators = known()
    for number, client in enumerate(("alice", "bob", "bob", None, "carol")):
        saved(annotators, client, number)
    assert [label.client for label in listed(annotators, final=("carol", 4)).replaced] == ["alice", "bob"]


def test_a_label_that_the_server_could_not_store_counts_for_nobody() -> None:
    noted: list[StudyEvent] = []
    annotators = Annotators("labeltui", lambda: UTC, noted.append)
    annotators.begin("/studies")
    saved(annotators, "carl", 1, stored=False)
    saved(annotators, "dora", 2)
    saved(annotators, "carl", 3, stored=False)
    assert [event.client for event in noted] == ["dora"]
    assert listed(annotators, final=("dora", 2)).replaced == ()


def removed(annotators: Annotators, message: str, seconds: int) -> None:
    printed(annotators, "monailabel.datastore.local", message, seconds)


@pytest.mark.parametrize(
    "line",
    [
        "Removing label: X => final",
        "Removing non existing Label Id: 'X' for 'final'",
        "Removing Image: X",
        "Removing non existing Image Id: X",
    ],
)
def test_a_label_in_the_place_of_a_deleted_one_replaces_nobodys(line: str) -> None:
    noted: list[StudyEvent] = []
    annotators = Annotators("labeltui", lambda: UTC, noted.append)
    annotators.begin("/studies")
    saved(annotators, "anna", 1)
    removed(annotators, line, 5)
    saved(annotators, "ben", 9)
    assert listed(annotators, final=("ben", 9)).replaced == ()
    saved(annotators, "cem", 12)
    assert [label.client for label in listed(annotators, final=("cem", 12)).replaced] == ["ben"]
    again = known()
    again.recall(sorted(noted, key=lambda event: event.at))
    again.begin("/studies")
    assert [label.client for label in listed(again, final=("cem", 12)).replaced] == ["ben"]


def test_a_deletion_that_only_lists_show_ends_a_label_too() -> None:
    annotators = known()
    listed(annotators, final=("anna", 1))
    assert listed(annotators).replaced == ()
    assert listed(annotators, final=("ben", 9)).replaced == ()


def test_a_deletion_before_the_studies_are_known_ends_the_label_of_an_earlier_session() -> None:
    annotators = known()
    annotators.recall([StudyEvent("/s", StudyEventKind.LABEL, "X", "anna", "final", at(1))])
    removed(annotators, "Removing label: X => final", 5)
    saved(annotators, "ben", 9)
    annotators.begin("/s")
    assert listed(annotators, final=("ben", 9)).replaced == ()


def test_a_list_that_was_in_transit_is_no_newer_label() -> None:
    annotators = known()
    listed(annotators, final=("alice", 1))
    saved(annotators, "bob", 2)
    assert listed(annotators, final=("alice", 1)).replaced == ()
    assert [label.client for label in listed(annotators, final=("bob", 2)).replaced] == ["alice"]


def test_this_console_is_no_annotator() -> None:
    annotators = known()
    listed(annotators, trace("alice", 1))
    study = listed(annotators, trace("labeltui", 2))
    assert (study.state, study.openers) == (StudyState.OPEN, ("alice",))
    assert listed(known(), trace("labeltui", 2)).state is StudyState.UNLABELLED


def test_a_server_on_other_studies_begins_anew() -> None:
    annotators = known()
    annotators.begin("/a")
    listed(annotators, trace("alice", 1))
    annotators.begin("/a")
    assert listed(annotators, trace("bob", 2)).openers == ("bob", "alice")
    annotators.begin("/b")
    assert listed(annotators, trace("carol", 3)).openers == ("carol",)


def test_the_time_of_a_label_counts_from_its_authors_fetch_and_stays_when_the_study_is_fetched_again() -> (
    None
):
    annotators = known()
    listed(annotators, trace("ben", 30))
    listed(annotators, trace("ana", 100))
    assert listed(annotators, trace("ana", 100)).work is None
    assert listed(annotators, trace("ana", 100), ("ana", 400)).work == Work(300)
    served(annotators, "X", "ana", 500)
    assert listed(annotators, trace("ana", 500), ("ana", 400)).work == Work(300)
    assert listed(annotators, trace("ana", 500), ("eve", 600)).work is None, (
        "nobody knows when eve fetched it"
    )


def test_a_fetch_of_another_study_is_no_pause() -> None:
    annotators = known()
    served(annotators, "X", "ana", 0)
    served(annotators, "Y", "ana", 800)
    assert listed(annotators, trace("ana", 0), ("ana", 1600)).work == Work(1600)


def test_a_reading_that_is_chosen_later_took_the_time_until_it_was_submitted_first() -> None:
    annotators = known()
    listed(annotators, trace("ana", 0))
    assert listed(annotators, trace("ana", 0), ("ana", 60)).work == Work(60.0)
    assert listed(annotators, trace("ben", 100), ("ben", 130)).work == Work(30.0)
    chosen = listed(annotators, trace("ben", 100), ("ana", 600))
    assert chosen.work == Work(60.0)


def test_a_label_submitted_again_takes_no_time_of_other_studies() -> None:
    annotators = known()
    served(annotators, "X", "ana", 0)
    assert listed(annotators, trace("ana", 0), ("ana", 600)).work == Work(600)
    for at_s in range(1200, 7200, 600):
        served(annotators, "Y", "ana", at_s)
    saved(annotators, "ana", 6900)
    work = Work(600 + 300, 6900 - 900)
    assert listed(annotators, trace("ana", 0), ("ana", 6900)).work == work
    assert listed(annotators, trace("ana", 0), ("ana", 6900)).work == work  # however often it is listed


def test_after_a_restart_a_label_took_the_same_time() -> None:
    events = [(StudyEventKind.FETCH, "first", 0), (StudyEventKind.LABEL, "final", 600),
              (StudyEventKind.FETCH, "first", 7000), (StudyEventKind.LABEL, "final", 7200)]  # fmt: skip
    annotators = known()
    annotators.recall([StudyEvent("/s", kind, "X", "ana", detail, at(when)) for kind, detail, when in events])
    annotators.begin("/s")
    assert listed(annotators, trace("ana", 7000), ("ana", 7200)).work == Work(800, 7200 - 800)
