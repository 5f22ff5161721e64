"""Uploads that go well: from the form to the thumbnail, the usage and the moderators."""

import json
from collections.abc import Callable
from io import BytesIO

import httpx
import pytest
from PIL import Image

from fixtures.services import Queues
from fixtures.uploads import Storage, Uploader, lost, picture, published
from harness import Kind, NewFlow

NewUploader = Callable[[], Uploader]


def test_picture_is_kept_with_thumbnail_and_announced_once(
    flow: NewFlow, http: httpx.Client, uploader: NewUploader, storage: Storage, queue: Queues
):
    ada, content = uploader(), picture(size=(800, 600))
    with flow() as f:
        form = ada.upload(content)
    f.settle()
    [event] = published(f)
    assert event["type"] == "PictureProcessed"
    assert event["data"] == {
        "user_id": ada.user_id,
        "picture_id": form.picture_id,
        "key": f"pictures/private/{ada.user_id}/{form.picture_id}",
        "thumbnail_key": f"thumbnails/private/{ada.user_id}/{form.picture_id}",
        "content_type": "image/jpeg",
        "width": 800,
        "height": 600,
        "size_bytes": len(content),
    }
    told = ada.look(form)
    assert told["status"] == "kept"
    assert http.get(told["url"]).content == content
    thumbnail = http.get(told["thumbnail_url"])
    assert thumbnail.headers["Content-Type"] == "image/jpeg"
    assert Image.open(BytesIO(thumbnail.content)).size == (400, 300)
    assert lost(f) == []
    assert queue("uploads", "FailedUploadsQueue").left_by(f) == []
    # Neither the thumbnail nor the kept picture was taken for another upload.
    assert storage.functions_run(f) == ["CountUsageFunction", "ProcessUploadFunction", "SignUploadFunction"]


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "GIF"])
def test_every_format_that_browsers_show_is_taken(flow: NewFlow, uploader: NewUploader, image_format: str):
    ada, content_type = uploader(), f"image/{image_format.lower()}"
    with flow() as f:
        form = ada.upload(picture(image_format), content_type)
    f.settle()
    assert [event["data"]["content_type"] for event in published(f)] == [content_type]
    assert ada.look(form)["status"] == "kept"


def test_a_picture_of_a_camera_that_was_held_upright_is_turned(
    flow: NewFlow, http: httpx.Client, uploader: NewUploader
):
    """EXIF's orientation 6: what is stored as 64 by 48 is shown as 48 by 64, its left side on top."""
    image = Image.new("RGB", (640, 480), "white")
    image.paste("red", (0, 0, 320, 480))
    ada = uploader()
    with flow() as f:
        form = ada.upload(picture(image=image, orientation=6))
    f.settle()
    [event] = published(f)
    assert (event["data"]["width"], event["data"]["height"]) == (480, 640)
    thumbnail = Image.open(BytesIO(http.get(ada.look(form)["thumbnail_url"]).content)).convert("RGB")
    assert thumbnail.size == (300, 400)
    above, below = (thumbnail.getpixel((150, y)) for y in (50, 350))
    assert isinstance(above, tuple)
    assert isinstance(below, tuple)
    assert above[1] < 60 < 200 < below[1]
    # Where it was taken and by whom stays with the picture.
    assert dict(thumbnail.getexif()) == {}


def test_picture_event_has_album_and_correlation_of_its_form(flow: NewFlow, uploader: NewUploader):
    ada = uploader()
    with flow() as f:
        form = ada.upload(picture(), album_id="holidays-2026")
    f.settle()
    [event] = published(f)
    assert event["data"]["album_id"] == "holidays-2026"
    # One action of a person, from the form on.
    assert event["correlation_id"] == form.fields["x-amz-meta-correlation-id"]
    assert ada.look(form)["album_id"] == "holidays-2026"


def test_pictures_are_counted_for_whom_they_belong_to(flow: NewFlow, uploader: NewUploader):
    ada, grace = uploader(), uploader()
    small, large = picture(size=(10, 10)), picture(size=(300, 300))
    with flow() as f:
        ada.upload(small)
        ada.upload(large)
        grace.upload(small)
    f.settle()
    assert ada.usage() == {"pictures": 2, "size_bytes": len(small) + len(large)}
    assert grace.usage() == {"pictures": 1, "size_bytes": len(small)}


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_only_public_picture_waits_for_moderation(
    flow: NewFlow, uploader: NewUploader, storage: Storage, visibility: str
):
    ada = uploader()
    with flow() as f:
        form = ada.upload(picture(), visibility=visibility)
    f.settle()
    review = storage.item(ada, f"review#{form.picture_id}")
    if visibility == "public":
        assert review is not None
        assert (review["status"], review["key"]) == ("waiting", f"pictures/public/{ada.user_id}/{form.picture_id}")
    else:
        assert review is None
    assert lost(f) == []


