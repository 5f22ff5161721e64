"""Containers whose loops go over their state at one moment, and objects whose methods run one at a time."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from harness.emulator.patches import patched


def snapshot(mapping: dict[Any, Any]) -> dict[Any, Any]:
    """What a dict, also one of a subclass, holds at one moment.

    Copying runs no Python code, but memory that is freed meanwhile may (finalizers), and then other threads run, too.
    """
    while True:
        try:
            return dict(dict.items(mapping))
        except RuntimeError:
            continue


def detached(answer: Any) -> Any:
    """An answer apart from the store: it is written to the client, and to the journal, after other threads may continue."""
    if isinstance(answer, dict):
        return {name: detached(value) for name, value in snapshot(answer).items()}
    return [detached(value) for value in answer] if isinstance(answer, list) else answer


class SteadyDict(dict[Any, Any]):
    """A dict that may be changed while another thread goes through it."""

    def __iter__(self) -> Iterator[Any]:
        return iter(snapshot(self))

    def __reversed__(self) -> Iterator[Any]:
        return reversed(snapshot(self))

    def copy(self) -> dict[Any, Any]:
        return snapshot(self)

    def keys(self) -> KeysView[Any]:  # type: ignore[override]
        return snapshot(self).keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        return snapshot(self).values()

    def items(self) -> ItemsView[Any, Any]:  # type: ignore[override]
        return snapshot(self).items()


class SteadyDefaultDict(defaultdict[Any, Any]):
    """The same of a defaultdict; two threads that ask for a missing key get the same value."""

    def __missing__(self, key: Any) -> Any:
        if self.default_factory is None:
            raise KeyError(key)
        return self.setdefault(key, self.default_factory())

    __iter__ = SteadyDict.__iter__
    __reversed__ = SteadyDict.__reversed__
    keys = SteadyDict.keys  # type: ignore[assignment]
    values = SteadyDict.values  # type: ignore[assignment]
    items = SteadyDict.items  # type: ignore[assignment]


def steady(value: Any) -> Any:
    """The steady kind of a new, empty dict; anything else as it is: it may be shared, or hold what others loop over."""
    if value:
        return value
    kind = type(value)
    if kind is dict or kind is OrderedDict:
        return SteadyDict()
    return SteadyDefaultDict(value.default_factory) if kind is defaultdict else value


def steady_attributes(model: type[Any], *names: str) -> None:
    """Make these attributes (all, without names) steady that are set to an empty dict in objects of this class."""

    def set_attribute(original: Any, self: Any, name: str, value: Any) -> None:
        original(self, name, steady(value) if not names or name in names else value)

    patched(model, "__setattr__", because="a loop over a dict of an object fails where another call changes it")(
        set_attribute
    )


def guarded(model: type[Any], *methods: str) -> None:
    """Run these methods one at a time, whatever objects of the class they are of; they must call nothing that waits."""
    lock = threading.RLock()

    def one_at_a_time(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with lock:
            return original(*args, **kwargs)

    for name in methods:
        patched(model, name, because="objects are written while others list them, outside of the monitor")(
            one_at_a_time
        )
