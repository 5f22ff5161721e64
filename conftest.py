"""One Hypothesis profile for every test. The fixtures of the scenarios are in scenarios/conftest.py."""

import pytest
from hypothesis import HealthCheck, settings

# They are imported by a conftest.py, so pytest does not rewrite their assertions otherwise.
pytest.register_assert_rewrite("fixtures")

# A machine that is busy with an engine may take its time over an example.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
