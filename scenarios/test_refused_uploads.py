"""Uploads that go wrong: what S3 does not take, what is no picture, and what could not be decided about."""

import base64
import json
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from fixtures.services import Api, Queues
from fixtures.uploads import Form, Storage, Uploader, lost, picture, published
from harness import Faults, Kind, NewFlow

NewUploader = Callable[[], Uploader]
MAX_BYTES = 20 * 1024 * 1024


def _policy(form: Form) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.b64decode(form.fields["policy"]))
    return decoded


def _error(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    """S3's status, code and message."""
    root = ElementTree.fromstring(answer.text)
    return answer.status_code, root.findtext("Code"), root.findtext("Message")


def _bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that unpacks to millions of black pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(width + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _rejected(
    flow: NewFlow, uploader: NewUploader, storage: Storage, content: bytes, content_type: str
) -> dict[str, Any]:
    """Upload what is not kept; returns the domain event of it."""
    ada = uploader()
    with flow() as f:
        form = ada.upload(content, content_type, album_id="holidays")
    f.settle()
    [event] = published(f)
    assert event["type"] == "PictureRejected"
    told = ada.look(form)
    assert (told["status"], told["reason"]) == ("rejected", event["data"]["reason"])
    assert "url" not in told
    assert storage.keys(ada) == [f"incoming/private/{ada.user_id}/{form.picture_id}"]
    assert ada.usage() == {"pictures": 0, "size_bytes": 0}
    assert {name: event["data"][name] for name in ("user_id", "picture_id", "key", "album_id")} == {
        "user_id": ada.user_id,
        "picture_id": form.picture_id,
        "key": f"incoming/private/{ada.user_id}/{form.picture_id}",
        "album_id": "holidays",
    }
    # It is a result and no failure.
    assert [invocation.error for invocation in storage.invocations(f, "ProcessUploadFunction")] == [None]
    assert lost(f) == []
    return event


def test_an_empty_file_is_rejected(flow: NewFlow, uploader: NewUploader, storage: Storage):
    assert _rejected(flow, uploader, storage, b"", "image/png")["data"]["reason"] == "empty"


def test_a_text_file_with_another_name_is_rejected(flow: NewFlow, uploader: NewUploader, storage: Storage):
    event = _rejected(flow, uploader, storage, b"Dear diary,\n" * 100, "image/jpeg")
    assert event["data"]["reason"] == "not-a-picture"


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_that_was_cut_off_is_rejected(
    flow: NewFlow, uploader: NewUploader, storage: Storage, image_format: str
):
    whole = picture(image_format, (300, 300))
    event = _rejected(flow, uploader, storage, whole[: len(whole) // 2], f"image/{image_format.lower()}")
    assert event["data"]["reason"] == "corrupt"


def test_fifty_megapixels_in_a_few_kilobytes_are_rejected(flow: NewFlow, uploader: NewUploader, storage: Storage):
    bomb = _bomb(10_000, 5_000)
    assert len(bomb) < 100_000
    assert _rejected(flow, uploader, storage, bomb, "image/png")["data"]["reason"] == "too-many-pixels"


def test_upload_of_another_type_than_announced_is_rejected(flow: NewFlow, uploader: NewUploader, storage: Storage):
    assert _rejected(flow, uploader, storage, picture("PNG"), "image/jpeg")["data"]["reason"] == "wrong-type"


def test_upload_deleted_before_processing_is_rejected_as_missing(
    flow: NewFlow, uploader: NewUploader, storage: Storage
):
    """S3 sends the notification nevertheless, and late."""
    ada = uploader()
    form = ada.form()
    key = f"incoming/private/{ada.user_id}/{form.picture_id}"
    record = {"eventName": "ObjectCreated:Post", "s3": {"bucket": {"name": storage.bucket}, "object": {"key": key}}}
    with flow() as f:
        storage.invoke_later("ProcessUploadFunction", {"Records": [record]})
    f.settle()
    [event] = published(f)
    assert (event["type"], event["data"]["reason"]) == ("PictureRejected", "missing")
    assert ada.look(form)["status"] == "rejected"


def test_unpublished_upload_event_is_dead_lettered_and_redriven(
    flow: NewFlow, uploader: NewUploader, storage: Storage, faults: Faults, queue: Queues
):
    ada = uploader()
    form = ada.form()
    about_it = f"Entries[0].Source == 'lumen.uploads' && contains(Entries[0].Detail, '{form.picture_id}')"
    with faults.failing("events", "PutEvents", code="InternalException", when=about_it), flow() as f:
        assert ada.send(form, picture()).status_code == 201
        f.settle(hurry=True)
    [failed] = queue("uploads", "FailedUploadsQueue").left_by(f)
    [first, *others] = [i.data["event"] for i in storage.invocations(f, "ProcessUploadFunction")]
    assert failed.body["requestPayload"] == first
    assert others == [first, first]
    assert failed.body["requestContext"]["condition"] == "RetriesExhausted"
    [reason] = lost(f)
    assert "ProcessUploadFunction" in reason
    with flow() as handed_back:
        storage.invoke_later("ProcessUploadFunction", failed.body["requestPayload"])
    handed_back.settle()
    [event] = published(handed_back)
    assert (event["type"], event["data"]["picture_id"]) == ("PictureProcessed", form.picture_id)
    assert ada.usage()["pictures"] == 1


def test_object_without_a_form_is_sent_to_the_failure_queue(flow: NewFlow, storage: Storage, queue: Queues):
    """An object was put into the bucket by hand."""
    key = f"incoming/notes-{datetime.now(UTC).timestamp()}.txt"
    with flow() as f:
        storage.put(key, b"to do")
    f.settle(hurry=True)
    [failed] = queue("uploads", "FailedUploadsQueue").left_by(f)
    assert failed.body["requestPayload"]["Records"][0]["s3"]["object"]["key"] == key
    assert failed.body["responsePayload"]["errorType"] == "ValueError"
    assert published(f) == []
    storage.delete(key)


def test_uncountable_message_fails_alone_in_its_batch(flow: NewFlow, uploader: NewUploader, storage: Storage):
    ada = uploader()
    good = {
        "eventName": "ObjectCreated:Put",
        "s3": {"object": {"key": f"pictures/private/{ada.user_id}/1", "size": 7, "sequencer": "01"}},
    }
    bad = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "elsewhere", "size": 7, "sequencer": "01"}}}
    messages = [
        {"messageId": str(n), "eventSource": "aws:sqs", "body": json.dumps({"Records": [record]})}
        for n, record in enumerate((bad, good))
    ]
    with flow():
        answer = storage.invoke("CountUsageFunction", {"Records": messages})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert ada.usage() == {"pictures": 1, "size_bytes": 7}


# What S3 does not take. In words and codes of S3's own:
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html


def test_upload_form_is_bound_to_user_key_size_and_five_minutes(uploader: NewUploader):
    ada = uploader()
    one, other = ada.form(), ada.form()
    assert one.picture_id != other.picture_id
    policy = _policy(one)
    left = datetime.fromisoformat(policy["expiration"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    assert {"key": f"incoming/private/{ada.user_id}/{one.picture_id}"} in policy["conditions"]
    assert ["content-length-range", 0, MAX_BYTES] in policy["conditions"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"key": "incoming/private/somebody-else/1"}, 'Policy Condition failed: ["eq", "$key", '),
        ({"Content-Type": "text/html"}, 'Policy Condition failed: ["eq", "$Content-Type", "image/jpeg"]'),
        ({"Content-Type": None}, 'Policy Condition failed: ["eq", "$Content-Type", "image/jpeg"]'),
        ({"x-amz-meta-album-id": "another"}, "Extra input fields: x-amz-meta-album-id"),
        ({"acl": "public-read"}, "Extra input fields: acl"),
    ],
)
def test_a_form_with_another_field_than_was_signed_is_refused(
    flow: NewFlow, uploader: NewUploader, storage: Storage, changed: dict[str, str | None], message: str
):
    ada = uploader()
    form = ada.form()
    with flow() as f:
        status, code, said = _error(ada.send(form, picture(), **changed))
    f.settle()
    assert (status, code) == (403, "AccessDenied")
    assert (said or "").startswith(f"Invalid according to Policy: {message}")
    assert storage.keys(ada) == []
    assert f.find(Kind.INVOCATION) == []
    [reason] = f.explain()
    assert "refused the signed form" in reason.sentence


