"""Secrets in texts without a known structure: log lines, error messages, stack traces, URLs, forms, XML, source code.

They are known by their form (`forms`), by the scheme before them (`Bearer ...`), or by a name (`names`) before a value:
`password=...`, `"password": "..."` with as many backslashes as JSON inside JSON needs, `<Password>...</Password>`, a field of a
multipart form. An assignment of a variable in code (`password=person.password`) is no secret.
"""

import base64
import binascii
import re

from harness.journal.redaction import forms, signs
from harness.journal.redaction.forms import Mark
from harness.journal.redaction.marking import is_mark
from harness.journal.redaction.names import (
    AUTHORIZATION,
    CODE,
    COOKIE,
    MAYBE_CODE,
    PASSWORD,
    SECRET,
    TOKEN,
    kind_of_name,
)

_LONGEST_VALUE = 65_536
_WRAPPED = r"(?:[\"']\n(?:E[ \t])?[ \t]{0,200}(?:[+-][ \t]{1,200})?[\"'])"
"""Where pytest continues a long text in the next line, in a value or in a diff."""
_PAIR = re.compile(
    r"(?:(?<![\w%.$-])|(?<=%(?:3[FfBb]|2[26]|5B|5b|7B|7b|2C|2c)))(?P<name>[A-Za-z_][\w.$-]{0,100}+)"
    r"(?:%5[Dd]|\])?(?:\\{0,16}[\"']|%22)?"
    r"(?P<is>[ \t]{0,24}(?:=>|=|:|%3[ADad])[ \t]{0,4}(?:\[[ \t]{0,4})?)" + _WRAPPED + r"?"
    r"(?P<quote>[bru]?\\{0,16}[\"']|%22)?"
)
_ENVELOPE = re.compile(
    r"\{[^{}]{0,300}?\b(?:S|N|B|Value|[sS]tringValue|[bB]inaryValue)\\{0,16}[\"']\s{0,4}:\s{0,4}"
    r"(?P<quote>b?\\{0,16}[\"'])"
)
"""The form in which DynamoDB and messages wrap an attribute."""
_SECURE = "SecureString"
_BARE = re.compile(r"(?:(?!%26|%22)[^\s&\"'<>\\;])+")
_LINE = re.compile(r"[^\r\n\"'<>\\]+")
_NOTHING = re.compile(
    r"(?:none|null|nil|true|false|undefined|required|optional|string|\*+|\.\.\.|x{3,})?$|arn:aws[a-z-]*:|\$[{(]|\{\{|\{#+\}|%\(",
    re.IGNORECASE,
)
"""Values that are no secret, and those that refer to where the secret is."""
_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*+(?:[\[(]|$)")
_SCHEME = re.compile(
    r"\s*(?P<scheme>bearer|basic|token|digest|negotiate|apikey|aws4-[\w-]{1,30}|aws)\s+(?P<rest>\S.*)", re.I | re.S
)
_SIGNATURE = re.compile(r"(?P<name>\bSignature=)(?P<value>[0-9A-Fa-f]{16,512}+)")
_SCHEME_IN_TEXT = re.compile(
    r"(?<![\w-])(?P<scheme>bearer|basic)(?P<space>[ \t]{1,4}|%20|\+)(?P<value>[A-Za-z0-9._~+/-]{8,}+=*+)", re.IGNORECASE
)
_NO_AUTHORIZATION = frozenset({"NONE", "AWS_IAM", "CUSTOM", "JWT", "COGNITO_USER_POOLS"})
_ELEMENT = re.compile(
    r"<(?:(?P<space>[\w-]{1,64}+):)?(?P<name>[A-Za-z_][\w.-]{0,100}+)(?:\s[^<>]{0,400}+)?>(?:\s{0,8}<!\[CDATA\[)?(?P<value>(?:[^<>\]]|\](?!\]>)){1,65536}+)"
    r"(?=</|\]\]>)"
)
_END_OF_LINE = r"(?:\r?\n|(?:\\{1,8}r)?\\{1,8}n)"
_FIELD = re.compile(
    r"(?P<before>\bname=\\{0,8}\"?(?P<name>[\w.-]{1,100}+)\\{0,8}\"?[^\r\n\\]{0,400}+"
    rf"{_END_OF_LINE}(?:[^\r\n\\]{{1,400}}+{_END_OF_LINE}){{0,4}}+{_END_OF_LINE})(?P<value>[^\r\n\\]{{1,65536}}+)"
)
_CODE_SAID = re.compile(r"\b(?P<said>code(?: is| was)?:?[ \t]{1,3})(?P<value>\d{6,8})(?!\w)", re.IGNORECASE)
_OTHER_CODE = re.compile(
    r"(?:error|status|exit|zip|postal|post|area|country|http|return|response|reason|close)\W*$", re.I
)
_PASSWORD_SAID = re.compile(
    r"(?P<said>\bpassword(?: is|:)[ \t]{1,3}" + _WRAPPED + r"?)(?P<value>[^\s<>\"']{6,128}+)", re.IGNORECASE
)
_OPAQUE = re.compile(r"(?=[^a-z]*[a-z])(?=(?:\D*\d){2})[\w.~+/=-]{16,}$")


def cut(text: str, mark: Mark, *, source_code: bool = False) -> str:
    """The text with its secrets replaced. In `source_code` only text between quotes is a value."""
    text = forms.cut(text, mark)
    return named(text, mark, source_code=source_code) if signs.may_name_one(text) else text


def named(text: str, mark: Mark, *, source_code: bool = False) -> str:
    """The text without the secrets that a name or a scheme announces."""
    small = text.lower()
    if "bearer" in small or "basic" in small:
        text = _SCHEME_IN_TEXT.sub(lambda found: _after_scheme(found, mark), text)
    text = _pairs(text, mark, source_code)
    if "<" in text:
        text = _ELEMENT.sub(lambda found: _named(found, mark), text)
    if "name=" in text:
        text = _FIELD.sub(lambda found: _named(found, mark), text)
    if not source_code:
        if "code" in small:
            text = _CODE_SAID.sub(lambda found: _said_code(found, mark), text)
        if "password is" in small or "password: " in small:
            text = _PASSWORD_SAID.sub(lambda found: _said_password(found, mark), text)
    return text


def value(kind: str, given: str, mark: Mark) -> str:
    """A value whose name announces a secret of this kind."""
    if is_mark(given) or _NOTHING.match(given):
        return given
    if kind == AUTHORIZATION:
        return authorization(given, mark)
    if kind == COOKIE:
        return cookies(given, mark)
    if kind == MAYBE_CODE:
        return mark(CODE, given) if is_code(given) else given
    return mark(forms.kind_of(given) or kind, given)


def is_code(given: str) -> bool:
    """Whether the value of a bare `code` grants access: digits that a user types, or an OAuth code."""
    return (given.isdecimal() and 6 <= len(given) <= 10) or _OPAQUE.match(given) is not None


def authorization(given: str, mark: Mark) -> str:
    """The header without its secret; the scheme stays, and of a signature the data that it was made with.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
    """
    found = _SCHEME.match(given)
    if found is None:
        return given if given in _NO_AUTHORIZATION else mark(forms.kind_of(given) or TOKEN, given)
    scheme, rest = found["scheme"].lower(), found["rest"]
    if is_mark(rest):
        return given
    if scheme.startswith("aws4"):
        return _SIGNATURE.sub(lambda signed: signed["name"] + mark("signature", signed["value"]), given)
    if scheme == "aws":
        # In version 2 it follows the access key's id.
        known, colon, signature = rest.partition(":")
        return given[: found.start("rest")] + known + colon + (mark("signature", signature) if colon else "")
    return given[: found.start("rest")] + mark(forms.kind_of(rest) or ("basic" if scheme == "basic" else TOKEN), rest)


_OF_SET_COOKIE = frozenset({"path", "domain", "expires", "max-age", "samesite", "priority"})


def cookies(given: str, mark: Mark) -> str:
    """`Cookie` and `Set-Cookie` with their names and attributes (https://www.rfc-editor.org/rfc/rfc6265)."""
    said = []
    for part in given.split(";"):
        name, equals, held = part.partition("=")
        if not equals and part.strip().lower() not in ("", "secure", "httponly", "partitioned"):
            said.append(mark(forms.kind_of(part) or COOKIE, part))
        elif held and not is_mark(held) and name.strip().lower() not in _OF_SET_COOKIE:
            said.append(f"{name}={mark(forms.kind_of(held) or COOKIE, held)}")
        else:
            said.append(part)
    return ";".join(said)


def _after_scheme(found: re.Match[str], mark: Mark) -> str:
    given = found["value"]
    if found["scheme"].lower() == "basic":
        try:
            kind = "basic" if b":" in base64.b64decode(given, validate=True) else ""
        except binascii.Error:
            kind = ""
    else:
        kind = TOKEN if len(given) >= 32 or any(character.isdigit() for character in given) else ""
    return f"{found['scheme']}{found['space']}{mark(kind, given)}" if kind else found[0]


def _pairs(text: str, mark: Mark, source_code: bool) -> str:
    done: list[str] = []
    at = position = 0
    while (found := _PAIR.search(text, position)) is not None:
        position = found.end()
        kind, quote, start = kind_of_name(found["name"]), found["quote"], found.end()
        if kind is None and found["name"] == "Value" and _SECURE in text[max(0, start - 400) : start + 400]:
            # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Parameter.html
            kind = SECRET
        if kind is None:
            continue
        if not quote and text.startswith("{", start) and (envelope := _ENVELOPE.match(text, start)) is not None:
            start, quote = envelope.end(), envelope["quote"]
        end = _end_of_value(text, start, quote, found["is"], kind)
        given = text[start:end]
        if not quote and (source_code or not _is_value(text, found, given, kind)):
            continue
        said = value(kind, given, mark)
        if said != given:
            done += (text[at:start], said)
            at = end
        position = max(end, position)
    return "".join((*done, text[at:])) if done else text


def _end_of_value(text: str, start: int, quote: str | None, joint: str, kind: str) -> int:
    quote = (quote or "").lstrip("bru")
    limit = min(len(text), start + _LONGEST_VALUE)
    if quote:
        end = text.find(quote, start, limit)
        while end > start and text[end - 1] == "\\" and not quote.startswith("%"):
            end = text.find(quote, end + len(quote), limit)
        if end >= 0:
            return end
        # Cut off before its closing quote.
        return limit
    whole_line = kind in (AUTHORIZATION, COOKIE) and joint.strip() == ":"
    bare = (_LINE if whole_line else _BARE).match(text, start, limit)
    if bare is None:
        return start
    if whole_line:
        return bare.end()
    return start + len(bare[0].rstrip(",.:)]}"))


def _is_value(text: str, found: re.Match[str], given: str, kind: str) -> bool:
    """Whether the text after a name without quotes is a value, and neither code nor a sentence."""
    if not given or given[0] in "{[(<":
        return False
    before = text[found.start() - 1] if found.start() else "\n"
    joint = found["is"]
    if kind in (AUTHORIZATION, COOKIE):
        return before not in ":/." and (joint.strip() == ":" or not _EXPRESSION.match(given))
    if given.isdecimal() and kind not in (CODE, PASSWORD, MAYBE_CODE):
        # A count.
        return False
    if before in "?&" or "%" in joint or text[found.end() + len(given) :][:1] == "&":
        return True
    if kind == MAYBE_CODE:
        # The code of an error or of a country; `_CODE_SAID` reads sentences.
        return False
    if joint.strip() == ":":
        # Neither a part of an ARN, nor a sentence about it.
        return (
            before not in ":/" and len(given) >= 6 and not given.isalpha() and not _EXPRESSION.match(given.rstrip("."))
        )
    if _EXPRESSION.match(given) and not any(c.isdigit() for c in given):
        after = text[found.end() + len(given) :][:1]
        return (
            joint == "="
            and before not in "(,"
            and text[max(0, found.start() - 2) : found.start()] != ", "
            and after not in (*"()[],",)
        )
    return not re.match(r"[A-Za-z_][\w.]*+[\[(]", given)


def _named(found: re.Match[str], mark: Mark) -> str:
    """An element or a field with a name."""
    groups = found.groupdict()
    kind = kind_of_name(found["name"]) if groups.get("space") != "secret" else None
    if kind is None:
        return found[0]
    given = found["value"]
    inner = given.strip()
    said = value(kind, inner, mark) if inner else inner
    return found[0][: found.start("value") - found.start()] + given.replace(inner, said) if inner else found[0]


def _said_code(found: re.Match[str], mark: Mark) -> str:
    if _OTHER_CODE.search(found.string, max(0, found.start() - 12), found.start()):
        return found[0]
    return f"{found['said']}{mark(CODE, found['value'])}"


def _said_password(found: re.Match[str], mark: Mark) -> str:
    given = found["value"].rstrip(".,;")
    if given.isalpha() or _NOTHING.match(given):
        return found[0]
    return found["said"] + mark(PASSWORD, given) + found["value"][len(given) :]
