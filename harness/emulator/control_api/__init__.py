"""`/_harness/*`: what the harness asks of the engine, and how its state is emptied."""
