"""Filters of S3's notifications
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html)."""

import pytest

from harness.topology.patterns import ObjectFilter


@pytest.mark.parametrize(
    ("events", "name", "expected"),
    [
        (("s3:ObjectCreated:*",), "ObjectCreated:Put", True),
        (("s3:ObjectCreated:*",), "s3:ObjectCreated:CompleteMultipartUpload", True),
        (("s3:ObjectCreated:Put",), "ObjectCreated:Copy", False),
        (("s3:ObjectCreated:Put", "s3:ObjectRemoved:*"), "ObjectRemoved:DeleteMarkerCreated", True),
        (("s3:ObjectRemoved:*",), "ObjectCreated:Put", False),
    ],
)
def test_types_of_events(events, name, expected):
    assert bool(ObjectFilter(events).match(name, "key")) is expected


@pytest.mark.parametrize(
    ("prefix", "suffix", "key", "expected"),
    [
        ("images/", ".jpg", "images/cat.jpg", True),
        ("images/", ".jpg", "images/cat.JPG", False),
        ("images/", "", "image/cat.jpg", False),
        # The event's key is URL-encoded, a space is a plus
        # (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
        ("my+images/", "", "my+images/caf%C3%A9.jpg", True),
        ("my images/", ".jpg", "my+images/cat.jpg", True),
        ("", "é.jpg", "caf%C3%A9.jpg", True),
        ("", "", "anything", True),
    ],
)
def test_prefix_and_suffix(prefix, suffix, key, expected):
    assert bool(ObjectFilter(("s3:ObjectCreated:*",), prefix, suffix).match("ObjectCreated:Put", key)) is expected


def test_a_refusal_says_what_the_key_must_be():
    match = ObjectFilter(("s3:ObjectCreated:*",), "uploads/", ".png").match("ObjectCreated:Put", "uploads/cat.PNG")
    assert str(match) == "The key must end with '.png', it is 'uploads/cat.PNG' (case counts)."
    slash = ObjectFilter(("s3:ObjectCreated:*",), "/uploads/").match("ObjectRemoved:Delete", "uploads/cat.png")
    assert "It is about s3:ObjectCreated:*, the event is s3:ObjectRemoved:Delete." in str(slash)
    assert "(keys have no slash in front)" in str(slash)


def test_configurations_that_s3_refuses_as_ambiguous():
    jpg = ObjectFilter(("s3:ObjectCreated:*",), "images/", ".jpg")
    assert jpg.overlaps(ObjectFilter(("s3:ObjectCreated:Put",), "images/cats/", "g"))
    assert not jpg.overlaps(ObjectFilter(("s3:ObjectCreated:*",), "images/", ".png"))
    assert not jpg.overlaps(ObjectFilter(("s3:ObjectRemoved:*",), "images/", ".jpg"))
