"""Makes the changes, and registers each before it is made."""

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

from harness.emulator.patches.register import REGISTER, Patch, PatchError

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)
_MISSING: Any = object()


def patched(
    target: Any, name: str | None = None, *, because: str, source: str = "", layer: int = 0, when: bool = True
) -> Callable[[F], F]:
    """Lay the decorated function around a function or method; it is given that as its first argument.

    `target` is a function, found where it is defined; or, with `name`, the module, class or object that has it under this
    name. A bound method gets no `self` besides the original. Raises PatchError if the target is missing, or another patch
    of it has the same `layer`.
    """
    owner, attribute = (target, name) if name is not None else _defined_in(target)

    def decorate(function: F) -> F:
        _change(owner, attribute, _Layer(layer, function, wraps=True), because, source, when)
        return function

    return decorate


def replaced(
    owner: Any,
    name: str,
    value: Any,
    *,
    because: str,
    source: str = "",
    layer: int = 0,
    when: bool = True,
    is_new: bool = False,
) -> None:
    """Put `value` in the place of an attribute of a module, class or object. `is_new` where the owner has none of this name
    (a special method, say, that its base has)."""
    _change(owner, name, _Layer(layer, value, wraps=False), because, source, when, is_new=is_new)


def entered(owner: Any, name: str, keys: Sequence[str], value: Any, *, because: str, source: str = "") -> None:
    """Put `value` into a foreign table: under `keys`, one for each level, of the dict `name` in the module `owner`. What
    has taken the table before it is changed sees the value, too."""
    table = getattr(owner, name, None)
    for key in keys[:-1]:
        table = table.get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise PatchError(f"{_name_of(owner)} has no table {name} with {' > '.join(keys[:-1]) or 'entries'}")
    target = f"{_name_of(owner)}:{name}" + "".join(f"[{key}]" for key in keys)
    REGISTER.add(Patch(target, "replaces", because, source, _caller(), (f"{_name_of(owner)}:#{name}",)))
    table[keys[-1]] = value


def inserted(
    owner: Any,
    name: str,
    handler: Any,
    *,
    because: str,
    source: str = "",
    first: bool = False,
    when: bool = True,
) -> None:
    """Put a handler at the end (or, with `first`, at the beginning) of a chain of LocalStack's: `name` in the module `owner`."""
    chain = getattr(owner, name, None)
    if chain is None:
        raise PatchError(f"{_name_of(owner)} has no chain {name}")
    handlers = getattr(chain, "handlers", chain)
    target = f"{_name_of(owner)}:{name}"
    # Where the chain stands among the others decides what a handler sees.
    reads = (f"{_name_of(owner)}:#{name}", *_ORDER_OF_CHAINS.get(_name_of(owner), ()))
    REGISTER.add(Patch(target, "inserts", because, source, _caller(), reads))
    if not when:
        return
    if first:
        handlers.insert(0, handler)
    else:
        handlers.append(handler)


_ORDER_OF_CHAINS = {"localstack.aws.handlers": ("localstack.aws.app:LocalstackAwsGateway.__init__",)}


def overrides(because: str, source: str = "") -> Callable[[C], C]:
    """Declare a subclass of a foreign class: each method that it has instead of its base's is a patch of that."""

    def decorate(cls: C) -> C:
        for name in vars(cls):
            base = next((each for each in cls.__mro__[1:] if name in vars(each)), object)
            if _is_ours(base.__module__) or base is object or not callable(getattr(base, name)):
                continue
            target = f"{base.__module__}:{base.__qualname__}.{name}"
            REGISTER.add(Patch(target, "overrides", because, source, cls.__module__, (target,)))
        return cls

    return decorate


@dataclass(order=True, slots=True)
class _Layer:
    layer: int
    value: Any = field(compare=False)
    wraps: bool = field(compare=False)
    module: str = field(compare=False, default="")

    def is_like(self, other: "_Layer") -> bool:
        names = [getattr(each.value, "__qualname__", each.value) for each in (self, other)]
        return self.module == other.module and self.wraps == other.wraps and names[0] == names[1]


