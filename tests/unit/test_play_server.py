"""The server of ``seqtopo play`` answers its own page, and nobody else."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seqtopo.cli.play import parser, run
from seqtopo.play.server import ADDRESS, Server, Start, page_files
from seqtopo.system import bounds
from tests.support.imports import ROOT

SPEC = "in(T,8) -> lstm(64,seq) -> lstm(32) -> dense(1)"


@contextmanager
def running(start: Start | None = None) -> Iterator[Server]:
    with Server(0, start) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(Start(text=SPEC, dims={"T": 24})) as found:
        yield found


def asked(
    server: Server,
    path: str,
    body: Any = None,
    *,
    method: str = "",
    token: str | None = None,
    **headers: str | None,
) -> tuple[int, str, http.client.HTTPMessage]:
    """The status, the text and the headers of an answer; a header that is None is left out."""
    own = f"{ADDRESS}:{server.server_port}"
    sent: dict[str, str | None] = {"Host": own}
    if body is not None:
        sent |= {"Origin": f"http://{own}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(ADDRESS, server.server_port, timeout=20)
    connection.putrequest(
        method or ("GET" if body is None else "POST"), _path(server, path, token), True, True
    )
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value)
    if data is not None and "Content-Length" not in sent:
        connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, response.headers


def _path(server: Server, path: str, token: str | None) -> str:
    return f"/{server.token if token is None else token}/{path}"


def test_the_page_and_its_files_are_given_out(server: Server) -> None:
    status, text, headers = asked(server, "")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    files = re.findall(r'(?:src|href)="([\w.]+)"', text)
    assert {"app.js", "style.css"} <= set(files)
    assert all(asked(server, file)[0] == 200 for file in files)


def test_every_module_that_a_file_imports_is_there() -> None:
    files = page_files()
    assert len(files) > 8
    for name, file in files.items():
        if name.endswith(".js") and name != "codemirror.js":
            for imported in re.findall(
                r'from "\./([\w.]+)"|import\("\./([\w.]+)"\)', file.read_text("utf-8")
            ):
                assert "".join(imported) in files, f"{name} imports {imported}"


def test_the_page_is_told_what_it_begins_with(server: Server) -> None:
    text = asked(server, "config.js")[1]
    told = json.loads(text.removeprefix("export default ").rstrip(";\n"))
    assert (told["answers"], told["text"], told["dims"]) == ("server", SPEC, {"T": "24"})


def test_a_text_is_answered(server: Server) -> None:
    status, text, _ = asked(server, "answer", {"text": SPEC, "options": {"wants": ["report", "python"]}})
    found = json.loads(text)
    assert status == 200
    assert found["report"]["table"]["parameters"] == "31,137"
    assert "LSTM(64" in found["python"]["text"]


def test_each_answer_forbids_what_would_leak(server: Server) -> None:
    for path in ("", "app.js", "nothing.js"):
        headers = asked(server, path)[2]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "connect-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("token", ["", "x", "A" * 32, "%00", ".."])
@pytest.mark.parametrize("path", ["", "app.js", "answer"])
def test_nothing_is_said_without_the_token(server: Server, token: str, path: str) -> None:
    body = {"text": SPEC} if path == "answer" else None
    status, text, _ = asked(server, path, body, token=token)
    assert status == 403
    assert "token" in text


@pytest.mark.parametrize("host", ["example.org", "example.org:80", "127.0.0.1", "127.0.0.1:1", "", None])
def test_another_host_is_refused(server: Server, host: str | None) -> None:
    """A name that somebody else lets point to this machine (DNS rebinding) is not the page's."""
    assert asked(server, "", Host=host)[0] == 403
    assert asked(server, "answer", {"text": SPEC}, Host=host)[0] == 403


@pytest.mark.parametrize(
    "origin", ["https://example.org", "http://127.0.0.1", "http://127.0.0.1:1", "null", ""]
)
def test_another_origin_is_refused(server: Server, origin: str) -> None:
    assert asked(server, "answer", {"text": SPEC}, Origin=origin)[0] == 403
    assert asked(server, "app.js", Origin=origin)[0] == 403


def test_who_says_no_origin_gets_no_answer(server: Server) -> None:
    assert asked(server, "answer", {"text": SPEC}, Origin=None)[0] == 403


TRAVERSALS = (
    "../server.py", "..%2fserver.py", "%2e%2e/server.py", "page/../../server.py", "/etc/passwd",
    "....//server.py", "..\\server.py", "app.js/../../server.py", "app.js%00", "C:\\x", "course.json/",
)  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_other_file_is_given_out(server: Server, path: str) -> None:
    status, text, _ = asked(server, path)
    assert status == 404
    assert text == "there is no such file\n"


def test_the_path_of_a_post_is_no_file_either(server: Server) -> None:
    assert asked(server, "../answer", {"text": SPEC})[0] == 404


@pytest.mark.parametrize("length", [str(bounds.PLAY_TEXT_BYTES + 1), "999999999999"])
def test_a_large_body_is_refused_before_it_is_read(server: Server, length: str) -> None:
    status, text, headers = asked(server, "answer", b"", Content_Length=length)
    assert status == 413
    assert "1,000,000 bytes are the most" in text
    assert headers["Connection"] == "close"