def test_a_form_whose_policy_was_widened_is_refused(flow: NewFlow, uploader: NewUploader, storage: Storage):
    ada = uploader()
    form = ada.form()
    wider = _policy(form)
    wider["conditions"] = [
        c if c[:1] != ["content-length-range"] else [*c[:2], 10**12] for c in map(_listed, wider["conditions"])
    ]
    with flow() as f:
        answer = ada.send(form, picture(), policy=base64.b64encode(json.dumps(wider).encode()).decode())
    f.settle()
    status, code, _ = _error(answer)
    assert (status, code) == (403, "SignatureDoesNotMatch")
    assert storage.keys(ada) == []
    assert f.find(Kind.INVOCATION) == []


def _listed(condition: Any) -> Any:
    return (
        condition
        if isinstance(condition, list)
        else next(["eq", f"${name}", value] for name, value in condition.items())
    )


def test_upload_of_one_byte_too_much_is_refused(flow: NewFlow, uploader: NewUploader, storage: Storage):
    ada = uploader()
    form = ada.form()
    with flow() as f:
        answer = ada.send(form, bytes(MAX_BYTES + 1))
    f.settle()
    root = ElementTree.fromstring(answer.text)
    assert (answer.status_code, root.findtext("Code")) == (400, "EntityTooLarge")
    assert root.findtext("Message") == "Your proposed upload exceeds the maximum allowed size"
    assert (root.findtext("ProposedSize"), root.findtext("MaxSizeAllowed")) == (str(MAX_BYTES + 1), str(MAX_BYTES))
    assert storage.keys(ada) == []
    assert f.find(Kind.INVOCATION) == []


