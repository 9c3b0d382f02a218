"""Which study the worklist hands out: properties of the rules, over any folder, any edits and any clients."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from labeltui.monailabel.serving.rules import (
    HOLD_S,
    Edits,
    Entry,
    Fetch,
    Times,
    choose,
    client_name,
    holds_of,
)

NOW = 1_800_000_000.0
CLIENTS = ("ana", "ben", "cleo", "", "admin", "user-xyz", "console")
STUDIES = tuple(f"case_{number}" for number in range(6))

clients = st.sampled_from(CLIENTS)
studies = st.sampled_from(STUDIES)
fetches = st.builds(
    Fetch, clients, st.floats(NOW - 3 * HOLD_S, NOW).map(float), st.sampled_from((True, True, False))
)
folders = st.lists(studies, unique=True).flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                Entry,
                st.just(n),
                st.booleans(),
                st.lists(fetches, max_size=3).map(tuple),
                st.just(()),
                st.just(""),
                st.just(0.0),
                st.lists(st.sampled_from(("ana", "ben")), max_size=1).map(tuple),
                st.just(False),
            )
            for n in names
        )
    )
)
edits = st.builds(
    Edits,
    st.lists(studies, unique=True, max_size=4).map(tuple),
    st.dictionaries(studies, st.sampled_from(("ana", "ben")), max_size=3),
    st.frozensets(studies, max_size=2),
)
times = st.builds(
    Times,
    st.just(NOW),
    st.just(HOLD_S),
    st.dictionaries(st.sampled_from(("ana", "ben", "")), st.floats(NOW - 2 * HOLD_S, NOW)),
    st.just(("console",)),
)


def allowed(client: str, entry: Entry, edits: Edits, times: Times) -> bool:
    """The promise of the worklist, said another time."""
    others = [h for h in holds_of(entry, times) if h.client != client or not client]
    assignee = edits.assigned.get(entry.study)
    if entry.readers and (not client or client in entry.readers):
        return False
    return not entry.final and entry.study not in edits.skipped and not others and assignee in (None, client)


@given(st.sampled_from(("ana", "ben", "cleo", "")), folders, edits, times)
def test_a_client_gets_only_what_it_may_have_and_something_if_there_is_anything(client, folder, edits, times):
    choice = choose(client, folder, edits, times)
    may = {entry.study for entry in folder if allowed(client, entry, edits, times)}
    assert set(choice.candidates) <= may
    assert choice.study is None or choice.study in may
    assert bool(choice.study or choice.candidates) == bool(may)
    assert choice.left.free == len(may)
    assert sum(vars(choice.left).values()) == len(folder)


@given(folders, edits, times, st.lists(st.sampled_from(("ana", "ben", "cleo", "")), max_size=12))
def test_no_two_requests_get_one_study_until_somebody_submits(folder, edits, times, asked):
    entries = {entry.study: entry for entry in folder}
    given_to: dict[str, str] = {}
    for client in asked:
        choice = choose(client, entries.values(), edits, times)
        study = choice.study or next(iter(choice.candidates), None)
        if study is None:
            continue
        assert given_to.get(study, client) == client
        assert client or study not in given_to
        given_to[study] = client
        entry = entries[study]
        entries[study] = Entry(study, entry.final, (*entry.fetches, Fetch(client, times.now)))


@given(folders, edits, times)
def test_the_operators_order_is_followed(folder, edits, times):
    choice = choose("dora", folder, edits, times)  # holds nothing, and is assigned nothing
    may = [entry.study for entry in folder if allowed("dora", entry, edits, times)]
    first = [study for study in edits.order if study in may]
    assert choice.study == (first[0] if first else None)


@given(edits)
def test_edits_survive_their_file(edits):
    assert Edits.of(json.loads(json.dumps(edits.document()))) == edits


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)
                    | st.dictionaries(st.sampled_from(("order", "assigned", "skipped", "x")), inner)))  # fmt: skip
def test_a_malformed_file_of_edits_is_read_as_far_as_it_goes(document):
    read = Edits.of(document)
    assert all(isinstance(one, str) for one in (*read.order, *read.skipped, *read.assigned))


def entry(study: str, *fetched: tuple[str, float], final: bool = False) -> Entry:
    return Entry(study, final, tuple(Fetch(client, NOW - ago) for client, ago in fetched))


def test_a_named_client_gets_its_unfinished_study_back_after_any_time_unless_another_has_it():
    mine = entry("b", ("ana", 5 * HOLD_S))
    assert choose("ana", [entry("a"), mine], Edits(), Times(NOW)).study == "b"
    taken = entry("b", ("ana", 5 * HOLD_S), ("ben", 60))
    assert choose("ana", [entry("a"), taken], Edits(), Times(NOW)).candidates == ("a",)
    later = entry("c", ("ana", 60), final=True)  # submitted, so the older one was given up
    assert choose("ana", [entry("a"), mine, later], Edits(), Times(NOW)).candidates == ("a", "b")


def test_clients_without_a_name_never_get_what_anybody_has():
    folder = [entry("a", ("user-xyz", 60)), entry("b", ("admin", 60)), entry("c", ("ana", 60)), entry("d")]
    for client in ("user-xyz", "admin", None, 7, " "):
        assert choose(client_name(client), folder, Edits(), Times(NOW)).candidates == ("d",)


def test_a_hold_lasts_as_long_as_its_client_is_active():
    old = entry("a", ("ana", 1.5 * HOLD_S))
    assert holds_of(old, Times(NOW)) == ()
    assert [h.client for h in holds_of(old, Times(NOW, activity={"ana": NOW - 60}))] == ["ana"]
    assert holds_of(old, Times(NOW, activity={"ben": NOW - 60})) == ()


def test_the_consoles_own_fetch_holds_nothing():
    assert holds_of(entry("a", ("console", 1)), Times(NOW, ignored=("console",))) == ()


def test_assigned_studies_come_first_for_their_annotator_and_for_nobody_else():
    folder, edits = [entry(s) for s in "abc"], Edits(order=("b",), assigned={"c": "ana"})
    assert choose("ana", folder, edits, Times(NOW)).study == "c"
    assert choose("ben", folder, edits, Times(NOW)).study == "b"
    assert choose("ben", folder, edits, Times(NOW)).left.assigned == 1


def test_a_study_whose_download_failed_is_not_given_to_the_same_client_again_while_there_are_others():
    failed = Entry("a", fetches=(Fetch("ana", NOW - 1, recorded=False),))
    assert choose("ana", [failed, entry("b")], Edits(), Times(NOW)).candidates == ("b",)
    assert choose("ana", [failed], Edits(), Times(NOW)).candidates == ("a",)
    assert choose("ben", [failed], Edits(), Times(NOW)).candidates == ()
