"""The page of the documentation that lists the patches."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

_HEAD = """# Changes to foreign code

The emulator completes LocalStack and moto in the process in which they run. Each change of their behaviour, and of the
libraries below them, is declared with its reason (`harness/emulator/patches`), and was written against the source of
{packages}.

`/_harness/ready` and `harness doctor` name every target whose source is another.

This page is generated from the register: `make patches`.

`wraps` calls the original, or may; `replaces` never does; `inserts` puts a handler into a chain; `overrides` is a method of a
subclass. Of two patches of one target the one with the higher layer lies around the other.
"""


def render(content: Mapping[str, Any]) -> str:
    parts = [_HEAD.format(packages=", ".join(sorted(set(content["packages"].values()))))]
    rows = sorted(content["patches"], key=lambda row: (_part(row), *_declaration(row), row["target"]))
    parts.append(f"{len(rows)} patches of {len({row['target'] for row in rows})} targets.\n")
    for part, of_part in groupby(rows, key=_part):
        parts.append(f"## {part}\n")
        parts.append("| target | | why | page |\n|---|---|---|---|")
        parts.extend(_row(list(same)) for _, same in groupby(of_part, key=_declaration))
        parts.append("")
    return "\n".join(parts)


def _part(row: Mapping[str, Any]) -> str:
    return str(row["module"].removeprefix("harness.emulator").lstrip(".").split(".")[0] or "the engine")


def _declaration(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["module"], row["because"], row["source"], row["how"], row["layer"]


def _row(rows: Sequence[Mapping[str, Any]]) -> str:
    """One row for what one declaration changes, such as each part of a library's queries."""
    row = rows[0]
    how = row["how"] + (f", layer {row['layer']}" if row["layer"] else "")
    target = "<br>".join(f"`{each['target']}`" for each in rows)
    page = f"[source]({row['source']})" if row["source"] else ""
    why = row["because"].replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
    return f"| {target} | {how} | {why} | {page} |"
