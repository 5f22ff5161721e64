"""Reading templates: CloudFormation's YAML and JSON, with lines."""

from pathlib import Path

import pytest

from harness.errors import TemplateError
from harness.topology import read_document


def write(folder: Path, text: str, name: str = "template.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_short_forms_of_functions_come_out_in_their_long_form(tmp_path):
    body = read_document(
        write(tmp_path, "A: !Ref X\nB: !GetAtt X.Outputs.Y\nC: !Sub '${X}'\nD: !If [Y, !Ref Z, 1]\nE: !Condition C\n")
    ).body
    assert body == {
        "A": {"Ref": "X"},
        "B": {"Fn::GetAtt": ["X", "Outputs.Y"]},
        "C": {"Fn::Sub": "${X}"},
        "D": {"Fn::If": ["Y", {"Ref": "Z"}, 1]},
        "E": {"Condition": "C"},
    }


def test_a_date_stays_a_string_and_a_number_as_key_becomes_one(tmp_path):
    body = read_document(write(tmp_path, "Version: 2012-10-17\nresponses:\n  200: ok\n  on: yes\n")).body
    assert body == {"Version": "2012-10-17", "responses": {"200": "ok", "on": True}}


def test_every_key_and_item_has_its_line(tmp_path):
    document = read_document(write(tmp_path, "A:\n  B:\n    - x\n    - C: !Sub\n        - a\n        - {D: 1}\n"))
    assert document.line("A", "B") == 2
    assert document.line("A", "B", 1, "C") == 4
    assert document.line("A", "B", 1, "C", "Fn::Sub", 1, "D") == 6
    assert document.line("A", "B", 1, "not there") == 4
    assert document.line("nowhere") == 1


@pytest.mark.parametrize("indent", ["\t", "  "])
def test_json_has_lines_too_also_with_tabs(tmp_path, indent):
    text = '{\n%s"A": {\n%s%s"B": "x\\/y"\n%s}\n}\n'.replace("%s", indent)
    document = read_document(write(tmp_path, text, "template.json"))
    assert document.body == {"A": {"B": "x/y"}}
    assert document.line("A", "B") == 3


def test_anchors_and_merges_are_resolved_and_own_keys_win(tmp_path):
    body = read_document(write(tmp_path, "A: &a {x: 1, y: 2}\nB:\n  <<: *a\n  y: 3\n")).body
    assert body["B"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("name", "text", "line", "says"),
    [
        ("template.yaml", "A:\n  B: [1,\nC: 2\n", 2, "not valid YAML"),
        ("template.yaml", "A: 1\nB: 2\nA: 3\n", 3, "the key 'A' stands here for the second time"),
        ("template.yaml", "- A\n", 1, "must be a mapping"),
        ("template.json", '{\n  "A" 1\n}\n', 2, "not valid JSON"),
    ],
)
def test_template_mistake_has_file_line_and_surrounding_text(tmp_path, name, text, line, says):
    file = write(tmp_path, text, name)
    with pytest.raises(TemplateError, match=says) as caught:
        read_document(file)
    assert str(caught.value).startswith(f"{file}:")
    assert caught.value.line == line
    if "mapping" not in says:
        assert f"{caught.value.line:5} | " in str(caught.value)


def test_missing_file_raises_template_error(tmp_path):
    with pytest.raises(TemplateError, match="cannot be read"):
        read_document(tmp_path / "missing.yaml")


LAUGHS = "A: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{here.upper()}: &{here} [{', '.join([f'*{there}'] * 10)}]\n"
    for there, here in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("Resources:\n  A: &a\n    B: *a\n", 3, "the anchor &a holds its own alias"),
        ("Resources:\n  A: &a\n    <<: *a\n", 3, "the anchor &a holds its own alias"),
        (LAUGHS, 6, "more than 200,000 values"),
        ("A: 1\nB: " + "[" * 3000 + "]" * 3000, 2, "nested more than 100 levels deep"),
        ("A: 1\nB:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 3000)), 101, "nested more than 100 levels"),
        ('{\n"A": ' + '{"a":' * 3000 + "1" + "}" * 3001, 2, "nested more than 100 levels deep"),
        ("A: &a " + "[" * 60 + "]" * 60 + "\nB: " + "[" * 60 + "*a" + "]" * 60, 2, "nested more than 100 levels deep"),
    ],
    ids=["recursive", "merged into itself", "laughs", "flow", "block", "json", "through an alias"],
)
def test_document_without_an_end_is_refused_with_its_line(tmp_path, text, line, problem):
    for name in ("template.yaml", "template.json") if text.startswith("{") else ("template.yaml",):
        with pytest.raises(TemplateError) as refused:
            read_document(write(tmp_path, text, name))
        assert refused.value.line == line
        assert problem in refused.value.problem


def test_aliases_within_the_limits_are_written_out(tmp_path):
    body = read_document(write(tmp_path, "A: &a {x: 1}\nB: [*a, *a]\nC:\n  <<: *a\n  y: 2\n")).body
    assert body == {"A": {"x": 1}, "B": [{"x": 1}, {"x": 1}], "C": {"x": 1, "y": 2}}


def test_number_of_many_digits_stays_a_text(tmp_path):
    text = "1:" * 200_000 + "1"
    assert read_document(write(tmp_path, f"A: {text}\n")).body == {"A": text}
