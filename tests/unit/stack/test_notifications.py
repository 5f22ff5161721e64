"""The welcome mail: what it says, and what a name cannot make of it."""

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def compose(function):
    return function("notifications", "welcome").compose


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.text(min_size=1))
def test_no_name_begins_another_line_of_the_header(compose, name):
    subject = compose(name).subject
    assert subject.startswith("Welcome to Lumen")
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in subject)


def test_markup_in_a_name_stays_text(compose):
    mail = compose("<script>alert(1)</script> & Söhne")
    assert "<script>" not in mail.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne" in mail.html
    assert "<script>alert(1)</script> & Söhne" in mail.text
