"""The page attacked: other hosts, other origins, no origin, what hands a session out, malformed messages, floods.

The server is a process of its own, as a user starts it; it is asked by plain sockets and by Bokeh's own client.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path

import children
import pytest
from walking import walked

pytest.importorskip("panel", reason="needs the extra: pip install 'cogattn[explore]'")

from cogattn.explore import messages, server
from cogattn.explore.page import Page

SOCKET = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
          "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "bokeh, x"}  # fmt: skip


@pytest.fixture(scope="module")
def port():
    process = children.start(
        "explore", "--no-browser", "whole_report", "--people", "1", stderr=subprocess.STDOUT, text=True
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line + process.stdout.read()
        yield int(found.group(1))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def got(port, path="/", **headers):
    """(status, headers, text) of a request; headers: with their names' dashes as underscores."""
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        door.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        said = door.getresponse()
        return said.status, said.headers, "" if said.status == 101 else said.read().decode("utf-8", "replace")
    finally:
        door.close()


def test_its_own_browser_is_let_in(port):
    status, headers, text = got(port)
    assert status == 200
    assert "cogattn explore" in text
    assert "Access-Control-Allow-Origin" not in headers
    assert got(port, Host=f"localhost:{port}")[0] == 200
    for script in re.findall(r'src="(static/js/[^"?]+)', text)[:1]:
        assert got(port, f"/{script}")[0] == 200


def test_another_name_that_points_here_is_refused(port):
    """DNS rebinding: a page of evil.example whose name is made to mean 127.0.0.1."""
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1:1",
        "127.0.0.1",
        f"127.0.0.1:{port}.evil.example",
        "",
    ):
        status, _, text = got(port, Host=host)
        assert status == 403, host
        assert "bokeh" not in text.lower()


def test_no_token_for_other_pages(port):
    """autoload.js would hand a session to any page, with `Access-Control-Allow-Origin: *`."""
    for path in (
        "/autoload.js?bokeh-autoload-element=x",
        "/metadata",
        "/rest/session_info",
        "/login",
        "/ws/",
        "//ws",
        "/x",
    ):
        status, headers, text = got(port, path)
        assert status == 404, path
        assert "token" not in text
        assert "Access-Control-Allow-Origin" not in headers
    for origin in (
        "http://evil.example",
        "null",
        f"http://127.0.0.1:{port}.evil.example",
        f"https://127.0.0.1:{port}",
    ):
        for path in ("/", "/static/js/bokeh.min.js"):
            assert got(port, path, Origin=origin)[0] == 403, (path, origin)
    assert got(port, Sec_Fetch_Dest="iframe")[0] == 403


def test_a_websocket_must_come_from_the_page(port):
    with_ = {k.replace("-", "_"): v for k, v in SOCKET.items()}
    assert got(port, "/ws", **with_)[0] == 403
    for origin in ("http://evil.example", "null", "", f"http://localhost:{port + 1}"):
        assert got(port, "/ws", **with_, Origin=origin)[0] == 403, origin
    assert got(port, "/ws", **with_, Origin=f"http://127.0.0.1:{port}")[0] in (
        101,
        401,
        403,
        500,
    )  # its token is no token


def test_a_client_that_does_not_say_where_it_comes_from_is_not_let_in(port):
    """Bokeh's own: it reads the page's token, and opens the websocket without an Origin."""
    from bokeh.client import pull_session

    with pytest.raises(OSError, match=r"Cannot pull session|connect"):
        pull_session(url=f"http://127.0.0.1:{port}/")


def test_pages_have_a_ceiling():
    hosts, headers = ["localhost:1"], {"Host": "localhost:1"}
    assert server.refusal("/", headers, hosts, server.MOST_PAGES - 1) is None
    status, why = server.refusal("/", headers, hosts, server.MOST_PAGES)
    assert (status, why) == (503, f"{server.MOST_PAGES} pages are open: close one")


