"""The functions of the campaigns stack: what the nightly digest says, and how much of it."""

import json
import uuid

import pytest

EXECUTION_INPUT = 262_144
"""Bytes (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""


@pytest.fixture
def digest(function):
    return function("campaigns", "digest")


def test_digest_has_one_line_for_each_album(digest):
    assert digest.compose(["Alps", "The\nsea "]) == "These albums are new:\n\n- Alps\n- The sea"


@pytest.mark.parametrize("character", ["a", "é", "🏔"])
def test_digest_of_many_albums_lists_newest_and_counts_the_rest(digest, character):
    titles = [f"{number} {character * 190}" for number in range(5000)]
    text = digest.compose(titles)
    head, told, ending = text.split("\n\n")
    lines = told.splitlines()
    assert head == "These albums are new:"
    assert lines == [f"- {title}" for title in titles[-len(lines) :]]
    assert ending == f"And {5000 - len(lines):,} more."
    recipients = [str(uuid.uuid4()) for _ in range(digest.RECIPIENTS_AT_ONCE)]
    size = len(json.dumps({"text": text, "recipients": recipients, "title": digest.TITLE}))
    assert EXECUTION_INPUT * 0.7 < size < EXECUTION_INPUT * 0.8
