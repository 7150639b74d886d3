"""A snapshot's file, fetched so that no byte is fetched twice without need.

A download that was cut, here or in an earlier life, goes on where it was. Then each chunk is held
against the hash that central signed, and only those that are not right are fetched again; at last
it is unpacked.
"""

import hashlib
from pathlib import Path

import zstandard

from edge.drivers.interfaces import Fetch
from edge.runtime.workers import SingleThread
from wire.snapshot import Manifest

HASH_BYTES = 32
CHUNK_BYTES_MAX = 4 * 1024 * 1024
PIECE_BYTES = 256 * 1024


class UnusableError(Exception):
    """What came is not what central said it would be; the message says in which way."""


async def download(
    fetch: Fetch, path: str, target: Path, manifest: Manifest, thread: SingleThread
) -> None:
    """Make `target` the file of that manifest; raise UnusableError, or DriverError as `fetch`.

    What came by then stays for the next try.
    """
    _check(manifest)
    await fetch.download(path, target, manifest.compressed_bytes)
    for number in await thread.run(bad_chunks, target, manifest):
        first = number * manifest.chunk_bytes
        count = min(manifest.chunk_bytes, manifest.compressed_bytes - first)
        chunk = await fetch.part(path, first, count)
        if hashlib.sha256(chunk).digest() != _hash(manifest, number):
            raise UnusableError(f"chunk {number} of {target.name} is not what central signed")
        await thread.run(_put, target, first, chunk)


def bad_chunks(target: Path, manifest: Manifest) -> list[int]:
    """Return the numbers of the chunks that are not what central signed."""
    bad: list[int] = []
    with target.open("rb") as file:
        for number in range(len(manifest.chunks) // HASH_BYTES):
            chunk = file.read(manifest.chunk_bytes)
            if hashlib.sha256(chunk).digest() != _hash(manifest, number):
                bad.append(number)
    return bad


def unpack(compressed: Path, snapshot: Path, manifest: Manifest) -> None:
    """Decompress to `snapshot`; raise UnusableError if either is not what the manifest says."""
    said, written = hashlib.sha256(), 0
    try:
        with compressed.open("rb") as packed:
            while chunk := packed.read(PIECE_BYTES):
                said.update(chunk)
        if said.digest() != manifest.compressed_sha256:
            raise UnusableError(f"{compressed.name} is not the file that the manifest names")
        with compressed.open("rb") as packed, snapshot.open("wb") as file:
            for chunk in zstandard.ZstdDecompressor().read_to_iter(packed, PIECE_BYTES):
                written += len(chunk)
                if written > manifest.file_bytes:
                    raise UnusableError(f"{compressed.name} is longer than the manifest says")
                file.write(chunk)
    except zstandard.ZstdError as error:
        raise UnusableError(f"{compressed.name} cannot be unpacked: {error}") from error


def _check(manifest: Manifest) -> None:
    size, chunk = manifest.compressed_bytes, manifest.chunk_bytes
    if not 0 < chunk <= CHUNK_BYTES_MAX or size < 1:
        raise UnusableError(f"a manifest of {size} bytes in chunks of {chunk}")
    if len(manifest.chunks) != -(-size // chunk) * HASH_BYTES:
        raise UnusableError("a manifest with a hash too many, or too few")


def _hash(manifest: Manifest, number: int) -> bytes:
    return manifest.chunks[number * HASH_BYTES : (number + 1) * HASH_BYTES]


def _put(target: Path, first: int, chunk: bytes) -> None:
    with target.open("r+b") as file:
        file.seek(first)
        file.write(chunk)
