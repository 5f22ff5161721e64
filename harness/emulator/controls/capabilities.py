"""What this engine can do beyond AWS's APIs: each part registers its own when it is installed, `/_harness/ready` lists them.

A scenario that needs a capability which a target does not support is skipped with that reason.
"""

_CAPABILITIES: set[str] = set()


def provide(*names: str) -> None:
    """Say that this engine has these capabilities."""
    _CAPABILITIES.update(names)


def withdraw(*names: str) -> None:
    """Say that it has them no longer."""
    _CAPABILITIES.difference_update(names)


def provided() -> list[str]:
    return sorted(_CAPABILITIES)
