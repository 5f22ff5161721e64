"""STYLE.md: a test is named test_subject_condition_outcome, in plain words."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 60
FORBIDDEN = re.compile(
    r"_(nobody|somebody|whoever|is_told|are_told|of_its_own|of_their_own|mended|likewise|by_itself)(_|$)"
)


def _test_names() -> Iterator[tuple[str, str]]:
    for folder in ("tests", "scenarios"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name in re.findall(r"^\s*(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE):
                yield str(file.relative_to(ROOT)), name


def test_test_names_have_at_most_60_characters():
    names = list(_test_names())
    assert len(names) > 2000
    assert [f"{file}: {name} ({len(name)})" for file, name in names if len(name) > LONGEST] == []


def test_test_names_use_no_word_that_the_style_forbids():
    assert [f"{file}: {name}" for file, name in _test_names() if FORBIDDEN.search(name)] == []
