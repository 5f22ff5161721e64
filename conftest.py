"""The fixtures that scenarios use, beside those of the harness's own pytest plugin."""

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
