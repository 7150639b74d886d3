"""A new key for an old one: a new version of the roles, signed by the old root and the new.

What devices keep and ask for again is signed anew with it, since they believe the old key no more:
the list's changes and manifests, the essentials, the configurations. Orders are not: whoever
rotates the key of commands does not want the old ones obeyed.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from msgspec.structs import replace

from central.lists import essentials
from central.lists.models import Change, Snapshot
from central.orders.models import Desired
from central.venue import trust
from central.venue.models import RolesVersion, Venue
from wire import cose
from wire.codec import decode, encode
from wire.signed import Purpose, Roles, Signers, bundle, key_id, seal

BATCH = 500


def roles(venue: Venue) -> Roles:
    """Return a venue's newest roles; raise TrustMissing if it has none."""
    found = RolesVersion.objects.filter(venue=venue).order_by("-version").first()
    if found is None:
        raise trust.TrustMissing(f"{venue.code} has no signing keys: run gatehouse central prepare")
    return decode(cose.parts(decode(bytes(found.bundle), list[bytes])[0])[1], Roles)


def rotate(venue: Venue, name: str, root_file: Path | None = None) -> Roles:
    """Make a new key for a purpose, or the root; return the new roles. Raise TrustMissing.

    `root_file`: the root key, if it was taken away.
    """
    known = roles(venue)
    root = _root(known, root_file)
    fresh = Ed25519PrivateKey.generate()
    signers = Signers((fresh.public_key().public_bytes_raw(),))
    signing = [root]
    if name == trust.ROOT:
        following = replace(known, version=known.version + 1, root=signers)
        signing.append(fresh)
    else:
        named = {**known.signers, name: signers}
        following = replace(known, version=known.version + 1, signers=named)
    envelopes = [seal(encode(following), Purpose.ROLES, key) for key in signing]
    # On disk before the roles name it; in use once they do.
    waiting = trust.write(trust.path(name).with_suffix(".next"), fresh)
    with transaction.atomic():
        Venue.objects.select_for_update().get(pk=venue.pk)
        RolesVersion.objects.create(
            venue=venue, version=following.version, bundle=bundle(envelopes)
        )
        _sign_anew(venue, name, fresh)
    waiting.replace(trust.path(name))
    if name == Purpose.ESSENTIALS and essentials.path().exists():
        essentials.write(venue)
    return following


def take_root_away(file: Path) -> None:
    """Move the root key to `file`; raise TrustMissing if it is not here, or OSError."""
    kept = trust.path(trust.ROOT)
    root = trust.load(kept)
    if file.exists():
        raise trust.TrustMissing(f"{file}: is there already; nothing was moved")
    trust.write(file, root)
    if trust.load(file).private_bytes_raw() != root.private_bytes_raw():
        raise trust.TrustMissing(f"{file}: reads back as another key; nothing was moved")
    _sync(file.parent)
    kept.unlink()
    _sync(kept.parent)


def described(venue: Venue) -> str:
    """Return who may sign what, and where the keys are, in lines for a person."""
    known = roles(venue)
    lines = [f"roles {known.version} of {known.venue}"]
    for name, signers in [(trust.ROOT, known.root), *sorted(known.signers.items())]:
        keys = ", ".join(key_id(public).hex() for public in signers.keys)
        path = trust.path(name)
        where = path if path.exists() else "不在此处 · not here"
        lines.append(f"  {name:<14} {keys}  {where}")
    for purpose in Purpose:
        if purpose is not Purpose.ROLES and purpose.value not in known.signers:
            # The venue is older than this purpose.
            told = f"还没有密钥 · no key yet: trust rotate {purpose.value}"
            lines.append(f"  {purpose.value:<14} {told}")
    return "\n".join(lines)


def _root(known: Roles, file: Path | None) -> Ed25519PrivateKey:
    path = file or trust.path(trust.ROOT)
    if not path.exists():
        raise trust.TrustMissing(f"{path}: the root key is not here; bring it, and say --root FILE")
    key = trust.load(path)
    if key.public_key().public_bytes_raw() not in known.root.keys:
        raise trust.TrustMissing(f"{path}: not the root key of {known.venue}")
    return key


def _sign_anew(venue: Venue, name: str, key: Ed25519PrivateKey) -> None:
    if name == Purpose.LIST:
        for made in Snapshot.objects.filter(venue=venue):
            made.manifest = seal(_inside(made.manifest), Purpose.LIST, key)
            made.save(update_fields=["manifest"])
        batch: list[Change] = []
        for change in Change.objects.filter(venue=venue).iterator(BATCH):
            change.body = seal(_inside(change.body), Purpose.LIST, key)
            batch.append(change)
            if len(batch) == BATCH:
                Change.objects.bulk_update(batch, ["body"])
                batch = []
        Change.objects.bulk_update(batch, ["body"])
    if name == Purpose.CONFIGURATION:
        for wish in Desired.objects.filter(device__venue=venue):
            if wish.envelope:
                wish.envelope = seal(_inside(wish.envelope), Purpose.CONFIGURATION, key)
                wish.published = False
                wish.save(update_fields=["envelope", "published"])


def _inside(envelope: bytes | memoryview) -> bytes:
    return cose.parts(bytes(envelope))[1]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
