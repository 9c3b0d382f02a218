"""Callbacks are called in order until they unsubscribe."""

from __future__ import annotations

import pytest

from labeltui.support.subscribers import Subscribers


def test_callbacks_are_called_in_order_until_they_unsubscribe() -> None:
    heard: list[str] = []
    subscribers: Subscribers[[str]] = Subscribers()
    stop = subscribers.add(lambda text: heard.append(f"first {text}"))
    subscribers.add(lambda text: heard.append(f"second {text}"))
    subscribers.notify("a")
    stop()
    stop()
    subscribers.notify("b")
    assert heard == ["first a", "second a", "second b"]


def test_one_callback_subscribed_twice_is_called_twice_and_each_ends_on_its_own() -> None:
    heard: list[str] = []
    subscribers: Subscribers[[str]] = Subscribers()
    stops = [subscribers.add(heard.append), subscribers.add(heard.append)]
    subscribers.notify("a")
    stops[0]()
    subscribers.notify("b")
    assert heard == ["a", "a", "b"]
    stops[1]()
    assert not subscribers


def test_subscribing_and_unsubscribing_while_notified_take_effect_the_next_time() -> None:
    heard: list[str] = []
    subscribers: Subscribers[[]] = Subscribers()

    def first() -> None:
        heard.append("first")
        stop()
        subscribers.add(lambda: heard.append("third"))

    stop = subscribers.add(first)
    subscribers.add(lambda: heard.append("second"))
    subscribers.notify()
    assert heard == ["first", "second"]
    subscribers.notify()
    assert heard == ["first", "second", "second", "third"]


def test_an_exception_of_a_callback_reaches_the_notifier() -> None:
    subscribers: Subscribers[[]] = Subscribers()
    subscribers.add(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        subscribers.notify()
