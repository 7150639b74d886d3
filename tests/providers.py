"""Providers of messages as they answer over HTTP, on loopback: Aliyun's SendSms and WeChat.

Each checks what the real one checks, as its documentation has it (named in central/notices/sms.py
and wechat.py), and answers otherwise where a test says so. No real one was ever asked.
"""

import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

Answer = dict[str, Any] | Callable[["_Asked"], None]
"""An object, sent as JSON; or what is done with the connection in its place."""


@dataclass
class Provider:
    """What was asked, and what is to be answered next in place of the usual."""

    port: int = 0
    pair: Path | None = None
    """A file with its key and certificate (tests/authority.py): it speaks TLS then."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.pair else 'http'}://127.0.0.1:{self.port}"

    def usual(self, asked: "_Asked") -> dict[str, Any]:
        raise NotImplementedError


@dataclass
class Aliyun(Provider):
    """SendSms: the signature is reckoned anew, by its own reading of the document."""

    key_id: str = "LTAIexample"
    secret: str = "aliyun secret"
    sent: list[dict[str, Any]] = field(default_factory=list)

    def usual(self, asked: "_Asked") -> dict[str, Any]:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        query = parse_qs(urlsplit(asked.path).query, keep_blank_values=True)
        told = {name: values[0] for name, values in query.items()}
        self.asked.append(told)
        if headers.get("authorization", "") != self._signed(headers, told):
            return {"Code": "SignatureDoesNotMatch", "Message": "no", "RequestId": "1"}
        if not told["PhoneNumbers"].isdigit():
            return {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": told["PhoneNumbers"]}
        variables = json.loads(told["TemplateParam"])
        for value in variables.values():
            if not isinstance(value, str) or "http" in value or len(value) > 35:
                return {"Code": "isv.PARAM_LENGTH_LIMIT", "Message": "variables"}
        self.sent.append({**told, "variables": variables})
        return {"Code": "OK", "Message": "OK", "BizId": f"biz{len(self.sent)}^0", "RequestId": "2"}

    def _signed(self, headers: dict[str, str], told: dict[str, str]) -> str:
        names = ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date"]
        names += ["x-acs-signature-nonce", "x-acs-version"]
        if not all(name in headers for name in names):
            return "-"
        encoded = sorted(
            (quote(name, safe=""), quote(value, safe="")) for name, value in told.items()
        )
        request = (
            "POST\n/\n"
            + "&".join("=".join(pair) for pair in encoded)
            + "\n"
            + "".join(f"{name}:{headers[name]}\n" for name in names)
            + "\n"
            + ";".join(names)
            + "\n"
            + hashlib.sha256(b"").hexdigest()
        )
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return (
            f"ACS3-HMAC-SHA256 Credential={self.key_id},SignedHeaders={';'.join(names)},"
            f"Signature={signature}"
        )


@dataclass
class WeChat(Provider):
    """stable_token, template/send and subscribe/bizsend of one account."""

    app_id: str = "wx1234567890abcdef"
    secret: str = "wechat secret"
    token: str = "token-0"
    tokens: int = 0
    """How often a token was asked for."""
    forced: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What was delivered: of one openid and client_msg_id, once."""

    def usual(self, asked: "_Asked") -> dict[str, Any]:
        body = asked.body
        path = urlsplit(asked.path)
        self.asked.append({"path": path.path, **body})
        if path.path == "/cgi-bin/stable_token":
            return self._stable_token(body)
        if parse_qs(path.query).get("access_token") != [self.token]:
            return {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid"}
        for name, one in body["data"].items():
            if name.startswith("thing") and not 0 < len(one["value"]) <= 20:
                return {"errcode": 47003, "errmsg": f"argument invalid! data.{name}.value"}
            if any(ord(letter) < 32 or ord(letter) > 0x1F000 for letter in one["value"]):
                return {"errcode": 47003, "errmsg": f"argument invalid! data.{name}.value"}
        twin = body.get("client_msg_id")
        if not twin or all(
            (one["touser"], one.get("client_msg_id")) != (body["touser"], twin) for one in self.sent
        ):
            self.sent.append(body)
        return {"errcode": 0, "errmsg": "ok", "msgid": 1000 + len(self.sent)}

    def _stable_token(self, body: dict[str, Any]) -> dict[str, Any]:
        self.tokens += 1
        if (body["appid"], body["secret"]) != (self.app_id, self.secret):
            return {"errcode": 40125, "errmsg": f"invalid appsecret {body['secret']}"}
        if body["force_refresh"]:
            self.forced += 1
            self.token = f"token-{self.forced}"
        return {"access_token": self.token, "expires_in": 7200}


class _Asked(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        self.body: dict[str, Any] = json.loads(raw) if raw else {}
        provider = self.server.provider
        answer = provider.answers.pop(0) if provider.answers else None
        if callable(answer):
            provider.asked.append({"path": self.path})
            answer(self)
            return
        self.give(json.dumps(answer if answer is not None else provider.usual(self)).encode())

    def give(self, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class _Server(ThreadingHTTPServer):
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        super().__init__(("127.0.0.1", provider.port), _Asked)
        if provider.pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(provider.pair)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends is no fault."""


P = TypeVar("P", bound=Provider)


@contextmanager
def running(provider: P) -> Iterator[P]:
    """Serve on a free port."""
    server = _Server(provider)
    provider.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


def html(asked: _Asked) -> None:
    asked.give(b"<html>502 Bad Gateway</html>", 502, "text/html")


def nothing(asked: _Asked) -> None:
    """Hang up without a word."""
    asked.close_connection = True
    asked.connection.shutdown(socket.SHUT_RDWR)


def half_a_body(asked: _Asked) -> None:
    asked.send_response(200)
    asked.send_header("Content-Length", "100")
    asked.end_headers()
    asked.wfile.write(b'{"Code": "OK"')
    asked.close_connection = True


def elsewhere(asked: _Asked) -> None:
    asked.send_response(302)
    asked.send_header("Location", "http://127.0.0.1:1/")
    asked.send_header("Content-Length", "0")
    asked.end_headers()


def silence(asked: _Asked) -> None:
    """Say nothing until the test is over."""
    asked.server.provider.let_go.wait(60)
    asked.close_connection = True


def drip(asked: _Asked) -> None:
    """A body that never ends, byte by byte."""
    asked.send_response(200)
    asked.send_header("Content-Length", "1000000")
    asked.end_headers()
    while not asked.server.provider.let_go.wait(0.05):
        asked.wfile.write(b" ")
        asked.wfile.flush()


def bad_header(asked: _Asked) -> None:
    """Headers that no parser takes, of which libraries warn."""
    asked.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n no colon\r\n: x\r\n\r\n{}")
    asked.close_connection = True
