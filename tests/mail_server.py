"""A mail server of the tests' own: SMTP as RFC 5321 has it, on loopback, with what may go wrong.

It keeps what it took, and refuses, hangs up or keeps silent where a test says so: `replies` holds,
for each verb, what is said in place of the usual answer, the first time, the second, …
"""

import base64
import email
import socketserver
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

SILENCE, HANG_UP = "silence", "hang up"
"""In place of an answer."""
BEFORE_FULL_STOP = "BODY"
"""The verb under which `replies` says what follows a message's text."""


@dataclass
class Taken:
    sender: str
    to: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=default)

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content())


@dataclass
class MailServer:
    """What it took and what it heard, and how it is to answer."""

    port: int = 0
    security: str = "none"
    login: tuple[str, str] | None = None
    pair: Path | None = None
    """A file with its key and certificate (tests/authority.py)."""
    taken: list[Taken] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """Each line that was said to it, but for the messages' text."""
    clear: list[str] = field(default_factory=list)
    """Of these, what was said without TLS."""
    replies: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    offers_starttls: bool = True
    let_go: threading.Event = field(default_factory=threading.Event)
    """Ends every silence."""

    def reply(self, verb: str, usual: str) -> str:
        waiting = self.replies.get(verb)
        return waiting.pop(0) if waiting else usual


class _Gone(Exception):
    pass


class _Conversation(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        self.told = self.server.told
        self.safe, self.known = False, self.told.login is None
        self.sender, self.to = "", list[str]()
        try:
            if self.told.security == "tls":
                self._secure()
            self._say("CONNECT", "220 mail.test ESMTP")
            while line := self.rfile.readline(4096):
                self._hear(line.decode("latin-1").rstrip("\r\n"))
        except (_Gone, OSError, ssl.SSLError):
            return

    def _secure(self) -> None:
        assert self.told.pair is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.told.pair)
        self.connection = context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.safe = True

    def _say(self, verb: str, usual: str) -> bool:
        """Answer; tell whether it was the usual answer or another good one."""
        said = self.told.reply(verb, usual)
        if said == HANG_UP:
            raise _Gone
        if said == SILENCE:
            self.told.let_go.wait(60)
            raise _Gone
        self.wfile.write(said.encode("utf-8") + b"\r\n")
        self.wfile.flush()
        return said[:1] in "23"

    def _hear(self, line: str) -> None:
        self.told.heard.append(line)
        if not self.safe:
            self.told.clear.append(line)
        verb = line[:4].upper()
        match verb:
            case "EHLO" | "HELO":
                self._greet(verb)
            case "STAR":
                if self._say(verb, "220 go on"):
                    self._secure()
            case "AUTH":
                self._log_in(line)
            case "MAIL" | "RCPT" | "DATA":
                self._mail(verb, line)
            case "QUIT":
                self._say(verb, "221 bye")
                raise _Gone
            case _:
                self._say(verb, "250 ok")

    def _greet(self, verb: str) -> None:
        offers = ["mail.test", "8BITMIME"]
        if self.told.security == "starttls" and not self.safe and self.told.offers_starttls:
            offers.append("STARTTLS")
        if self.told.login:
            offers.append("AUTH PLAIN LOGIN")
        signs = ["-"] * (len(offers) - 1) + [" "]
        lines = [f"250{sign}{one}" for sign, one in zip(signs, offers, strict=True)]
        self._say(verb, "\r\n".join(lines))

    def _mail(self, verb: str, line: str) -> None:
        if not self.known:
            self._say(verb, "530 5.7.0 log in first")
        elif verb == "MAIL":
            self.sender, self.to = _address(line), []
            self._say(verb, "250 2.1.0 ok")
        elif verb == "RCPT":
            if self._say(verb, "250 2.1.5 ok"):
                self.to.append(_address(line))
        elif self._say(verb, "354 go on"):
            self._take()

    def _log_in(self, line: str) -> None:
        words = line.split()
        good: tuple[str, ...] = ()
        if words[1].upper() == "PLAIN" and len(words) == 3:
            good = tuple(base64.b64decode(words[2]).decode().split("\0")[1:])
        self.known = good == self.told.login
        self._say("AUTH", "235 2.7.0 ok" if self.known else "535 5.7.8 wrong")

    def _take(self) -> None:
        raw = b""
        while (line := self.rfile.readline(4096)) != b".\r\n":
            if not line:
                raise _Gone
            raw += line[1:] if line.startswith(b".") else line
        taken = Taken(self.sender, list(self.to), raw)
        said = self.told.replies.get(BEFORE_FULL_STOP) or ["250"]
        if not said[0].startswith(("4", "5")):
            # Taken whatever becomes of the answer, as a real one does that dies just then.
            self.told.taken.append(taken)
        self._say(BEFORE_FULL_STOP, "250 2.0.0 queued as ABC")


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, told: MailServer) -> None:
        self.told = told
        super().__init__(("127.0.0.1", told.port), _Conversation)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends is no fault."""


@contextmanager
def running_mail_server(told: MailServer | None = None) -> Iterator[MailServer]:
    """Serve on a free port, or on the one that `told` names."""
    told = told or MailServer()
    server = _Server(told)
    told.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
