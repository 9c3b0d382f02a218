"""Each field of the state has one owner: the registry names it, the code keeps to it, a store holds it to that."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest

from labeltui.domain.reading import Reading
from labeltui.domain.state import Identity, SessionState
from labeltui.session.runtime.fields import FIELDS, Field, Fields
from labeltui.session.runtime.store import Changed, Store
from tests.paths import ROOT

PACKAGE = ROOT / "labeltui"
EMPTY = SessionState(Identity("p"))


def test_every_field_of_the_state_is_registered_under_its_own_name() -> None:
    assert {field.name for field in FIELDS} == {one.name for one in fields(SessionState)} - {"identity"}
    for field in FIELDS:
        mark = object()
        assert field.read(field.replaced(EMPTY, mark)) is mark
        change = {field.name: mark}
        assert field.read(replace(EMPTY, **change)) is mark


def owners_in_the_code() -> Counter[tuple[str, str]]:
    """(field, module) of every ``own(Fields.x)`` in the package."""
    found: Counter[tuple[str, str]] = Counter()
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(("labeltui", *path.relative_to(PACKAGE).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="own"), args=[ast.Attribute(ast.Name("Fields"), name)]):
                    found[name, module] += 1
    return found


@pytest.mark.slow
def test_the_owner_that_is_registered_is_the_only_module_that_takes_a_field() -> None:
    assert owners_in_the_code() == Counter((field.name, field.owner) for field in FIELDS)


def test_nobody_else_replaces_the_state() -> None:
    callers = [path.name for path in PACKAGE.rglob("*.py") if "store.publish(" in path.read_text()]
    assert callers == ["store.py"]


def test_a_field_is_given_away_once() -> None:
    store = Store(EMPTY)
    store.own(Fields.pod)
    with pytest.raises(
        ValueError, match=r"Fields\.pod has an owner already: labeltui\.session\.pod\.account"
    ):
        store.own(Fields.pod)


def test_subscribers_are_notified_of_the_changed_field_only() -> None:
    store = Store(EMPTY)
    step: Field[str] = Fields.demo_step
    writer = store.own(step)
    notified: list[Changed] = []
    store.subscribe(lambda _state, changed: notified.append(changed))
    writer.write("")
    assert not notified
    writer.write("Setting up")
    assert notified == [{Fields.demo_step}]
    assert writer.value == store.state.demo_step == "Setting up"
    store.publish(replace(store.state, demo_step="", pod=Reading(None, error="away")))
    assert notified[-1] == {Fields.demo_step, Fields.pod}


WRONG = """
from labeltui.session.runtime.fields import Fields
from labeltui.session.runtime.store import Store


def wrong(store: Store) -> None:
    store.own(Fields.pood)
    store.own(Fields.demo_step).write(3)
    store.own(Fields.host).write("connected")
"""


@pytest.mark.slow
def test_mypy_refuses_a_wrong_name_and_a_wrong_type(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", str(tmp_path / "wrong.py")]
    printed = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=False).stdout
    refused = [line.split(":")[1] for line in printed.splitlines() if ": error: " in line]
    assert refused == ["7", "8", "9"], printed
