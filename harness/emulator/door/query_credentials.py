"""Credentials in the query: any page can make a browser fetch a URL with them, so they count in documented forms only.

- S3: presigned URLs, https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, and those of version 2,
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html#RESTAuthenticationQueryStringAuth
- STS: GetCallerIdentity, with which a client proves who it is
  (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html, as EKS and Vault use it)
- API Gateway and function URLs: what is deployed, https://docs.aws.amazon.com/general/latest/gr/create-signed-request.html
"""

from collections.abc import Sequence
from dataclasses import dataclass

Query = Sequence[tuple[str, str]]
_CREDENTIAL, _OLD_CREDENTIAL = "x-amz-credential", "awsaccesskeyid"


@dataclass(frozen=True, slots=True)
class QueryCredentials:
    """`service` is that of the credential's scope; None where the form of it is not documented for any."""

    access_key: str
    service: str | None


def credentials_in(query: Query) -> QueryCredentials | None:
    """The credentials of a query, None without any."""
    given = [name.lower() for name, _ in query if name.lower() in (_CREDENTIAL, _OLD_CREDENTIAL)]
    fields = {name.lower(): value for name, value in query}
    if len(given) > 1:
        # Another part of the engine might read the other ones.
        return QueryCredentials(fields[given[0]].partition("/")[0], None)
    if _CREDENTIAL in fields:
        parts = fields[_CREDENTIAL].split("/")
        # The key may hold slashes, the scope does not.
        complete = (
            len(parts) >= 5 and parts[-1] == "aws4_request" and {"x-amz-algorithm", "x-amz-signature"} <= set(fields)
        )
        return QueryCredentials(parts[0], parts[-2] if complete else None)
    if _OLD_CREDENTIAL in fields:
        complete = {"signature", "expires"} <= set(fields) and "action" not in fields
        return QueryCredentials(fields[_OLD_CREDENTIAL], "s3" if complete else None)
    return None


Calls = frozenset[tuple[str, str]]
"""Service and operation; `*` is any operation."""


def calls_allowed(found: QueryCredentials, query: Query) -> Calls:
    """What an AWS API may be called for with these credentials; empty for nothing."""
    actions = [value for name, value in query if name.lower() == "action"]
    if found.service == "s3" and not actions:
        return frozenset({("s3", "*")})
    if found.service == "sts" and actions == ["GetCallerIdentity"]:
        return frozenset({("sts", "GetCallerIdentity")})
    return frozenset()
