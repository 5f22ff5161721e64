"""POST /pictures: a form with which the caller may upload one picture, within five minutes.

A form (presigned POST) and not a URL to PUT to: only the policy of a form limits how much is uploaded
(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).
"""

import os
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json import JSONDecodeError
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from lumen.http_answers import answer, problem
from lumen.pictures import CONTENT_TYPES, VISIBILITIES, PictureKey

MAX_BYTES = 20 * 1024 * 1024
GOOD_FOR = timedelta(minutes=5)
_ALBUM_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")

logger = Logger()
app = APIGatewayRestResolver(cors=CORSConfig(allow_origin=os.environ["WEB_ORIGIN"]))
# With the bucket's name in the host, the address is that of the bucket's region; else it is us-east-1's, which redirects
# uploads to a new bucket elsewhere (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html).
storage = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


class InvalidUploadError(ValueError):
    """The announced upload is invalid; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The caller's description of the announced picture."""

    content_type: str
    visibility: str = "private"
    album_id: str | None = None


def upload_of(body: Any) -> Upload:
    """The body of the request. Raises InvalidUploadError."""
    if not isinstance(body, dict):
        raise InvalidUploadError("The body must be a JSON object.")
    if unknown := sorted(set(body) - set(Upload.__slots__)):
        raise InvalidUploadError(f"The body has {', '.join(unknown)}, which is not known here.")
    if body.get("content_type") not in CONTENT_TYPES:
        raise InvalidUploadError(f"content_type must be one of {', '.join(CONTENT_TYPES)}.")
    if body.get("visibility", "private") not in VISIBILITIES:
        raise InvalidUploadError(f"visibility must be one of {', '.join(VISIBILITIES)}.")
    album_id = body.get("album_id")
    if album_id is not None and not (isinstance(album_id, str) and _ALBUM_ID.fullmatch(album_id)):
        raise InvalidUploadError("album_id must be the id of an album.")
    return Upload(**body)


def form_for(upload: Upload, key: PictureKey, correlation_id: str) -> dict[str, Any]:
    """`url` and `fields` of the form. Every field is fixed by the policy; the caller adds `file`, as the last one."""
    fields = {
        "Content-Type": upload.content_type,
        "success_action_status": "201",
        "x-amz-meta-correlation-id": correlation_id,
    }
    if upload.album_id is not None:
        fields["x-amz-meta-album-id"] = upload.album_id
    # The minimum is 0 bytes: an empty file is rejected later, like any other file that is not a picture.
    conditions: list[Any] = [{name: value} for name, value in fields.items()] + [["content-length-range", 0, MAX_BYTES]]
    form: dict[str, Any] = storage.generate_presigned_post(
        os.environ["BUCKET"],
        key.incoming,
        Fields=fields,
        Conditions=conditions,
        ExpiresIn=int(GOOD_FOR.total_seconds()),
    )
    return form


@app.post("/pictures")
def sign_upload() -> Response[str]:
    try:
        upload = upload_of(app.current_event.json_body)
    except (InvalidUploadError, JSONDecodeError, TypeError) as error:
        told = str(error) if isinstance(error, InvalidUploadError) else "The body must be a JSON object."
        return problem(400, "Invalid upload", told)
    claims = app.current_event.request_context.authorizer.claims or {}
    key = PictureKey(upload.visibility, claims["sub"], str(uuid.uuid4()))
    correlation_id = app.lambda_context.aws_request_id
    logger.info("signed", extra={"picture_id": key.picture_id, "correlation_id": correlation_id})
    expires_at = datetime.now(UTC) + GOOD_FOR
    return answer(
        {
            "picture_id": key.picture_id,
            "upload": form_for(upload, key, correlation_id),
            "expires_at": expires_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "max_bytes": MAX_BYTES,
        },
        status=201,
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
