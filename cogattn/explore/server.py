"""How the page is served: on this machine, to its own browser, and to nobody else (docs/security.md)."""

from __future__ import annotations

import gc
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from cogattn import paradigms
from cogattn.errors import RunError, needs, whole
from cogattn.explore import knobs, messages
from cogattn.explore.page import FIRST, Page
from cogattn.observer import Observer
from cogattn.view import plot

MOST_PAGES = 16  #: pages that are open at once


@cache
def _asset(name: str) -> str:
    return (files("cogattn.explore") / name).read_text(encoding="utf-8")


def template(page: Page) -> Any:
    """The page as a Panel template: our own HTML, style and script, and Bokeh's plots in it."""
    pn, models = needs("panel", "explore"), needs("bokeh.models", "explore")
    ask = models.TextInput(name="ask", visible=False)
    tell = models.TextInput(name="tell", visible=False)
    begin = {"groups": knobs.described(), "presets": list(knobs.PRESETS), "sources": dict(knobs.PRESET_SOURCES),
             "switches": knobs.SWITCHES,
             "paradigms": _offered(), "state": page.state(), "people": plot.PEOPLE}  # fmt: skip
    text = _asset("page.html")
    parts = {
        "CSS": _asset("page.css"),
        "JS": _asset("page.js"),
        "BEGIN": json.dumps(begin).replace("<", "\\u003c"),
    }
    for name, part in parts.items():
        text = text.replace(f"<<{name}>>", "{% raw %}" + part + "{% endraw %}")
    made = pn.Template(text)
    for i, canvas in enumerate(page.canvases):
        made.add_panel(f"plot{i}", pn.pane.Bokeh(canvas.plot, sizing_mode="stretch_width"))
    made.add_panel("strip", pn.pane.Bokeh(page.strip.plot, sizing_mode="stretch_width"))
    made.add_panel("wire", pn.pane.Bokeh(models.Column(ask, tell, visible=False)))
    _connect(page, ask, tell)
    return made


def _connect(page: Page, ask: Any, tell: Any) -> None:
    """Every message of the page is answered; what takes long is done between them, by one callback at a time."""
    at_work = False

    def say(said: dict[str, Any]) -> None:
        tell.value = json.dumps(said)

    def work() -> None:
        nonlocal at_work
        said = page.more()
        at_work = said is not None
        if said is not None:
            say(said)
            tell.document.add_timeout_callback(work, 20)

    def heard(_attr: str, _old: Any, new: Any) -> None:
        nonlocal at_work
        said = page.hear(new)
        say(said)
        if said.get("waiting") and not at_work:
            at_work = True
            tell.document.add_timeout_callback(work, 20)

    ask.on_change("value", heard)


def _offered() -> list[dict[str, Any]]:
    """The paradigms: those that people's bands hold first."""
    kinds = [(name, paradigms.get(name)()) for name in paradigms.names()]
    rows = [{"name": n, "title": k.title, "banded": k.banded} for n, k in kinds]
    return sorted(rows, key=lambda r: (not r["banded"], str(r["title"])))


def serve(
    name: str = FIRST,
    *,
    mind: Observer | None = None,
    port: int = 0,
    browser: bool = True,
    seed: int = 0,
    people: int | None = None,
) -> None:
    """Serve the page on this machine until Ctrl-C. port=0: any free one."""
    needs("panel", "explore")
    port = _free(whole("port", port, most=65535))
    Page(name, mind, seed, people)  # a mistake is told here; and what has to be compiled is
    gc.collect()
    gc.freeze()  # what is there now stays: to look through all of it again would halt a slider for .2 s now and then
    server = guarded(port, lambda: template(Page(name, mind, seed, people)))
    server.start()
    print(f"cogattn explore: http://127.0.0.1:{port}  (Ctrl-C stops it)", flush=True)
    if browser:
        server.io_loop.add_callback(server.show, "/")
    server.io_loop.start()


def guarded(port: int, page: Callable[[], Any]) -> Any:
    """A server of this page that hears this machine's own browser alone, and not too much of it at once."""
    needs("panel", "explore")
    origins = [f"127.0.0.1:{port}", f"localhost:{port}"]
    server = needs("panel.io.server", "explore").get_server(
        page, port=port, address="127.0.0.1", websocket_origin=origins, start=False, show=False,
        title="cogattn explore", verbose=False, location=False, websocket_max_message_size=messages.MOST_TEXT,
    )  # fmt: skip
    web = needs("tornado.web", "explore")
    app, find = server._tornado, server._tornado.find_handler

    class Refused(web.RequestHandler):  # type: ignore[misc, name-defined]
        """It says why in a line."""

        def initialize(self, status: int, why: str) -> None:
            self.status, self.why = status, why

        def prepare(self) -> None:
            self.set_status(self.status)
            self.finish(f"{self.why}\n")

    def find_handler(request: Any, **how: Any) -> Any:
        found = refusal(request.path, request.headers, origins, len(server.get_sessions()))
        if found is None:
            return find(request, **how)
        return app.get_handler_delegate(request, Refused, dict(zip(("status", "why"), found, strict=True)))

    app.find_handler = find_handler  # what tornado asks for every request, before anything of it is done
    return server


def refusal(
    path: str, headers: Mapping[str, str], hosts: Sequence[str], open_pages: int
) -> tuple[int, str] | None:
    """(status, why) of a request that is not answered; None: it is. Only what the page needs is there at all: no script
    that hands its session to other pages (autoload.js), no metadata.

    >>> refusal("/", {"Host": "evil.example"}, ["localhost:5006"], 0)
    (403, 'this page is for localhost:5006 alone')
    """
    if headers.get("Host", "").lower() not in hosts:  # a name that was made to point here (DNS rebinding)
        return 403, f"this page is for {' and '.join(hosts)} alone"
    origin = headers.get("Origin")
    if origin is not None and origin.lower() not in [f"http://{host}" for host in hosts]:
        return 403, "another page asks: it is refused"
    if headers.get("Sec-Fetch-Dest", "") in ("iframe", "frame", "embed", "object"):
        return 403, "this page is not shown within another"
    if path == "/ws":
        return None if origin is not None else (403, "a websocket must say who opens it (Origin)")
    if path == "/":
        return (503, f"{MOST_PAGES} pages are open: close one") if open_pages >= MOST_PAGES else None
    return None if path.startswith("/static/") or path == "/favicon.ico" else (404, "there is nothing here")


def _free(port: int) -> int:
    """This port, or any; one that is taken is refused here, in one line."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError as error:
            raise RunError(
                f"cannot serve at port {port}: {error.strerror}; choose another with --port"
            ) from None
        return int(door.getsockname()[1])
