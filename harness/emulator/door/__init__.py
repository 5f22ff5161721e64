"""Decides which clients may call the engine, before any other code reads the request.

The engine runs code with its user's rights, so every way in is a way to the machine. Each request, also a WebSocket's
upgrade, is judged by the name that it calls the engine by (`names`), by the place that it is for (`places`), by the signs
that a browser sent it and for which page (`pages`), by credentials in its query (`query_credentials`), and at the engine's
own endpoints by the token (`token`). `judgement` puts these together and is a function of data; `installation` asks it in
LocalStack's gateway. Settings, environment variables of the engine:

- `HARNESS_ALLOWED_ORIGINS`: origins whose pages may call the engine, besides those of deployed sites; separated by commas
- `HARNESS_ALLOWED_HOSTS`: names that the engine may be called by, besides its own; `*.example.test` means all below it
- `HARNESS_TOKEN`, or `HARNESS_TOKEN_FILE`, the file with it

The door knows no service. What a service lets pages do that are not its own is registered with `let_pages_in`; which
origins are of deployed sites, with `serve_site`.
"""

from harness.emulator.door.judgement import let_pages_in, serve_site
from harness.emulator.door.names import Host
from harness.emulator.door.pages import Page

__all__ = ["Host", "Page", "let_pages_in", "serve_site"]