def test_repeated_moderation_message_keeps_the_decision(flow: NewFlow, uploader: NewUploader, storage: Storage):
    """What a moderator said is not undone."""
    ada = uploader()
    with flow() as f:
        form = ada.upload(picture(), visibility="public")
    f.settle()
    storage.decide(ada, f"review#{form.picture_id}", "approved")
    [event] = [i.data["event"] for i in storage.invocations(f, "RequestReviewFunction")]
    # Others' messages may have come in the same batch.
    event = {"Records": [record for record in event["Records"] if ada.user_id in record["body"]]}
    assert storage.invoke("RequestReviewFunction", event) == {"batchItemFailures": []}
    review = storage.item(ada, f"review#{form.picture_id}")
    assert review is not None
    assert review["status"] == "approved"


def test_repeated_upload_notification_changes_nothing(flow: NewFlow, uploader: NewUploader, storage: Storage):
    """S3 delivers at least once (https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html)."""
    ada = uploader()
    with flow() as f:
        form = ada.upload(picture())
    f.settle()
    before, usage = ada.look(form), ada.usage()
    for function in ("ProcessUploadFunction", "CountUsageFunction"):
        [event] = [i.data["event"] for i in storage.invocations(f, function)]
        with flow() as again:
            storage.invoke(function, event)
        again.settle()
        assert published(again) == []
        assert again.find(Kind.CALL, service="s3") == []
    after = ada.look(form)
    assert {**after, "url": "", "thumbnail_url": ""} == {**before, "url": "", "thumbnail_url": ""}
    assert ada.usage() == usage == {"pictures": 1, "size_bytes": before["size_bytes"]}


def test_a_form_is_good_for_one_picture(flow: NewFlow, http: httpx.Client, uploader: NewUploader):
    """A second upload with the same form, after the check of the first, is not shown."""
    ada, first = uploader(), picture(colour="teal")
    with flow() as f:
        form = ada.upload(first)
    f.settle()
    with flow() as again:
        assert ada.send(form, picture(colour="red")).status_code == 201
    again.settle()
    assert published(again) == []
    assert http.get(ada.look(form)["url"]).content == first
    assert ada.usage()["pictures"] == 1


@pytest.mark.parametrize("by", ["its owner", "an administrator"])
def test_a_deleted_picture_leaves_nothing(
    flow: NewFlow, http: httpx.Client, uploader: NewUploader, storage: Storage, by: str
):
    ada = uploader()
    with flow() as f:
        form = ada.upload(picture(), visibility="public")
    f.settle()
    thumbnail = ada.look(form)["thumbnail_url"]
    with flow() as deleted:
        if by == "its owner":
            assert ada.delete(form).status_code == 202
        else:
            storage.delete(f"pictures/public/{ada.user_id}/{form.picture_id}")
    deleted.settle()
    assert ada.read(form).status_code == 404
    assert http.get(thumbnail).status_code in (403, 404)
    assert storage.item(ada, f"review#{form.picture_id}") is None
    assert ada.usage() == {"pictures": 0, "size_bytes": 0}
    assert lost(deleted) == []


def test_removal_delivered_before_upload_leaves_usage_at_zero(uploader: NewUploader, storage: Storage):
    """S3 keeps no order between the topic and the queue; the sequencer does."""
    ada = uploader()
    key = f"pictures/private/{ada.user_id}/late"
    created, removed = (
        {"eventName": name, "s3": {"object": {"key": key, "size": 7, "sequencer": sequencer}}}
        for name, sequencer in (
            ("ObjectCreated:Put", "0055AED6DCD90281E5"),
            ("ObjectRemoved:Delete", "0055AED6DCD90281E6"),
        )
    )
    for record in (removed, created):
        message = {"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps({"Records": [record]})}
        assert storage.invoke("CountUsageFunction", {"Records": [message]}) == {"batchItemFailures": []}
    assert ada.usage()["size_bytes"] == 0
    assert ada.usage()["pictures"] <= 0
