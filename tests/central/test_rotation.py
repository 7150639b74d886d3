"""Keys are changed by new roles that the old root vouches for; the root key lies elsewhere."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from msgspec.structs import replace

from edge.store.trust import TrustStore
from tests.central_venue import TOKEN
from tests.trusted import inside
from wire.codec import decode, encode
from wire.entry import Standing
from wire.essentials import Essentials
from wire.signed import Purpose, Untrusted, bundle, pin, seal
from wire.snapshot import Delta, Heartbeat, Manifest


def venue() -> Any:
    from central.venue.models import Venue

    return Venue.objects.get()


def get(path: str) -> bytes:
    answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).get(path)
    assert answer.status_code == 200, path
    return answer.content


def enrolled(folder: Path) -> TrustStore:
    """Return what a device believes that was enrolled before any key was changed."""
    (first, *_) = decode(get("/device/trust?after=0"), list[bytes])
    store = TrustStore(folder, pin(first), "v")
    follow(store)
    return store


def follow(store: TrustStore) -> None:
    for bundled in decode(get(f"/device/trust?after={store.version}"), list[bytes]):
        store.add(bundled)


@pytest.fixture
def listed(tickets: list[Any]) -> None:
    """A list with a snapshot, two changes, essentials."""
    from central.lists import essentials
    from central.lists.changes import set_standing
    from central.lists.snapshots import snapshot
    from central.venue.models import Ticket

    assert tickets
    snapshot(venue())
    essentials.write(venue())
    for ticket in Ticket.objects.filter(standing="good")[:2]:
        set_standing([ticket], Standing.BLOCKED)


@pytest.mark.usefixtures("listed")
def test_what_devices_fetch_is_signed_anew_and_the_chain_stands(tmp_path: Path) -> None:
    from central.lists.heartbeat import Pulse
    from central.venue.rotation import rotate

    store = enrolled(tmp_path / "device")
    before = [inside(one) for one in decode(get("/device/list/deltas?after=0"), list[bytes])]
    old_manifest = get("/device/list/manifest")
    for version, name in enumerate(("list", "essentials", "heartbeat", "root", "list"), 2):
        assert rotate(venue(), name).version == version
        follow(store)
        assert store.version == version
    after = [
        store.unseal(one, Purpose.LIST)
        for one in decode(get("/device/list/deltas?after=0"), list[bytes])
    ]
    assert after == before
    assert [decode(body, Delta).sequence for body in after] == [1, 2]
    decode(store.unseal(get("/device/list/manifest"), Purpose.LIST), Manifest)
    decode(store.unseal(get("/device/essentials"), Purpose.ESSENTIALS), Essentials)
    beat = decode(store.unseal(Pulse().beat(venue()), Purpose.HEARTBEAT), Heartbeat)
    assert beat.roles == store.version
    with pytest.raises(Untrusted):
        store.unseal(old_manifest, Purpose.LIST)
    again = TrustStore(tmp_path / "device", store._root, "v")  # noqa: SLF001
    assert again.version == store.version, "read from the disk as well"


@pytest.mark.usefixtures("listed")
def test_the_root_key_is_taken_away_and_brought_back(tmp_path: Path) -> None:
    from central.venue import trust
    from central.venue.rotation import described, rotate, take_root_away

    away = tmp_path / "root.pem"
    take_root_away(away)
    assert away.stat().st_mode & 0o777 == 0o600
    assert not trust.path("root").exists()
    assert "not here" in described(venue())
    with pytest.raises(trust.TrustMissing, match="--root FILE"):
        rotate(venue(), "command")
    other = tmp_path / "other.pem"
    other.write_bytes(trust.path("list").read_bytes())
    with pytest.raises(trust.TrustMissing, match="not the root key"):
        rotate(venue(), "command", other)
    with pytest.raises(trust.TrustMissing):
        take_root_away(away)
    assert trust.newest_roles(venue()) == 1
    store = enrolled(tmp_path / "device")
    envelope = trust.sealed(b"old", Purpose.COMMAND)
    rotate(venue(), "command", away)
    follow(store)
    assert store.unseal(trust.sealed(b"new", Purpose.COMMAND), Purpose.COMMAND) == b"new"
    with pytest.raises(Untrusted):
        store.unseal(envelope, Purpose.COMMAND)


@pytest.mark.usefixtures("listed")
def test_a_root_that_was_changed_vouches_for_nothing_more(tmp_path: Path) -> None:
    from central.venue import trust
    from central.venue.rotation import rotate, take_root_away

    old = tmp_path / "old-root.pem"
    take_root_away(old)
    rotate(venue(), "root", old)
    with pytest.raises(trust.TrustMissing, match="not the root key"):
        rotate(venue(), "list", old)
    rotate(venue(), "list")
    assert enrolled(tmp_path / "device").version == 3


@pytest.mark.usefixtures("listed")
def test_the_command_says_who_may_sign(capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    from central.venue import trust_command

    parser = argparse.ArgumentParser()
    trust_command.add_to(parser)
    assert trust_command.run(parser.parse_args(["show"])) == 0
    assert trust_command.run(parser.parse_args(["rotate", "time"])) == 0
    said = capsys.readouterr().out
    assert "roles 1 of v" in said
    assert "roles 2 of v" in said
    assert trust_command.run(parser.parse_args(["rotate", "time", "--root", "/none"])) == 1
    assert "--root FILE" in capsys.readouterr().err


@pytest.mark.usefixtures("listed")
def test_a_venue_from_before_a_purpose_existed_gets_its_key_by_rotating(tmp_path: Path) -> None:
    from central.venue import trust
    from central.venue.models import RolesVersion
    from central.venue.rotation import described, roles, rotate

    now = roles(venue())
    older = replace(now, signers={name: of for name, of in now.signers.items() if name != "claim"})
    root = trust.load(trust.path("root"))
    bundled = bundle([seal(encode(older), Purpose.ROLES, root)])
    RolesVersion.objects.filter(venue=venue()).update(bundle=bundled)
    trust.path("claim").unlink()
    store = enrolled(tmp_path / "device")
    with pytest.raises(trust.TrustMissing, match="trust rotate claim"):
        trust.sealed(b"granted", Purpose.CLAIM)
    assert "no key yet: trust rotate claim" in described(venue())
    assert rotate(venue(), "claim").version == 2
    assert "no key yet" not in described(venue())
    follow(store)
    envelope = trust.sealed(b"granted", Purpose.CLAIM)
    assert store.unseal(envelope, Purpose.CLAIM) == b"granted"
    with pytest.raises(Untrusted):
        store.unseal(envelope, Purpose.COMMAND)
