"""Central's own ingest, list and operations, on a database in memory (server.py).

Slower than all gates together, so that most seeds run on `central_light`.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from central.core.papers import Step
from gatehouse.simulation.centrals import server
from gatehouse.simulation.centrals.central import (
    DELEGATED_FROM,
    DELEGATED_UNTIL,
    Central,
    Message,
    PaperThere,
)
from gatehouse.simulation.centrals.keys import ROLES, sealed
from gatehouse.simulation.centrals.tickets import LIST_KEY, VENUE
from gatehouse.simulation.machines.loop import aside
from rules.use import Outcome
from wire.codec import encode
from wire.entry import Row, Standing
from wire.exchange import Answered, Asked
from wire.signed import Purpose

if TYPE_CHECKING:
    from central.claims.answering import Ledger


class RealCentral(Central):
    _backup: bytes | None = None
    _claims: "Ledger | None" = None
    """Of claims, of this life of ingest."""

    @contextmanager
    def running(self) -> Iterator[None]:
        server.ready()
        signs = (self.pool.kid, self.pool.key)
        image = server.beginning(len(self.pool.tickets), ROLES)
        with server.central_of(lambda: self.wall, self._folder, sealed, signs):
            from central.lists import snapshots
            from central.venue.models import Venue

            server.put_back(image)
            server.enter_devices(self._identities)
            server.delegate(self.delegated, DELEGATED_FROM, DELEGATED_UNTIL)
            snapshots.snapshot(Venue.objects.get(code=VENUE))
            yield

    def head(self) -> tuple[int, bytes]:
        from central.lists.changes import head
        from central.venue.models import Venue

        return head(Venue(pk=1))

    def take(self, messages: list[Message]) -> list[Message]:
        from central.claims.answering import Ledger
        from central.ledger import ingest

        if self.answers_claims and self._claims is None:
            self._claims = Ledger(self.topics, lambda: self.now())
        return ingest.take(messages, self.topics, ledger=self._claims)

    def begin(self) -> None:
        self._claims = None

    def ask(self) -> list[Message]:
        return [] if self._claims is None else self._claims.ask()

    def open_claims(self) -> dict[bytes, int]:
        from central.claims import knowing

        return Counter(device for device, _ in knowing.unheard())

    @aside
    def claimed(self, cti: bytes) -> bool:
        from central.claims import knowing

        return knowing.claimed(cti).exists()

    def changes(self, after: int) -> list[tuple[int, bytes]]:
        from central.lists.models import Change

        found = Change.objects.filter(sequence__gt=after).order_by("sequence")
        return [(sequence, bytes(body)) for sequence, body in found.values_list("sequence", "body")]

    def stand(self, cti: bytes, standing: Standing) -> None:
        from central.lists import changes
        from central.venue.models import Ticket

        changes.set_standing(list(Ticket.objects.filter(cti=cti)), standing)

    def reissue_ticket(self, cti: bytes) -> None:
        from central.lists import changes
        from central.venue.models import Ticket

        changes.reissue(Ticket.objects.get(cti=cti))

    def code_generation(self, cti: bytes) -> int:
        from central.venue.models import Ticket

        found = Ticket.objects.filter(cti=cti).values_list("code_generation", flat=True).first()
        return found or 0

    def exchange(self, device: int, asked: Asked) -> Answered:
        from central.exchange import views
        from central.venue.models import Device

        return views.answered(asked, Device.objects.get(pk=device))

    def revoke_key(self, device: int) -> None:
        from central.exchange import delegating
        from central.exchange.models import Delegation

        for one in Delegation.objects.filter(device_id=device, revoked=False):
            delegating.revoke(one)

    def papers(self) -> dict[tuple[int, bytes], PaperThere]:
        from central.exchange.models import Paper

        found = Paper.objects.select_related("ticket").order_by("pk")
        return {
            (one.device_id, bytes(one.paper)): PaperThere(
                bytes(one.ticket.cti) if one.ticket else b"",
                one.generation,
                Step(one.step),
                one.wall_ms / 1000,
            )
            for one in found
        }

    def withdraw(self, cti: bytes) -> None:
        from central.ledger.models import Use
        from central.tickets import operations
        from central.tickets.operations import Asked
        from central.venue.models import Ticket

        given_back = (Outcome.ABANDONED.value, Outcome.UNDONE.value)
        use = Use.objects.filter(cti=cti).exclude(outcome__in=given_back).order_by("-pk").first()
        if use is not None:
            asked = Asked("simulation", f"undo {cti.hex()} {use.pk}", self.wall)
            operations.undo(Ticket.objects.get(cti=cti), asked, bytes(use.admission), use.person)

    def manifest(self) -> bytes:
        from central.lists import snapshots
        from central.venue.models import Venue

        made = snapshots.newest(Venue(pk=1))
        return bytes(made.manifest) if made else b""

    def essentials(self) -> bytes:
        from central.lists import essentials
        from central.venue.models import Venue

        said = essentials.gather(Venue.objects.get(code=VENUE))
        return sealed(encode(said), Purpose.ESSENTIALS)

    def back_up(self) -> None:
        self._backup = server.picture()

    def restore(self) -> bool:
        if self._backup is None:
            return False
        server.put_back(self._backup)
        return True

    def listed(self, rights: list[bytes]) -> list[Row]:
        from central.ledger.uses import reported
        from central.venue.models import Ticket
        from central.venue.told import NEVER_USED

        uses = reported(None)
        found = Ticket.objects.filter(cti__in=rights)
        return [one.row(LIST_KEY, uses.get(bytes(one.cti), NEVER_USED)) for one in found]

    def rows(self) -> dict[tuple[int, bytes, int], set[tuple[bytes, bytes]]]:
        from central.ledger.models import OtherRow, Row

        found: dict[tuple[int, bytes, int], set[tuple[bytes, bytes]]] = {}
        columns = ("device_id", "epoch", "seq", "hash", "body")
        everything = [*Row.objects.values_list(*columns), *OtherRow.objects.values_list(*columns)]
        for device, epoch, seq, hashed, body in everything:
            name = (device, bytes(epoch), seq)
            found.setdefault(name, set()).add((bytes(hashed), bytes(body)))
        return found

    def conflicts(self) -> set[bytes]:
        from central.ledger.findings import CONFLICT
        from central.ledger.models import Incident

        found = Incident.objects.filter(kind=CONFLICT).values_list("about", flat=True)
        return {bytes(cti) for cti in found if cti}

    def used(self, cti: bytes) -> dict[tuple[int, bytes, int], float]:
        from central.ledger.models import Use

        found = Use.objects.filter(cti=cti).values_list(
            "device_id", "admission", "person", "wall_ms"
        )
        return {(one, bytes(name), person): ms / 1000 for one, name, person, ms in found}

    def findings(self) -> dict[str, int]:
        from central.ledger.models import Incident

        counted: dict[str, int] = {}
        for kind in Incident.objects.values_list("kind", flat=True):
            counted[kind] = counted.get(kind, 0) + 1
        return counted
