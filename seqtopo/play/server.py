"""Serve the page on this machine alone, and answer it with the Python that runs here.

Whoever asks must know the token, which is part of every path, and must ask from the page itself: the headers
``Host`` and ``Origin`` are checked. Only the files of the page are given out; no path is ever made of what is
asked for.
"""

from __future__ import annotations

import errno
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from seqtopo import __version__
from seqtopo.emit.backend import installed
from seqtopo.lint.selection import Selection
from seqtopo.play.answer import answer
from seqtopo.play.training import Training
from seqtopo.system import packages
from seqtopo.system.bounds import PLAY_SERIES_BYTES, PLAY_TEXT_BYTES

ADDRESS = "127.0.0.1"
PORT = 8642

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""The files of the page by their endings; no other file is given out."""

CONFIG = "config.js"
"""The module that tells the page who answers it. The server writes it; the file is for a page without one."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass
class Start:
    """The state that the page opens with: a text, its language, values of names, and active rules."""

    text: str | None = None
    language: str = "spec"
    dims: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    modules: tuple[str, ...] = ()
    """Modules with layers of the user's, for a training."""


class Server(ThreadingHTTPServer):
    """The server of ``seqtopo play``. ``url`` is the address with the token, for the user's eyes only."""

    daemon_threads = True

    def __init__(self, port: int = PORT, start: Start | None = None) -> None:
        self.begin = start or Start()
        self.token = secrets.token_urlsafe(24)
        self.page = page_files()
        self.answering = threading.Lock()
        self.training = Training(self.begin.modules)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES) or port == 0:
                raise
            super().__init__((ADDRESS, 0), _Handler)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The values that the ``Host`` header of a request may have."""
        return f"{ADDRESS}:{self.server_port}", f"localhost:{self.server_port}"

    def config(self) -> str:
        """Return the text of the module ``config.js``."""
        backends = [] if packages.missing() else list(installed())
        told = {
            "answers": "server",
            "version": __version__,
            "text": self.begin.text,
            "language": self.begin.language,
            "dims": {name: str(value) for name, value in self.begin.dims.items()},
            "backends": backends,
            "install": "" if backends else packages.get_extra("jax"),
        }
        return f"export default {json.dumps(told)};\n"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a connection that the browser closed."""

    def server_close(self) -> None:
        """Stop the training, too."""
        self.training.stop()
        super().server_close()


def page_files() -> dict[str, Traversable]:
    """Return the files of the page by name."""
    folder = files("seqtopo.play") / "page"
    return {f.name: f for f in folder.iterdir() if f.is_file() and _ending(f.name) in TYPES}


def _ending(name: str) -> str:
    return "." + name.rpartition(".")[2]


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "seqtopo", ""
    timeout = 60
    """The timeout of a silent connection in seconds."""

    def do_GET(self) -> None:
        try:
            name = self._name()
            if name == CONFIG:
                return self._send(self.server.config().encode(), TYPES[".js"])
            file = self.server.page.get(name or "index.html")
            if file is None:
                raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such file")
            return self._send(file.read_bytes(), TYPES[_ending(file.name)])
        except _RefusedError as refused:
            return self._refuse(refused)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        try:
            name = self._name()
            if self.headers.get("Origin") is None:
                raise _RefusedError(HTTPStatus.FORBIDDEN, "only the page may ask this")
            if name == "answer":
                text, options = self._asked(PLAY_TEXT_BYTES)
                with self.server.answering:
                    found = answer(text, options, self.server.begin.selection)
                return self._send(json.dumps(found).encode(), TYPES[".json"])
            if name == "train":
                return self._train()
            if name == "stop":
                self._body(PLAY_TEXT_BYTES)
                self.server.training.stop()
                return self._send(b"{}", TYPES[".json"])
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such address")
        except _RefusedError as refused:
            return self._refuse(refused)

    def _name(self) -> str:
        """Return the name behind the token, of a request that is allowed.

        Raises:
            _RefusedError: it is not.
        """
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if host not in self.server.hosts:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "this address is not the page's")
        if origin is not None and origin not in [f"http://{known}" for known in self.server.hosts]:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "another page may not ask this")
        token, slash, name = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode()):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN, "the address lacks its token: open the one that seqtopo play prints"
            )
        if not slash:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "the address ends in /")
        return name

    def _body(self, most: int) -> bytes:
        """Return the body of a request, of at most so many bytes."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 12:
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "how long is it?")
        if int(length) > most:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{most:,} bytes are the most")
        return self.rfile.read(int(length))

    def _asked(self, most: int) -> tuple[str, dict[str, Any]]:
        """Return the text and the options of a request."""
        body = self._body(most)
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "this takes JSON")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        text, options = (found.get("text"), found.get("options", {})) if isinstance(found, dict) else ("", 0)
        if not isinstance(text, str) or not isinstance(options, dict):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "this takes an object with a text and options")
        try:
            text.encode()
        except UnicodeEncodeError:  # half of a pair of UTF-16, as "\ud800" gives it
            text = text.encode("utf-8", "replace").decode()
        return text, options

    def _train(self) -> None:
        """Train on a series, and send a line of JSON for each thing that happens."""
        text, options = self._asked(PLAY_SERIES_BYTES)
        events = self.server.training.start(text, options)
        if events is None:
            raise _RefusedError(HTTPStatus.CONFLICT, "a training is running already")
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self._end_headers("application/x-ndjson", None)
        try:
            for event in events:
                self.wfile.write(json.dumps(event).encode() + b"\n")
                self.wfile.flush()
        except OSError:  # the page was closed
            pass
        finally:
            events.close()

    def _send(self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self._end_headers(kind, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)

    def _refuse(self, refused: _RefusedError) -> None:
        # The unread rest of the body would be read as the next request.
        self.close_connection = True
        self._send(f"{refused}\n".encode(), "text/plain; charset=utf-8", refused.status)

    def _end_headers(self, kind: str, length: int | None) -> None:
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the terminal stays as it is."""