# --- messages, without a server ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened():
    return Page("whole_report", people=1)


@walked(
    ("text", "words"),
    [
        ("{", "must be JSON"), ("[1]", "must be an object"), ("3", "must be an object"), ("null", "must be an object"),
        ('{"do":"move","values":3,"n":7}', "values of the message move must be numbers by name, got 3"),
        ('{"do":"move","n":7}', "the message move needs values"),
         ('{"do":"move","values":{"capacity":NaN}}', "no number of JSON"),
        ('{"do":"move","values":{"capacity":[1]},"n":7}', "capacity must be a number"),
         ('{"do":["move"]}', "message must be one of"),
        ('{"do":"hello","evil":1}', "field of the message hello"), ('{"do":"hello","n":' + "1" * 5000 + "}",
         "must be JSON"),
        ('{"do":"trial","at":true}', "at of the message trial must be a whole number"), ("[" * 50_000, "must be JSON"),
        ('{"do":"preset","name":"' + "x" * 2000 + '"}', "at most 1,000"), (None, "must be a text"),
        ("x" * (messages.MOST_TEXT + 1), "at most"), ('{"do":"observer","text":"a = ' + "[" * 5000 + '"}', "nested"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_answered_in_a_line(opened, text, words):
    said = json.loads(json.dumps(opened.hear(text), allow_nan=False))
    assert words in said["error"]
    assert "\n" not in said["error"]
    assert "n" in said


def test_every_message_of_the_wire_is_answered_and_the_page_goes_on(opened):
    """What comes as Bokeh's change of a value: a fault in there was an answer that never came."""
    from bokeh.document import Document
    from bokeh.models import Column, TextInput

    ask, tell, wire = TextInput(name="ask"), TextInput(name="tell"), Document()
    wire.add_root(Column(ask, tell))
    server._connect(opened, ask, tell)
    for i, text in enumerate(("{", "[1]", "3", "null", '{"do":"move","values":3}', "[" * 20_000)):
        tell.value = ""
        ask.value = text
        assert json.loads(tell.value)["n"] in (None, 0), text
        assert "error" in json.loads(tell.value), text
        ask.value = json.dumps({"do": "trial", "at": i % 2, "n": 10 + i})
        assert json.loads(tell.value)["n"] == 10 + i
        assert "trial" in json.loads(tell.value)
    for n in (1, 2):  # asked twice, it is worked at once
        ask.value = json.dumps({"do": "score", "n": n})
    assert len(wire.session_callbacks) == 1


def test_a_flood_is_refused_unread():
    page = Page.__new__(Page)  # nothing is played: what is counted comes before
    page._pace = messages.MessageRate()
    said = [page.hear("{")["error"] for _ in range(messages.MOST_MESSAGES + 1)]
    assert "must be JSON" in said[-2]
    assert f"more than {messages.MOST_MESSAGES} messages" in said[-1]


def test_a_fault_of_ours_is_told_too_and_leaves_a_report_without_data(opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def fault(self, asked):
        raise KeyError("".join(["Fra", "u K."]))  # what an error says may be somebody's data

    monkeypatch.setattr(Page, "_dos", {**Page._dos, "forget": fault})
    said = opened.hear('{"do": "forget", "n": 5}')
    assert said["n"] == 5
    (report,) = tmp_path.glob("cogattn-crash-*.txt")
    assert str(report) in said["error"]
    text = report.read_text(encoding="utf-8")
    assert "KeyError" in text
    assert "numpy: " in text
    assert "in answer" in text
    assert "Frau" not in text
    assert sys.version.split()[0] in text
    assert Path(__file__).name in text


@pytest.mark.full
def test_the_page_gives_up_waiting():
    """page.js: one timer for every message, and an answer without a number frees the wire too."""
    script = server._asset("page.js")
    assert "late = setTimeout(" in script
    assert "clearTimeout(late)" in script
    assert "said.n === null" in script
