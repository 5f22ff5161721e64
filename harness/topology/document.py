"""YAML and JSON as CloudFormation reads them, with the line of every key and item.

CloudFormation takes YAML 1.1 with its own tags (`!Sub`, `!GetAtt`), each the short form of a function
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html). The body comes out in the long,
JSON form, so that everything above sees one notation.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import TemplateError
from harness.topology.document_structure import loader, structure_problem

Location = tuple[str | int, ...]
"""The keys and indexes that lead to a value: ("Resources", "Function", "Properties", "Layers", 0)."""

_YAML = "tag:yaml.org,2002:"
_EXCERPT_LINES = 2
_LONGEST_NUMBER = 1000
"""Longer scalars take minutes to parse: `1:1:1:...` is a base 60 number in YAML 1.1."""


@dataclass(frozen=True)
class Document:
    """A file's content as plain data, and the line (from 1) of each value."""

    file: Path
    body: dict[str, Any]
    lines: Mapping[Location, int]

    def line(self, *location: str | int) -> int:
        """The line of a value, or of its nearest container in the file."""
        for end in range(len(location), 0, -1):
            if (line := self.lines.get(location[:end])) is not None:
                return line
        return 1


def read_document(file: Path) -> Document:
    """Read a template, or any YAML or JSON file whose top level is a mapping.

    Raises TemplateError if the file cannot be read or parsed, repeats a key, or is not a mapping.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(file, 1, 1, f"cannot be read: {error}") from error
    if text.lstrip().startswith("{"):
        text = _check_json(file, text)
    if found := structure_problem(text):
        raise TemplateError(file, found.line, found.column, found.problem, _excerpt(text, found.line, found.column))
    try:
        root = yaml.compose(text, Loader=loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark and error.context_mark and mark.line >= len(text.splitlines()):
            mark = error.context_mark  # an unclosed token is better shown where it opens than at the end
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = " ".join(filter(None, [error.context, error.problem]))
        raise TemplateError(file, line, column, f"not valid YAML: {problem}", _excerpt(text, line, column)) from error
    except yaml.YAMLError as error:
        raise TemplateError(file, 1, 1, f"not valid YAML: {error}") from error
    if not isinstance(root, yaml.MappingNode):
        raise TemplateError(file, 1, 1, "the top level must be a mapping with the key Resources")
    lines: dict[Location, int] = {}
    return Document(file, _Builder(file, text, lines).mapping(root, ()), lines)


def _check_json(file: Path, text: str) -> str:
    """The JSON parser reports errors in JSON's terms; valid JSON is also YAML, except for tabs between tokens.

    A text that begins like JSON and is not may still be YAML in flow style, so only a `.json` file must be JSON.
    """
    try:
        json.loads(text)
    except RecursionError:
        return text.replace("\t", " ")  # too deep nesting is reported below
    except json.JSONDecodeError as error:
        if file.suffix == ".json":
            excerpt = _excerpt(text, error.lineno, error.colno)
            raise TemplateError(file, error.lineno, error.colno, f"not valid JSON: {error.msg}", excerpt) from error
        return text
    return text.replace("\t", " ")


def _excerpt(text: str, line: int, column: int) -> str:
    """The lines around an error, with a mark below the column."""
    lines = text.splitlines()
    shown: list[str] = []
    for number in range(max(1, line - _EXCERPT_LINES), min(len(lines), line + _EXCERPT_LINES) + 1):
        shown.append(f"{number:5} | {lines[number - 1]}")
        if number == line:
            shown.append(f"      | {' ' * (column - 1)}^")
    return "\n".join(shown)


class _Builder:
    """Converts the parser's nodes to plain data and fills `lines`."""

    def __init__(self, file: Path, text: str, lines: dict[Location, int]) -> None:
        self._file = file
        self._text = text
        self._lines = lines
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, location: Location) -> Any:
        if node.tag.startswith("!") and node.tag != "!":
            return self._function(node, location)
        return self._plain(node, location)

    def mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        body: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_YAML}merge":
                for part in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    if not isinstance(part, yaml.MappingNode):
                        raise self._error(part, "'<<' merges mappings only")
                    merged = self.mapping(part, location) | merged
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be a plain string")
            # The key as written, not YAML's type: `200:` in an API's responses and `2012-10-17:` are strings.
            key = str(key_node.value)
            if key in body:
                raise self._error(key_node, f"the key {key!r} stands here for the second time")
            self._lines[(*location, key)] = key_node.start_mark.line + 1
            body[key] = self.value(value_node, (*location, key))
        return {**{key: value for key, value in merged.items() if key not in body}, **body} if merged else body

    def _plain(self, node: yaml.Node, location: Location) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self._lines[(*location, index)] = item.start_mark.line + 1
                items.append(self.value(item, (*location, index)))
            return items
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        raise self._error(node, f"cannot be read: {node.tag}")

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if len(node.value) > _LONGEST_NUMBER:
            return str(node.value)
        try:
            match node.tag.removeprefix(_YAML):
                case "int":
                    return self._constructor.construct_yaml_int(node)
                case "float":
                    return self._constructor.construct_yaml_float(node)
                case "bool":
                    return self._constructor.construct_yaml_bool(node)
                case "null":
                    return None
                case _:
                    # A timestamp too: in CloudFormation `Version: 2012-10-17` is a string.
                    return str(node.value)
        except (ValueError, yaml.YAMLError) as error:
            raise self._error(node, str(error)) from error

    def _function(self, node: yaml.Node, location: Location) -> dict[str, Any]:
        name = node.tag.removeprefix("!")
        name = name if name in ("Ref", "Condition") else f"Fn::{name}"
        inner = (*location, name)
        self._lines[inner] = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            # `!GetAtt Resource.Attribute` is the only short form whose long form has another shape.
            value: Any = node.value.split(".", 1) if name == "Fn::GetAtt" and "." in node.value else node.value
        else:
            value = self._plain(node, inner)
        return {name: value}

    def _error(self, node: yaml.Node, problem: str) -> TemplateError:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        return TemplateError(self._file, line, column, problem, _excerpt(self._text, line, column))
