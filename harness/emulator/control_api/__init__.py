"""`/_harness/*`: the engine's test API, and how the engine's state is emptied."""