@pytest.mark.parametrize("length", ["", "-1", "1e3", "9" * 40, "²"])
def test_a_body_without_a_length_is_refused(server: Server, length: str) -> None:
    assert asked(server, "answer", b"", Content_Length=length.encode("utf-8").decode("latin-1"))[0] == 411


def test_a_body_as_long_as_it_may_be_is_read(server: Server) -> None:
    body = json.dumps({"text": "#"}).encode()
    body += b" " * (bounds.PLAY_TEXT_BYTES - len(body))
    assert asked(server, "answer", body)[0] == 200


BAD = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"[" * 100_000,
    b"\xff",
    b'{"text": 1}',
    b'{"options": {}}',
    b'{"text": "", "options": 1}',
)


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("path", ["answer", "train"])
def test_bad_json_is_refused(server: Server, path: str, body: bytes) -> None:
    assert asked(server, path, body)[0] == 400


def test_only_json_is_taken(server: Server) -> None:
    """A form of another page cannot send JSON."""
    assert asked(server, "answer", {"text": SPEC}, Content_Type="text/plain")[0] == 415


ODD: tuple[dict[str, Any], ...] = (
    {"wants": 1}, {"wants": [[], None, "nothing", "__class__"]}, {"language": []}, {"dims": [1]},
    {"dims": {"T": None}},
    {"theme": "../x"}, {"model": -1, "language": "python", "wants": ["drawing", "python", "walk"]},
    {"model": 10**30, "language": "python", "wants": ["python"]},
    {"wants": ["page"], "code": "../../pyproject"},
)  # fmt: skip


@pytest.mark.parametrize("options", ODD, ids=str)
def test_odd_options_are_answered(server: Server, options: dict[str, Any]) -> None:
    status, text, _ = asked(server, "answer", {"text": SPEC, "options": options})
    assert status == 200
    assert "mistake in seqtopo" not in text


def test_half_a_character_is_answered(server: Server) -> None:
    status, text, _ = asked(server, "answer", b'{"text": "in(8) -> \\ud800"}')
    assert status == 200
    assert json.loads(text)["report"]["ok"] is False


def test_other_methods_are_refused(server: Server) -> None:
    assert {asked(server, "", method=method)[0] for method in ("PUT", "DELETE", "OPTIONS", "TRACE")} == {501}


def test_the_server_listens_on_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_busy_port_gives_way_to_another(server: Server) -> None:
    with Server(server.server_port) as other:
        assert other.server_port not in (0, server.server_port)


def test_two_servers_have_two_tokens() -> None:
    with Server(0) as one, Server(0) as other:
        assert one.token != other.token
        assert len(one.token) >= 32


# ---- the command ----------------------------------------------------------------------------------------


def started(*words: str, folder: Path) -> subprocess.Popen[str]:
    # A shell starts what runs in the background so that neither it nor its children take Ctrl-C.
    # Not by preexec_fn: that forks, which JAX warns of where another test has loaded it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "seqtopo", "play", "--no-browser", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is another matter there")
def test_the_command_serves_until_ctrl_c(tmp_path: Path) -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        port = taken.getsockname()[1]
        process = started("--port", str(port), folder=tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline() == f"port {port} is taken, so it is another one\n"
        found = re.fullmatch(
            r"the page is at http://127\.0\.0\.1:(\d+)(/[\w-]{32}/)\n", process.stdout.readline()
        )
        assert found is not None
        connection = http.client.HTTPConnection(ADDRESS, int(found[1]), timeout=20)
        connection.request("GET", found[2])
        assert connection.getresponse().status == 200
        connection.close()
        assert process.stdout.readline() == "Ctrl-C ends it.\n"
        process.send_signal(signal.SIGINT)
        try:
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out.strip(), errors) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "text", "language"),
    [
        ([], None, "spec"),
        ([SPEC], SPEC, "spec"),
        (["spec.txt"], "in(8) -> dense(1)\n", "spec"),
        (["train.py"], "import keras\n", "python"),
        (["book.ipynb"], "import keras\n", "python"),
    ],
)
def test_the_page_begins_with_what_is_named(
    words: list[str], text: str, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spec.txt").write_text("in(8) -> dense(1)\n", encoding="utf-8")
    Path("train.py").write_text("import keras\n", encoding="utf-8")
    cells = [{"cell_type": "code", "source": "import keras", "metadata": {}, "outputs": []}]
    Path("book.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), encoding="utf-8"
    )
    begun: list[Start] = []

    class Told(Server):
        def serve_forever(self, poll_interval: float = 0.5) -> None:
            begun.append(self.begin)

    monkeypatch.setattr("seqtopo.cli.play.Server", Told)
    assert run(parser().parse_args(["--no-browser", "--port", "0", *words])) == 0
    assert (begun[0].text, begun[0].language) == (text, language)


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("none.txt", "none.py", "none.keras"):
        assert run(parser().parse_args(["--no-browser", str(tmp_path / name)])) == 1
        assert "ST" in capsys.readouterr().err
