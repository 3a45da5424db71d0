"""A browser that is driven by its DevTools protocol, over a pair of pipes.

Chromium takes messages on its file descriptor 3 and answers on 4, each a JSON text that
ends with a zero byte (--remote-debugging-pipe).  So nothing listens on the network.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import define, field

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0  # seconds; a machine may be busy


def find_browser() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserGone(Exception):
    """It has ended, or does not answer."""


@define
class Browser:
    """The process, its pipes, and what it has told without being asked."""

    pid: int
    out: int
    back: int
    unread: bytes = b""
    asked: int = 0
    events: list[dict[str, Any]] = field(factory=list)

    def tell(self, method: str, session: str | None = None, **params: Any) -> None:
        """Ask, and do not care for the answer."""
        self.asked += 1
        message = {"id": self.asked, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data) :]

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        """Ask, and wait for the answer."""
        self.tell(method, session, **params)
        end = time.monotonic() + PATIENCE
        while True:
            said = self.hear(end - time.monotonic())
            if said is None:
                raise BrowserGone(f"no answer to {method}")
            if said.get("id") == self.asked:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                return said["result"]
            self.events.append(said)

    def hear(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None if none comes in time."""
        end = time.monotonic() + seconds
        while b"\0" not in self.unread:
            left = max(end - time.monotonic(), 0)
            if not select.select([self.back], [], [], left)[0]:
                return None
            data = os.read(self.back, 1 << 20)
            if not data:
                raise BrowserGone("the browser has ended")
            self.unread += data
        first, _, self.unread = self.unread.partition(b"\0")
        found: dict[str, Any] = json.loads(first)
        return found


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """A browser with a profile that nobody has used before."""
    profile = Path(tempfile.mkdtemp(prefix="kmm-browser-"))
    found = begin(program, profile)
    try:
        yield found
    finally:
        with suppress(ProcessLookupError):
            os.killpg(found.pid, signal.SIGKILL)
        os.waitpid(found.pid, 0)
        os.close(found.out)
        os.close(found.back)
        shutil.rmtree(profile, ignore_errors=True)


def begin(program: str, profile: Path) -> Browser:
    """Start it, with the ends of the pipes that are its own as 3 and 4."""
    ends = [*os.pipe(), *os.pipe()]
    # Out of the way of 3 and 4 themselves.
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    theirs_in, ours_out, ours_in, theirs_out = high
    nothing = os.open(os.devnull, os.O_RDWR)
    actions = [
        (os.POSIX_SPAWN_DUP2, nothing, 0),
        (os.POSIX_SPAWN_DUP2, nothing, 1),
        (os.POSIX_SPAWN_DUP2, nothing, 2),
        (os.POSIX_SPAWN_DUP2, theirs_in, 3),
        (os.POSIX_SPAWN_DUP2, theirs_out, 4),
    ]
    command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    pid = os.posix_spawn(
        program, command, dict(os.environ), file_actions=actions, setpgroup=0
    )
    for end in (theirs_in, theirs_out, nothing):
        os.close(end)
    return Browser(pid, ours_out, ours_in)


KEYS = {  # name -> key, code, number, text
    "enter": ("Enter", "Enter", 13, "\r"),
    "escape": ("Escape", "Escape", 27, None),
    "down": ("ArrowDown", "ArrowDown", 40, None),
    "left": ("ArrowLeft", "ArrowLeft", 37, None),
    "right": ("ArrowRight", "ArrowRight", 39, None),
    "up": ("ArrowUp", "ArrowUp", 38, None),
    "end": ("End", "End", 35, None),
    "space": (" ", "Space", 32, " "),
}


