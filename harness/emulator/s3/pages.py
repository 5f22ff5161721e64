"""What pages of any origin may do with S3, as on AWS: read what is public, use a presigned URL or form, and what the bucket's
CORS configuration allows them.

On AWS only the application can sign. Here the secret of the account's key is public, so what it signs for a page counts only
where the bucket's CORS configuration names the origin of the page.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

import re
from typing import Any

from localstack import config
from localstack.aws.api import RequestContext
from localstack.services.s3.models import s3_stores
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from harness.emulator import door
from harness.emulator.access.secret_keys import secret_of
from harness.emulator.door import Host

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_WEBSITE = re.compile(r"(?P<bucket>.+)\.s3-website\.([a-z0-9-]+\.)?localhost(\.localstack\.cloud)?")


def may_call(context: RequestContext, page: door.Page) -> bool:
    """Whether a page that is no deployed site's may make a call of S3."""
    keys = _access_keys(context)
    everybody_can_sign = any(config.S3_SKIP_SIGNATURE_VALIDATION or not secret_of(key).known for key in keys)
    if context.request.method in _READING and (page.is_person or not everybody_can_sign):
        # Only the person sees it; what has no signature, or a verified one, is for S3 to decide.
        return True
    rule = _cors_rule(context, page.origin)
    if everybody_can_sign:
        return rule is not None and page.origin in rule["AllowedOrigins"]
    return bool(keys) or rule is not None


def _access_keys(context: RequestContext) -> list[str]:
    """The keys that sign a request: in its query, its header, or its form."""
    request = context.request
    fields = [*request.args.items(multi=True)]
    if request.method == "POST" and "multipart/form-data" in (request.headers.get("Content-Type") or ""):
        fields += request.form.items(multi=True)
    keys = [value.partition("/")[0] for name, value in fields if name.lower() in ("x-amz-credential", "awsaccesskeyid")]
    signed = request.headers.get("Authorization") and extract_access_key_id_from_auth_header(request.headers)
    # LocalStack signs what has no signature.
    return [*keys, signed] if signed and signed != "injectedaccesskey" else keys


def _cors_rule(context: RequestContext, origin: str | None) -> Any:
    """The rule of the bucket's CORS configuration that allows the origin this method, None without one."""
    bucket = _bucket((context.service_request or {}).get("Bucket"))
    if bucket is None or origin is None:
        return None
    for rule in (bucket.cors_rules or {}).get("CORSRules", ()):
        allowed = any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), origin) for each in rule["AllowedOrigins"])
        if allowed and context.request.method in rule["AllowedMethods"]:
            return rule
    return None


def _bucket(name: str | None) -> Any:
    for regions in list(s3_stores.values()):
        for store in list(regions.values()):
            if name in store.buckets:
                return store.buckets[name]
    return None


def is_website(host: Host) -> bool:
    """Whether a bucket with a website is served from this host."""
    found = _WEBSITE.fullmatch(host.name)
    if found is None:
        return False
    bucket = _bucket(found["bucket"])
    return bucket is not None and bucket.website_configuration is not None


def install() -> None:
    door.let_pages_in("s3", may_call)
    door.serve_site(is_website)
