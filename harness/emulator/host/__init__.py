"""The process that the engine is: its Python, threads, connections, memory and log, and how services load in it."""