@dataclass(slots=True)
class _Target:
    """An attribute of a foreign object, as it was, with what lies around it."""

    owner: Any
    name: str
    original: Any
    """As it stood in its owner: a static method is one here."""
    reads: tuple[str, ...]
    layers: list[_Layer] = field(default_factory=list)

    def lay(self, layer: _Layer) -> None:
        taken = next((each for each in self.layers if each.layer == layer.layer), None)
        if taken is not None and taken.is_like(layer):
            # Whatever made it was called again.
            self.layers.remove(taken)
        elif taken is not None:
            raise PatchError(
                f"{_name_of(self.owner)}.{self.name} is patched by {taken.module} and {layer.module} at layer {layer.layer}: "
                "give each a layer of its own; a higher one lies around a lower one"
            )
        self.layers = sorted((*self.layers, layer))
        current = self.original
        for each in self.layers:
            current = self._around(current, each.value) if each.wraps else each.value
        try:
            setattr(self.owner, self.name, current)
        except AttributeError:  # a frozen object
            object.__setattr__(self.owner, self.name, current)

    def _around(self, inner: Any, function: Callable[..., Any]) -> Any:
        kind = type(inner)
        if kind in (staticmethod, classmethod) and isinstance(self.owner, type):
            called = inner.__get__(None, self.owner)
            return staticmethod(_proxy(called, function)) if kind is staticmethod else _class_method(called, function)
        if not callable(inner):
            raise PatchError(f"{_name_of(self.owner)}.{self.name} is no function; use replaced()")
        return _proxy(inner, function)


_targets: dict[tuple[int, str], _Target] = {}
_lock = threading.RLock()


def _proxy(inner: Any, function: Callable[..., Any]) -> Any:
    @functools.wraps(inner)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(inner, *args, **kwargs)

    return call


def _class_method(called: Any, function: Callable[..., Any]) -> Any:
    @functools.wraps(called)
    def call(_cls: type, *args: Any, **kwargs: Any) -> Any:
        return function(called, *args, **kwargs)

    return classmethod(call)


def _change(
    owner: Any, name: str, layer: _Layer, because: str, source: str, when: bool, *, is_new: bool = False
) -> None:
    layer.module = _caller(3)
    with _lock:
        target = _targets.get((id(owner), name)) or _target(owner, name, is_new)
        path = f"{_name_of(owner)}{'.' if ':' in _name_of(owner) else ':'}{name}"
        how = "wraps" if layer.wraps else "replaces"
        REGISTER.add(Patch(path, how, because, source, layer.module, target.reads, layer.layer))
        if when:
            target.lay(layer)
            _targets[id(owner), name] = target


def _target(owner: Any, name: str, is_new: bool) -> _Target:
    original = inspect.getattr_static(owner, name, _MISSING)
    if original is _MISSING and not is_new:
        raise PatchError(f"{_name_of(owner)} has no attribute {name}")
    if not isinstance(owner, type | ModuleType) and original is not _MISSING:
        # An object's own method is called as it is found there: bound.
        original = getattr(owner, name)
    return _Target(owner, name, original, _reads(owner, name, original))


def _reads(owner: Any, name: str, original: Any) -> tuple[str, ...]:
    """Where to read what the target is: its definition, and its owner's lines with its name where that is elsewhere."""
    where = _name_of(owner)
    module, _, path = where.partition(":")
    if isinstance(owner, FunctionType) or (isinstance(owner, type) and name not in vars(owner)):
        # A default of the function, or inherited: the other members of the class decide.
        return (where,)
    function = inspect.unwrap(getattr(original, "__func__", original)) if original is not _MISSING else None
    if isinstance(function, FunctionType):
        definition = f"{function.__globals__['__name__']}:{function.__qualname__}"
        if function.__name__ == "<lambda>":
            return (f"{module}:{path}#{name}",)
        return (definition,) if definition == _joined(where, name) else (definition, f"{module}:{path}#{name}")
    if isinstance(function, type) and not _is_ours(function.__module__) and function.__module__ != "builtins":
        return (f"{function.__module__}:{function.__qualname__}", f"{module}:{path}#{name}")
    return (f"{module}:{path}#{name}",) if path or original is not _MISSING else (f"{module}:#{name}",)


def _joined(where: str, name: str) -> str:
    return f"{where}.{name}" if ":" in where else f"{where}:{name}"


def _defined_in(target: Any) -> tuple[Any, str]:
    """The class, module or object that a function or method was defined in, and its name there."""
    if isinstance(target, MethodType):
        return target.__self__, target.__name__
    if not isinstance(target, FunctionType):
        raise PatchError(f"{target!r} is no function; name its owner: patched(owner, 'name')")
    module = sys.modules[target.__module__]
    owner: Any = module
    for part in target.__qualname__.split(".<locals>", 1)[0].split(".")[:-1]:
        owner = getattr(owner, part, None)
    if not isinstance(owner, type | ModuleType):
        owner = module
    return owner, target.__name__


def _name_of(owner: Any) -> str:
    if isinstance(owner, ModuleType):
        return owner.__name__
    if isinstance(owner, FunctionType):
        return f"{owner.__module__}:{owner.__qualname__}"
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{kind.__module__}:{kind.__qualname__}"


def _is_ours(module: str) -> bool:
    return module == "harness" or module.startswith("harness.")


def _caller(depth: int = 2) -> str:
    """The module that declares a patch."""
    frame = sys._getframe(depth)
    while frame.f_globals["__name__"] == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return str(frame.f_globals["__name__"])
