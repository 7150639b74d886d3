"""A device becomes somebody, renews, and becomes somebody else, run under the recorder.

`python -m … FOLDER`. What has been promised is marked as in `day`; `left_by` reads what a cut left.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from edge.runtime import identity
from edge.runtime.identity import DeviceIdentity
from edge.store.identity_folder import (
    AUTHORITY,
    CODE,
    LINK,
    PAIR,
    ZONE,
    IdentityFolder,
    code_hash,
    roles_files,
)
from tests.store.power_loss.day import mark
from wire.signed import pin

LAST = 3
LONG = 1500
"""Bytes, so that a file has more sectors than one."""


@dataclass(frozen=True, slots=True)
class Somebody:
    number: int

    @property
    def code(self) -> bytes:
        return bytes([self.number]) * 16

    @property
    def key(self) -> bytes:
        return self.filled("key")

    @property
    def roles(self) -> list[bytes]:
        return [self.filled(f"roles {version}") for version in range(4 - self.number)]

    def filled(self, what: str) -> bytes:
        return (f"{what} of {self.number} " * LONG).encode()[:LONG]

    def files(self) -> dict[str, bytes]:
        """What lies in the device's folder once it is this one, besides the pair."""
        who = DeviceIdentity(f"{self.number:016x}", f"v{self.number}", pin(self.roles[0]).hex())
        mine = {name: self.filled(name) for name in (AUTHORITY, LINK)}
        mine |= {CODE: code_hash(self.code).encode(), identity.FILE: identity.text(who).encode()}
        placed = {f"identity/{name}": content for name, content in mine.items()}
        placed |= {f"trust/{name}": one for name, one in roles_files(self.roles).items()}
        return placed | {f"config/{ZONE}": self.filled(ZONE)}

    def become(self, folder: Path) -> None:
        made = IdentityFolder(folder)
        made.settle()
        made.key_for(self.code, lambda: self.key)
        mark(folder, f"key {self.number}")
        made.begin()
        for name, content in {**self.files(), PAIR: self.filled(PAIR)}.items():
            made.gather(Path(name).name, content)
        made.commit()
        mark(folder, f"is {self.number}")

    def renew(self, folder: Path) -> None:
        IdentityFolder(folder).replace_pair(self.filled("renewed"))
        mark(folder, f"renewed {self.number}")


def left_by(folder: Path, promised: list[str]) -> str:
    """Return what is wrong with what a cut left, or nothing."""
    early = _seen_early(folder)
    if early:
        return early
    made = IdentityFolder(folder)
    made.settle()
    words = [promise.split() for promise in promised]
    was = max((int(number) for what, number in words if what == "is"), default=0)
    key = max((int(number) for what, number in words if what == "key"), default=0)
    now = int(identity.load(folder).id, 16) if identity.enrolled(folder) else 0
    if now not in (was, was + 1):
        return f"was {was} and is {now}"
    if key > now and made.key_for(Somebody(key).code, lambda: b"another") != Somebody(key).key:
        return f"the key of {key}, which central may know, is gone"
    if not now:
        return ""
    there = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "pending-"))
    }
    pair = there.pop(f"identity/{PAIR}", b"")
    good = [Somebody(now).filled("renewed")]
    if f"renewed {now}" not in promised:
        good.append(Somebody(now).filled(PAIR))
    if pair not in good:
        return f"the pair of {now} is {pair[:20]!r}"
    if there != Somebody(now).files():
        return f"not all of it is {now}'s: {sorted(there)}"
    return ""


def _seen_early(folder: Path) -> str:
    """The doors' daemons may look before sync has settled anything: `device.toml` came last."""
    if not identity.enrolled(folder):
        return ""
    number = int(identity.load(folder).id, 16)
    for name, content in Somebody(number).files().items():
        becoming = Somebody(number + 1).files().get(name) if number < LAST else None
        found = (folder / name).read_bytes() if (folder / name).exists() else None
        if found not in (content, becoming) and not (found is None and number < LAST):
            return f"device.toml says {number}, and {name} is another's"
    return ""


def main(folder: Path) -> None:
    for number in range(1, LAST + 1):
        Somebody(number).become(folder)
        Somebody(number).renew(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