@define
class Page:
    """A page in it, on which kmm runs."""

    browser: Browser
    session: str
    requests: list[str] = field(factory=list)
    complaints: list[str] = field(factory=list)

    @classmethod
    def open(cls, browser: Browser, address: str, size: tuple[int, int]) -> Page:
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        page = cls(browser, attached["sessionId"])
        for domain in "Page", "Network", "Runtime", "Log":
            page.call(f"{domain}.enable")
        page.call(
            "Target.setAutoAttach",
            autoAttach=True,
            waitForDebuggerOnStart=True,  # until somebody listens to its requests
            flatten=True,
        )
        page.resize(*size)
        page.go(address)
        return page

    def call(self, method: str, **params: Any) -> Any:
        return self.browser.call(method, self.session, **params)

    def go(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, source: str) -> Any:
        """The value of a piece of JavaScript, awaited."""
        done = self.call(
            "Runtime.evaluate",
            expression=source,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in done:
            raise RuntimeError(json.dumps(done["exceptionDetails"])[:2000])
        return done["result"].get("value")

    def listen(self) -> None:
        """Take in what the browser has told meanwhile."""
        while (said := self.browser.hear(0)) is not None:
            self.browser.events.append(said)
        events, self.browser.events = self.browser.events, []
        for said in events:
            params: Any = said.get("params")
            match said.get("method"):
                case "Network.requestWillBeSent":
                    self.requests.append(params["request"]["url"])
                case "Runtime.exceptionThrown":
                    self.complaints.append(json.dumps(params["exceptionDetails"]))
                case "Log.entryAdded" if params["entry"]["level"] == "error":
                    self.complaints.append(params["entry"]["text"])
                case "Target.attachedToTarget":
                    worker = params["sessionId"]
                    self.browser.tell("Network.enable", worker)
                    self.browser.tell("Runtime.enable", worker)
                    self.browser.tell("Runtime.runIfWaitingForDebugger", worker)

    def eventually(self, check: Callable[[], Any], what: str) -> Any:
        """Wait until something is so."""
        end = time.monotonic() + PATIENCE
        while not (found := check()):
            self.listen()
            if time.monotonic() > end:
                said = "\n".join(self.complaints)
                raise AssertionError(f"never: {what}\n{self.text()}\n{said}")
            time.sleep(0.05)
        return found

    # What kmm shows.

    def lines(self) -> list[str]:
        """The rows of the terminal."""
        found: list[str] = self.run(
            "(() => { const b = window.kmm?.term?.buffer.active; const found = [];"
            "for (let n = 0; b && n < window.kmm.term.rows; n++)"
            "found.push(b.getLine(b.baseY + n).translateToString(true));"
            "return found; })()"
        )
        return found

    def text(self) -> str:
        front = self.run(
            "document.getElementById('front')?.hidden === false ? "
            "document.getElementById('front').innerText : ''"
        )
        return "\n".join([*filter(None, [front]), *self.lines()])

    def sees(self, *texts: str) -> str:
        def check() -> str | None:
            seen = self.text()
            return seen if all(text in seen for text in texts) else None

        found: str = self.eventually(check, f"to see {texts}")
        return found

    # What the reader does.

    def press(self, *names: str) -> None:
        for name in names:
            key, code, number, text = KEYS.get(name) or letter(name)
            params = {"key": key, "code": code, "windowsVirtualKeyCode": number}
            if text is not None:
                params["text"] = text
            self.call("Input.dispatchKeyEvent", type="keyDown", **params)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code)

    def click(self, column: int, row: int) -> None:
        """On a cell of the terminal, from 0."""
        x, y = self.run(
            "(() => { const r = document.querySelector('.xterm-screen')"
            ".getBoundingClientRect(); const t = window.kmm.term;"
            f"return [r.left + r.width * ({column} + 0.5) / t.cols,"
            f" r.top + r.height * ({row} + 0.5) / t.rows]; }})()"
        )
        for kind in "mouseMoved", "mousePressed", "mouseReleased":
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="none" if kind == "mouseMoved" else "left",
                clickCount=0 if kind == "mouseMoved" else 1,
            )

    def picture(self, path: Path) -> None:
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


def letter(name: str) -> tuple[str, str, int, str]:
    return name, "", ord(name.upper()), name
