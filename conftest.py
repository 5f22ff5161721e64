"""The fixtures that scenarios use, beside those of the harness's own pytest plugin."""

from hypothesis import HealthCheck, settings

# A machine that is busy with an engine may take its time over an example.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

pytest_plugins = [
    "fixtures.people",
    "fixtures.services",
    "fixtures.federation",
    "fixtures.analytics",
    "fixtures.campaigns",
    "fixtures.catalog",
    "fixtures.push",
    "fixtures.uploads",
]
