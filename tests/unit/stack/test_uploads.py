"""Uploads: what is a picture and what is not, keys, wishes, the order of S3's events."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fixtures.uploads import picture


@pytest.fixture
def process(function):
    return function("uploads", "process_upload")


def _reason(process, content, announced="image/jpeg"):
    with pytest.raises(process.RejectedError) as raised:
        process.look_at(content, announced)
    return raised.value.reason


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_is_looked_at(process, image_format):
    announced = f"image/{image_format.lower()}"
    seen = process.look_at(picture(image_format, (1000, 500)), announced)
    assert (seen.content_type, seen.width, seen.height) == (announced, 1000, 500)
    thumbnail = Image.open(BytesIO(seen.thumbnail))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (400, 200))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_a_picture_of_any_colours_has_a_thumbnail(process, mode):
    assert process.look_at(picture("PNG", image=Image.new(mode, (20, 10))), "image/png").width == 20


def test_transparent_pixels_become_white(process):
    seen = process.look_at(picture("PNG", image=Image.new("RGBA", (20, 20), (0, 0, 0, 0))), "image/png")
    assert Image.open(BytesIO(seen.thumbnail)).getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_as_large_as_it_is_shown(process, orientation):
    seen = process.look_at(picture(size=(40, 30), orientation=orientation), "image/jpeg")
    assert (seen.width, seen.height) == ((30, 40) if orientation >= 5 else (40, 30))


def test_a_picture_has_as_many_pixels_as_are_taken(process, monkeypatch):
    monkeypatch.setattr(process, "MAX_PIXELS", 100)
    assert process.look_at(picture(size=(10, 10)), "image/jpeg").width == 10
    assert _reason(process, picture(size=(10, 11))) == "too-many-pixels"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "not-a-picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-a-picture"),
        (b"\xff\xd8\xff", "corrupt"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "corrupt"),
        (b"RIFF\x00\x00\x00\x00WEBP", "corrupt"),
        (picture("PNG"), "wrong-type"),
        (picture("TIFF"), "not-a-picture"),
    ],
)
def test_why_a_file_is_rejected(process, content, reason):
    assert _reason(process, content) == reason


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data(), image_format=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]))
def test_no_damage_is_anything_but_a_rejection(process, data, image_format):
    """A function that fails would be tried again, and again."""
    whole = bytearray(picture(image_format, (16, 16)))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    with suppress(process.RejectedError):
        process.look_at(bytes(whole[: data.draw(st.integers(1, len(whole)))]), f"image/{image_format.lower()}")


def test_keys_are_read_as_they_are_written():
    from lumen.pictures import PictureKey

    key = PictureKey("public", "user", "picture")
    for each in (key.incoming, key.picture, key.thumbnail):
        assert PictureKey.of(each) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "incoming/public/u",
        "incoming/friends/u/p",
        "other/public/u/p",
        "pictures/public/u/p/q",
        "pictures/public//p",
    ],
)
def test_other_keys_are_of_no_picture(key):
    from lumen.pictures import PictureKey

    with pytest.raises(ValueError, match="is the key of no picture"):
        PictureKey.of(key)


@pytest.mark.parametrize(
    ("sequencer", "than", "newer"),
    [("02", "01", True), ("01", "01", False), ("01", "02", False), ("1", "0FFF", True), ("0100", "01", False)],
)
def test_the_later_event_has_the_greater_sequencer(function, sequencer, than, newer):
    assert function("uploads", "count_usage").is_newer(sequencer, than) is newer


def test_a_form_fixes_all_that_it_says(function):
    import base64
    import json

    from lumen.pictures import PictureKey

    sign = function("uploads", "sign_upload")
    upload = sign.upload_of({"content_type": "image/png", "album_id": "a"})
    form = sign.form_for(upload, PictureKey("private", "u", "p"), "c-1")
    conditions = json.loads(base64.b64decode(form["fields"]["policy"]))["conditions"]
    fixed = {name: value for each in conditions if isinstance(each, dict) for name, value in each.items()}
    said = {name: value for name, value in form["fields"].items() if name not in ("policy", "x-amz-signature")}
    assert {**said, "bucket": "pictures"} == fixed
    assert ["content-length-range", 0, sign.MAX_BYTES] in conditions
