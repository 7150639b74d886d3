"""What devices fetch over HTTP: manifest, snapshot (in ranges, to be resumed), missed changes."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from central.files import in_pieces
from central.identity.asking import for_devices
from central.lists.essentials import path as newest_essentials
from central.lists.models import Change, Snapshot
from central.lists.snapshots import folder, newest
from central.venue.models import Device, RolesVersion
from wire.codec import encode

CBOR = "application/cbor"
CHANGES_MAX = 1000
ANSWER_BYTES_MAX = 3_000_000
"""Devices refuse an answer of more than 4 MiB; whoever is further behind asks again."""
CHUNK = 256 * 1024
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@for_devices
def manifest(request: HttpRequest) -> HttpResponseBase:
    device: Device = request.device  # type: ignore[attr-defined]
    made = newest(device.venue)
    if made is None:
        return HttpResponse("no list has been made yet\n", status=404, content_type="text/plain")
    return HttpResponse(bytes(made.manifest), content_type=CBOR)


@for_devices
def essentials(_request: HttpRequest) -> HttpResponseBase:
    try:
        sealed = newest_essentials().read_bytes()
    except OSError:
        return HttpResponse("none have been made yet\n", status=404, content_type="text/plain")
    return HttpResponse(sealed, content_type=CBOR)


@for_devices
def trust(request: HttpRequest) -> HttpResponseBase:
    """Each version of the roles after `after`, oldest first: a CBOR array of bundles."""
    device: Device = request.device  # type: ignore[attr-defined]
    after = request.GET.get("after", "0")
    if not after.isdecimal() or len(after) > 9:
        return HttpResponse("after: a number\n", status=400, content_type="text/plain")
    found = RolesVersion.objects.filter(venue=device.venue, version__gt=int(after))
    bundles = [bytes(one.bundle) for one in found.order_by("version")]
    return HttpResponse(encode(bundles), content_type=CBOR)


@for_devices
def deltas(request: HttpRequest) -> HttpResponseBase:
    device: Device = request.device  # type: ignore[attr-defined]
    after = request.GET.get("after", "0")
    if not after.isdecimal() or len(after) > 18:
        return HttpResponse("after: a number\n", status=400, content_type="text/plain")
    found = Change.objects.filter(venue=device.venue, sequence__gt=int(after))
    bodies: list[bytes] = []
    first = found.order_by("sequence").values_list("sequence", flat=True).first()
    if first != int(after) + 1:
        # None, or the next one is kept no more: then a snapshot helps.
        return HttpResponse(encode(bodies), content_type=CBOR)
    for one in found.order_by("sequence")[:CHANGES_MAX].iterator(50):
        if bodies and sum(map(len, bodies)) + len(one.body) > ANSWER_BYTES_MAX:
            break
        bodies.append(bytes(one.body))
    return HttpResponse(encode(bodies), content_type=CBOR)


@for_devices
def snapshot(request: HttpRequest, version: str) -> HttpResponseBase:
    device: Device = request.device  # type: ignore[attr-defined]
    if not Snapshot.objects.filter(venue=device.venue, version=version).exists():
        return HttpResponse("no such list\n", status=404, content_type="text/plain")
    path = folder() / f"{version}.db.zst"
    size = path.stat().st_size
    first, last, status = 0, size - 1, 200
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked:
        first, status = int(asked[1]), 206
        last = min(int(asked[2] or last), last)
        if first > last:
            refused = HttpResponse(status=416)
            refused["Content-Range"] = f"bytes */{size}"
            return refused
    content = in_pieces(request, _pieces(path, first, last - first + 1))
    answer = StreamingHttpResponse(content, status=status, content_type="application/zstd")
    answer["Content-Length"] = str(last - first + 1)
    answer["Accept-Ranges"] = "bytes"
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    if status == 206:
        answer["Content-Range"] = f"bytes {first}-{last}/{size}"
    return answer


def _pieces(path: Path, first: int, count: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first)
        while count > 0 and (piece := file.read(min(CHUNK, count))):
            count -= len(piece)
            yield piece
