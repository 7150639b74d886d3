"""The simulators' own page: present a ticket to a lane, and see what the hardware does.

It shows lamp, relay, arm and words as the simulated board and display have them, never what the
gate's software believes. A picture that is uploaded goes before the lane's camera as it is, where
there is one; for a scanner it is decoded by zxing-cpp first.
"""

import asyncio
import io
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import zxingcpp
from PIL import Image, UnidentifiedImageError
from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from simulators.camera import Held

CAMERA = "camera"
QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

PAGE = Path(__file__).with_name("static") / "page.html"
PICTURE_BYTES_MAX = 12_000_000
PICTURE_PIXELS_MAX = 40_000_000
TICK_SECONDS = 0.15


class Stand(Protocol):
    """One lane's hardware, as the page plays with it."""

    name: str

    def picture(self) -> dict[str, Any]:
        """Return name, direction, lamp, words, relay, open, counters and reader for the page."""

    async def present(self, code: bytes) -> None:
        """Hold a code under the lane's reader until it has been read."""

    async def film(self, held: Held) -> None:
        """Hold something before the lane's camera for a while."""

    async def walk(self) -> str:
        """Let a person try to walk through; return what happened, in both languages."""

    async def jump(self) -> str:
        """Let a person jump over the arm."""


class TicketPrinter(Protocol):
    """A kiosk's hardware, as the page plays with it."""

    name: str

    def picture(self) -> dict[str, Any]:
        """Return name, the printer's state, counters, and the numbers of the newest papers."""

    async def present(self, code: bytes) -> None:
        """Hold a code under the kiosk's scanner."""

    async def staff(self, deed: str) -> str:
        """Do something to the printer; return what happened, in both languages."""

    def paper(self, number: int) -> bytes | None:
        """Return a paper as PNG, as it came out."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Where the page's buttons get their codes: kind -> the next code of that kind."""

    next_code: Callable[[str], bytes | None]


class PageError(ValueError):
    """What is wrong with a request, for the person who made it."""


class Counter:
    """What the page's buttons do."""

    def __init__(
        self, stands: list[Stand], offered: Offered, kiosk: TicketPrinter | None = None
    ) -> None:
        self._stands = {stand.name: stand for stand in stands}
        self._offered = offered
        self._kiosk = kiosk

    async def present(self, request: Request) -> str:
        form = await request.form()
        stand = self._scanner(form)
        kind = form.get("kind")
        code = self._kind(kind) if isinstance(kind, str) else str(form.get("text", "")).encode()
        if form.get("by") == CAMERA:
            await self._filmed(form).film(Held(code.hex()))
            return f"在摄像头前举了一会儿 · Held before the camera: {_readable(code)}"
        await stand.present(code)
        return f"已出示 · Shown: {_readable(code)}"

    async def picture(self, request: Request) -> str:
        form = await request.form()
        stand = self._scanner(form)
        upload = form.get("picture")
        if not isinstance(upload, UploadFile):
            raise PageError("请选择一张图片 · Choose a picture")
        picture = await upload.read(PICTURE_BYTES_MAX + 1)
        if form.get("by") == CAMERA:
            await _film(self._filmed(form), _opened(picture))
            return "在摄像头前举了一会儿 · Held before the camera"
        code = _decode(picture)
        await stand.present(code)
        return f"图片中的码 · The picture says: {_readable(code)}"

    async def person(self, request: Request) -> str:
        form = await request.form()
        stand = self._stand(form)
        return await (stand.jump() if form.get("deed") == "jump" else stand.walk())

    async def printer(self, request: Request) -> str:
        form = await request.form()
        if self._kiosk is None:
            raise PageError("没有取票机 · There is no kiosk")
        return await self._kiosk.staff(str(form.get("deed", "")))

    def _scanner(self, form: FormData) -> Stand | TicketPrinter:
        """Return whose scanner is meant: a lane's, or the kiosk's."""
        if self._kiosk is not None and form.get("lane") == self._kiosk.name:
            return self._kiosk
        return self._stand(form)

    def _stand(self, form: FormData) -> Stand:
        stand = self._stands.get(str(form.get("lane", "")))
        if stand is None:
            raise PageError("没有这条通道 · There is no such lane")
        return stand

    def _filmed(self, form: FormData) -> Stand:
        stand = self._stand(form)
        if not stand.picture().get("camera"):
            raise PageError("这条通道没有摄像头 · This lane has no camera")
        return stand

    def _kind(self, kind: str) -> bytes:
        code = self._offered.next_code(kind)
        if code is None:
            raise PageError("没有可用的票了 · No ticket of that kind is left")
        return code


