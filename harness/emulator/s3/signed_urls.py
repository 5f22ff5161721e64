"""Records the signed URLs that S3 refuses: it refuses them before it has parsed the operation, and before any call is recorded.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.utils.xray.trace_header import TraceHeader

from harness.emulator.host.attachments import ACTIVITY
from harness.emulator.journal.causes import SEGMENTS
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import inserted
from harness.journal.records import Kind


def note_refused(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
    error = context.service_exception
    recorded = ACTIVITY.get(context) is not None or context.service_request is not None
    if not JOURNAL.enabled or recorded or error is None or context.operation is None:
        return
    if context.service is None or context.service.service_name != "s3":
        return
    request = context.request
    header = TraceHeader.from_header_str(request.headers.get("X-Amzn-Trace-Id"))
    bucket, _, key = request.path.lstrip("/").partition("/")
    what = {"service": "s3", "name": context.operation.name, "resource": f"{bucket}/{key}"}
    call = JOURNAL.begin(
        Kind.CALL,
        **what,
        cause=SEGMENTS.get(header.parent),
        trace=header.root or "",
        account_id=context.account_id or "",
        region=context.region or "",
        data={
            "request": {"Bucket": bucket, "Key": key},
            "signed": "url",
            "caller": {"kind": "client", "agent": str(request.headers.get("user-agent", ""))[:80]},
        },
    )
    said = {"code": error.code, "message": error.message or str(error)}
    JOURNAL.end(Kind.CALL, call, **what, data={"status": response.status_code, "error": said})


def install() -> None:
    inserted(handlers, "run_custom_response_handlers", note_refused, because="signed URLs that S3 refuses are recorded")
