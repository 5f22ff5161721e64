"""The engine's process: its Python, threads, connections and memory, and how services load in it."""
