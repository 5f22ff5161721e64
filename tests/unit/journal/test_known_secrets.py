"""Known secrets are cut wherever they stand, also as the parts that a shortened text leaves."""

import pytest

from harness.journal.redaction.known import Known

SECRET = "Correct-horse-7-battery"
MARK = "<secret:password 23 chars #00000000>"
KNOWN = Known({MARK: SECRET})


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (f"it was {SECRET}.", f"it was {MARK}."),
        (f'client..."{SECRET}"', f'client..."{MARK}"'),
        ("{'password': 'Correct-ho...attery'}", f"{{'password': '{MARK}...{MARK}'}}"),
        ("tail ...7-battery' and Correct-h...", f"tail ...{MARK}' and {MARK}..."),
        ("a...b and no...tery that is none", f"a...b and no...{MARK} that is none"),
        ("nothing... here", "nothing... here"),
    ],
)
def test_known_secret_is_cut_whole_and_in_parts(text, cut):
    assert KNOWN.cut(text) == cut


def test_secret_with_escapes_is_cut_as_json_writes_it():
    secret = 'quo"te\nand-more-7'
    assert Known({MARK: secret}).cut(r"said quo\"te\nand-more-7 twice") == f"said {MARK} twice"


@pytest.mark.parametrize("secret", ["1234567", "ordinary", "username"])
def test_short_values_and_plain_words_are_left(secret):
    assert Known({MARK: secret}).cut(f"the {secret}s") == f"the {secret}s"
