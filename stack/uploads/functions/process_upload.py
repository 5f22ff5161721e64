"""S3, a new object in incoming/: checks the upload, keeps it with a thumbnail, and announces it to the other services.

A picture is decided once: a second upload with one form, or an event that S3 delivers again, changes nothing. A file
that is not a picture has a result, PictureRejected. If storage, table or bus do not respond, Lambda retries, and the
event ends in FailedUploadsQueue.
"""

import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote_plus

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import S3Event
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.domain_events import DomainEvent, publish
from lumen.pictures import PictureKey
from PIL import Image, ImageOps, UnidentifiedImageError

SOURCE = "lumen.uploads"
MAX_PIXELS = 40_000_000
THUMBNAIL_PIXELS = (400, 400)
THUMBNAIL_TYPE = "image/jpeg"
# What Pillow calls them; MPO is what some telephones make of a JPEG: several in one.
_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_UNDECODABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)

logger = Logger()
storage = boto3.client("s3")
events = boto3.client("events")
pictures = boto3.resource("dynamodb").Table(os.environ["PICTURES_TABLE"])
decided = DynamoDBPersistenceLayer(table_name=os.environ["DECIDED_TABLE"])
# The object's key holds the id of the picture; an event that S3 delivers again may have another event id.
once = IdempotencyConfig(event_key_jmespath="key", raise_on_no_idempotency_key=True, expires_after_seconds=30 * 86400)


class RejectedError(Exception):
    """What was uploaded is not kept; `reason` is one of the schema of PictureRejected, the message is for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Picture:
    """A checked picture as it is displayed, after the rotation in its EXIF data; in pixels."""

    content_type: str
    width: int
    height: int
    thumbnail: bytes


def begins_like_a_picture(content: bytes) -> bool:
    riff = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return riff or content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"))


def look_at(content: bytes, announced: str) -> Picture:
    """Decode what was uploaded. Raises RejectedError."""
    if not content:
        raise RejectedError("empty", "The file is empty.")
    try:
        image = Image.open(BytesIO(content), formats=("JPEG", "PNG", "WEBP", "GIF"))
    except Image.DecompressionBombError as error:
        raise RejectedError("too-many-pixels", f"A picture may have {MAX_PIXELS} pixels.") from error
    except (UnidentifiedImageError, *_UNDECODABLE) as error:
        if begins_like_a_picture(content):
            raise RejectedError("corrupt", "The file is damaged: it ends before the picture begins.") from error
        raise RejectedError(
            "not-a-picture", "The file is no JPEG, PNG, WebP or GIF, whatever its name says."
        ) from error
    # Before anything is decoded: a few kilobytes may unpack to gigabytes.
    if image.width * image.height > MAX_PIXELS:
        said = f"The picture has {image.width * image.height} pixels; it may have {MAX_PIXELS}."
        raise RejectedError("too-many-pixels", said)
    content_type = _TYPES[str(image.format)]
    if content_type != announced:
        raise RejectedError("wrong-type", f"The file was announced as {announced} and is {content_type}.")
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return Picture(content_type, upright.width, upright.height, thumbnail_of(upright))
    except _UNDECODABLE as error:
        raise RejectedError("corrupt", f"The file is damaged: {error}"[:1000]) from error


def thumbnail_of(image: Image.Image) -> bytes:
    """The picture as a small JPEG without EXIF data; transparent parts are white."""
    # What most cameras make is made smaller first: four bytes for each of its pixels would take longer than all else.
    small = image.copy() if image.mode in ("RGB", "L") else image.convert("RGBA")
    small.thumbnail(THUMBNAIL_PIXELS, reducing_gap=2.0)
    small = small.convert("RGBA")
    opaque = Image.new("RGB", small.size, "white")
    opaque.paste(small, mask=small.getchannel("A"))
    written = BytesIO()
    opaque.save(written, "JPEG", quality=82)
    return written.getvalue()


def store(event: DomainEvent, **further: Any) -> None:
    """Write the fact down for its user."""
    item = {name: value for name, value in event.data.items() if name not in ("user_id", "picture_id")}
    pictures.put_item(
        Item={
            "user_id": event.data["user_id"],
            "item": f"picture#{event.data['picture_id']}",
            "decided_at": event.occurred_at,
            **item,
            **further,
        }
    )


def decide(bucket: str, key: PictureKey, fallback_correlation_id: str) -> DomainEvent:
    """What becomes of an upload: the domain event of it. All that it says is written when this returns."""
    data: dict[str, Any] = {"user_id": key.user_id, "picture_id": key.picture_id}
    correlation_id = fallback_correlation_id
    try:
        content, announced, metadata = fetch(bucket, key.incoming)
        correlation_id = metadata.get("correlation-id", correlation_id)
        if "album-id" in metadata:
            data["album_id"] = metadata["album-id"]
        picture = look_at(content, announced)
    except RejectedError as rejection:
        data |= {"key": key.incoming, "reason": rejection.reason, "detail": str(rejection)}
        event = DomainEvent.of("PictureRejected", data, fact=key.picture_id, correlation_id=correlation_id)
        store(event, status="rejected")
        return event
    data |= {
        "key": key.picture,
        "thumbnail_key": key.thumbnail,
        "content_type": picture.content_type,
        "width": picture.width,
        "height": picture.height,
        "size_bytes": len(content),
    }
    event = DomainEvent.of("PictureProcessed", data, fact=key.picture_id, correlation_id=correlation_id)
    storage.put_object(Bucket=bucket, Key=key.thumbnail, Body=picture.thumbnail, ContentType=THUMBNAIL_TYPE)
    store(event, status="kept")
    # Last: the picture's removal, once announced, finds everything to remove. The content is the checked one, not the
    # current object in incoming/: the form may have been used again.
    storage.put_object(Bucket=bucket, Key=key.picture, Body=content, ContentType=picture.content_type)
    return event


def fetch(bucket: str, key: str) -> tuple[bytes, str, Mapping[str, str]]:
    """What was uploaded, the type that was announced, and what the form said besides. Raises RejectedError."""
    try:
        found = storage.get_object(Bucket=bucket, Key=key)
    except storage.exceptions.NoSuchKey as error:
        raise RejectedError("missing", "The upload was deleted before anybody looked at it.") from error
    return found["Body"].read(), found["ContentType"], found["Metadata"]


@idempotent_function(data_keyword_argument="upload", persistence_store=decided, config=once)
def process(*, upload: dict[str, str]) -> str:
    """Decide one upload (`bucket`, `key`, `correlation_id`) and announce it; returns the id of the domain event."""
    key = PictureKey.of(upload["key"])
    event = decide(upload["bucket"], key, upload["correlation_id"])
    publish(events, bus_name=os.environ["EVENT_BUS_NAME"], source=SOURCE, event=event)
    logger.info(event.type, extra={"event_id": event.event_id, "correlation_id": event.correlation_id, **event.data})
    return event.event_id


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    once.register_lambda_context(context)
    for record in S3Event(event).records:
        upload = {"bucket": record.s3.bucket.name, "key": unquote_plus(record.s3.get_object.key)}
        process(upload={**upload, "correlation_id": context.aws_request_id})