def application(
    stands: list[Stand],
    offered: Offered,
    central_url: str,
    stopping: asyncio.Event,
    kiosk: TicketPrinter | None = None,
    kiosk_url: str = "",
) -> Starlette:
    """Return the page of `stands`; its stream of pictures ends when `stopping` is set."""
    counter = Counter(stands, offered, kiosk)

    async def page(_: Request) -> Response:
        return FileResponse(PAGE)

    async def paper(request: Request) -> Response:
        found = kiosk.paper(int(request.path_params["number"])) if kiosk else None
        if found is None:
            return Response("no such paper", 404)
        return Response(found, media_type="image/png", headers={"Cache-Control": "no-store"})

    async def events(_: Request) -> Response:
        return StreamingResponse(pictures(), media_type="text/event-stream")

    async def pictures() -> AsyncIterator[str]:
        before = ""
        while not stopping.is_set():
            lanes = [stand.picture() for stand in stands]
            told: dict[str, Any] = {"lanes": lanes, "central": central_url}
            if kiosk is not None:
                told["kiosk"] = {**kiosk.picture(), "url": kiosk_url}
            drawn = json.dumps(told, ensure_ascii=False)
            if drawn != before:
                yield f"data: {drawn}\n\n"
                before = drawn
            await asyncio.sleep(TICK_SECONDS)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/events", events),
            Route("/present", _answering(counter.present), methods=["POST"]),
            Route("/picture", _answering(counter.picture), methods=["POST"]),
            Route("/person", _answering(counter.person), methods=["POST"]),
            Route("/printer", _answering(counter.printer), methods=["POST"]),
            Route("/paper/{number:int}.png", paper),
        ]
    )


def _answering(
    deed: Callable[[Request], Awaitable[str]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse({"said": await deed(request)})
        except PageError as error:
            return JSONResponse({"said": str(error)}, status_code=400)

    return answer


async def _film(stand: Stand, image: Image.Image) -> None:
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        image.save(file, "PNG")
        file.flush()
        await stand.film(Held(picture=file.name))


def _opened(picture: bytes) -> Image.Image:
    """Return a picture in shades of grey; raise PageError if it is none, or too large."""
    if len(picture) > PICTURE_BYTES_MAX:
        raise PageError("图片太大（最多 12 MB）· The picture is too large (12 MB at most)")
    try:
        image = Image.open(io.BytesIO(picture))
        if image.width * image.height > PICTURE_PIXELS_MAX:
            raise PageError("图片像素太多 · The picture has too many pixels")
        return image.convert("L")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, PageError):
            raise
        raise PageError("这不是图片 · This is not a picture") from None


def _decode(picture: bytes) -> bytes:
    """Return the bytes of the first QR code in a picture; raise PageError if there is none."""
    found = zxingcpp.read_barcodes(_opened(picture), QR)
    if not found:
        raise PageError("图片里没有二维码 · There is no QR code in the picture")
    return bytes(found[0].bytes)


def _readable(code: bytes) -> str:
    text = code.decode("utf-8", "replace")
    shown = "".join(char if char.isprintable() else "·" for char in text)
    return shown if len(shown) <= 60 else f"{shown[:28]} … {shown[-28:]} ({len(code)} bytes)"
