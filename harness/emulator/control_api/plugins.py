"""Finds plugins of the emulator that cannot be loaded: LocalStack only logs that, and runs without them."""

from importlib import metadata

DISTRIBUTION = "serverless-harness"


def failures() -> list[str]:
    """One sentence for each plugin of the emulator that does not import, with the reason."""
    failed = []
    for entry_point in metadata.distribution(DISTRIBUTION).entry_points:
        if not entry_point.group.startswith("localstack."):
            continue
        try:
            entry_point.load()
        except Exception as error:  # noqa: BLE001 - whatever a module raises while it is imported
            failed.append(f"the plugin {entry_point.name} ({entry_point.value}) cannot be loaded: {error!r}")
    return failed
