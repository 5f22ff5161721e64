"""Applies every patch of the emulator in this process, which serves nothing, and looks for changes that are on no record."""

import importlib
import inspect
import logging
import os
import pkgutil
import sys
import types
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from harness.emulator.patches.register import REGISTER, content_of

_ENVIRONMENT = {
    # Patches that only some settings need.
    "HARNESS_DELAYS": '{"step_functions_factor": 0.5}',
    "HARNESS_ALLOWED_USERS": "nobody",
    "HARNESS_JOURNAL": "on",
    "LAMBDA_RUNTIME_EXECUTOR": "process",
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DNS_ADDRESS": "0",
    "HARNESS_TOKEN": "the token of an engine that serves nothing",
}


def collect() -> dict[str, Any]:
    """The content of `register.json` for what is installed. It patches this process irrevocably: call it in a separate one."""
    apply_all()
    patches = REGISTER.patches
    tops = {place.partition(".")[0].partition(":")[0] for patch in patches for place in patch.reads}
    distributions = metadata.packages_distributions()
    packages = {
        top: f"{distributions[top][0]} {metadata.version(distributions[top][0])}"
        for top in tops
        if top in distributions
    }
    return content_of(patches, packages)


def apply_all() -> None:
    os.environ.update(_ENVIRONMENT)
    # What differs from the register is what is asked here, and no warning.
    logging.getLogger("harness.emulator.patches").setLevel(logging.ERROR)
    import harness.emulator.__main__ as engine
    from harness.emulator.host import older_python
    from harness.emulator.outbound import guard

    guard.install()
    older_python.install()
    engine.read_plugins_from_the_environment()
    engine.keep_bytecode_readable(0)
    engine.close_the_door()
    from harness.emulator import startup
    from harness.emulator.host import service_loading

    for part in startup.PARTS:
        part()
    _create_services()
    service_loading.complete_all()
    for module in _modules():
        importlib.import_module(module)


def _create_services() -> None:
    """The emulator's services complete moto when they are created, which is before the code that waits for them."""
    for entry_point in metadata.entry_points(group="localstack.aws.provider"):
        if entry_point.value.startswith("harness."):
            entry_point.load().factory().create_service()


def _modules() -> Iterator[str]:
    import harness.emulator

    for found in pkgutil.walk_packages(harness.emulator.__path__, "harness.emulator."):
        # Scripts: the first of an engine, of an environment, of a container.
        if not found.name.endswith(("__main__", ".zygote")):
            yield found.name


def unrecorded() -> list[str]:
    """Attributes of foreign modules and classes that are the emulator's, and that no patch put there."""
    # A module may have imported what is patched elsewhere.
    known = {id(inspect.getattr_static(target.owner, name)) for (_, name), target in _laid()}
    found = []
    for name, module in sorted(sys.modules.items()):
        if module is None or name.startswith(("harness", "__")) or not isinstance(module, types.ModuleType):
            continue
        owners: list[Any] = [
            module,
            *(each for each in vars(module).values() if isinstance(each, type) and each.__module__ == name),
        ]
        found += [
            f"{getattr(owner, '__module__', name)}:{owner.__name__}.{attribute}"
            for owner in owners
            for attribute, value in list(vars(owner).items())
            if _is_ours(value) and id(value) not in known and id(inspect.unwrap(value)) not in known
        ]
    return found


_MEANT_TO_BE_EXTENDED = frozenset(
    {
        "jmespath.visitor.Visitor", "jmespath.visitor.TreeInterpreter",
        "localstack.aws.api.core.CommonServiceException", "localstack.aws.api.core.ServiceException",
        "localstack.services.cloudformation.resource_provider.ResourceProvider",
        "localstack.services.lambda_.invocation.runtime_executor.RuntimeExecutor",
        "localstack.state.core.StateVisitor", "plux.core.plugin.Plugin",
        "twisted.internet.protocol.BaseProtocol", "twisted.internet.protocol.Protocol",
    }
)  # fmt: skip
"""Interfaces, whose methods are there to be written by others."""


def undeclared_subclasses() -> list[str]:
    """Methods of foreign classes that a subclass of the emulator replaces, without `overrides`."""
    declared = {(patch.module, patch.target) for patch in REGISTER.patches if patch.how == "overrides"}
    found = []
    for module in [name for name in sys.modules if name.startswith("harness.emulator")]:
        for cls in vars(sys.modules[module]).values():
            if not isinstance(cls, type) or cls.__module__ != module:
                continue
            for name, base in _overridden(cls):
                if (module, f"{base.__module__}:{base.__qualname__}.{name}") not in declared:
                    found.append(f"{module}.{cls.__qualname__}.{name}, of {base.__module__}.{base.__qualname__}")
    return found


def _overridden(cls: type) -> Iterator[tuple[str, type]]:
    for name in vars(cls):
        base = next((each for each in cls.__mro__[1:] if name in vars(each)), object)
        top = base.__module__.partition(".")[0]
        if top == "harness" or top in sys.stdlib_module_names or not callable(getattr(base, name, None)):
            continue
        if f"{base.__module__}.{base.__qualname__}" not in _MEANT_TO_BE_EXTENDED:
            yield name, base


def _laid() -> Any:
    from harness.emulator.patches.changing import _targets

    return _targets.items()


def _is_ours(value: Any) -> bool:
    function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    return isinstance(function, types.FunctionType) and str(function.__globals__.get("__name__", "")).startswith(
        "harness.emulator"
    )


def differences(now: Mapping[str, Any], register: Mapping[str, Any]) -> list[str]:
    """What is not in the register as it is now, one sentence each."""

    def rows(content: Mapping[str, Any]) -> dict[tuple[str, str, str, str], Mapping[str, Any]]:
        return {(row["target"], row["module"], row["how"], row["because"]): row for row in content["patches"]}

    here, there = rows(now), rows(register)
    said = [f"{key[0]}, patched by {key[1]}, is not in the register" for key in here.keys() - there.keys()]
    said += [f"{key[0]} is in the register, and {key[1]} does not patch it" for key in there.keys() - here.keys()]
    said += [
        f"{key[0]}, patched by {key[1]}: its {name} is {here[key][name]!r}, in the register {there[key].get(name)!r}"
        for key in here.keys() & there.keys()
        for name in here[key]
        if list_or_value(here[key][name]) != list_or_value(there[key].get(name))
    ]
    return sorted(said)


def list_or_value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