def test_a_form_that_has_expired_is_refused(flow: NewFlow, aws: Any, uploader: NewUploader, storage: Storage):
    """An administrator signed it: those of the API are good for five minutes."""
    ada = uploader()
    key = f"incoming/private/{ada.user_id}/1"
    signed = aws("s3").generate_presigned_post(storage.bucket, key, ExpiresIn=-1)
    with flow() as f:
        answer = ada.send(Form("1", signed["url"], signed["fields"], ""), picture())
    f.settle()
    assert _error(answer) == (403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    assert storage.keys(ada) == []
    [reason] = f.explain()
    assert reason.cause == "signed-form-expired"


def test_upload_bucket_refuses_requests_without_a_form(
    http: httpx.Client, engine: Any, uploader: NewUploader, storage: Storage
):
    ada = uploader()
    form = ada.upload(picture())
    url = f"{engine.endpoint_url}/{storage.bucket}/incoming/private/{ada.user_id}/{form.picture_id}"
    assert http.get(url).status_code == 403
    assert http.put(url, content=b"other").status_code == 403
    assert http.delete(url).status_code == 403


def test_picture_of_another_user_returns_404(flow: NewFlow, uploader: NewUploader):
    ada, eve = uploader(), uploader()
    with flow() as f:
        form = ada.upload(picture())
    f.settle()
    assert eve.read(form).status_code == 404
    assert eve.delete(form).status_code == 404
    assert ada.look(form)["status"] == "kept"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content_type": "image/svg+xml"},
        {"content_type": "image/png", "visibility": "friends"},
        {"content_type": "image/png", "album_id": "../../else"},
        {"content_type": "image/png", "key": "incoming/private/somebody-else/1"},
        [],
        "image/png",
        None,
    ],
)
def test_invalid_upload_request_returns_400(uploads_api: Api, uploader: NewUploader, body: Any):
    answer = uploads_api.post("/pictures", body, token=uploader().token)
    assert answer.status_code == 400
    assert answer.json()["title"] == "Invalid upload"


def test_form_request_without_token_returns_401(uploads_api: Api):
    answer = uploads_api.post("/pictures", {"content_type": "image/png"})
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    # A browser must be allowed to read that.
    assert answer.headers["Access-Control-Allow-Origin"] == "https://lumen.example"


def test_upload_cors_allows_only_the_lumen_origin(http: httpx.Client, uploads_api: Api, uploader: NewUploader):
    asks = {"Origin": "https://lumen.example", "Access-Control-Request-Method": "POST"}
    preflight = http.options(f"{uploads_api.base_url}/pictures", headers=asks)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://lumen.example"
    form = uploader().form()
    of_bucket = http.options(form.url, headers=asks)
    assert of_bucket.status_code == 200
    assert of_bucket.headers["Access-Control-Allow-Origin"] == "https://lumen.example"
    elsewhere = http.options(form.url, headers={**asks, "Origin": "https://evil.example"})
    assert elsewhere.status_code == 403
