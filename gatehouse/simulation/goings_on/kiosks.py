"""The kiosks of one venue, who goes to them, and whether what they are told there is so."""

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

from central.core.papers import STEP_OF, Step
from edge.core.visit_terms import Refusal
from gatehouse.simulation.books.papers import OUT, KioskWitness, Paper, ticket_of, tickets_on
from gatehouse.simulation.centrals.central import PaperThere
from gatehouse.simulation.goings_on.customers import Customers
from gatehouse.simulation.machines.kiosk import Kiosk
from gatehouse.simulation.machines.machine import EPOCH
from gatehouse.simulation.machines.printer import Piece
from gatehouse.simulation.planned.plan_terms import Errand
from gatehouse.simulation.promises import Promise
from rules.zone import Policy
from wire.claim import Kind
from wire.entry import Standing
from wire.paper import PaperClass, PaperEvent, Sort
from wire.reason import Reason
from wire.rotating import STEP_SECONDS
from wire.row import decode_row

if TYPE_CHECKING:
    from gatehouse.simulation.venue import Venue

STANDINGS = {
    Reason.BLOCKED: Standing.BLOCKED,
    Reason.REFUNDED: Standing.REFUNDED,
    Reason.RESCHEDULED: Standing.RESCHEDULED,
}
UNEXPLAINED = (Reason.NO_NETWORK, Reason.SEE_STAFF, Reason.PRINTER_CANNOT, Reason.NO_RECORD)
"""A person looks: nobody was told anything of the ticket."""
HOLDS = (Step.CONFIRMED, *OUT)
OPEN = (Step.RESERVED, Step.PRINTED, Step.CONFIRMED)
CLOCK_SECONDS = 1.0
MINUTE_SECONDS = 60.0


class Kiosks:
    def __init__(self, venue: "Venue", first: int) -> None:
        """`first`: the number of the first of them among the venue's devices."""
        self._venue = venue
        self.all = [self._made(number, first + number) for number in range(venue.plan.kiosks)]
        if venue.plan.delegates:
            venue.central.delegated = tuple(one.number for one in self.all)
        self.customers = Customers([one.stand for one in self.all], venue.truth)
        self.customers.refused = self._refused
        venue.truth.on_open = self._opens

    def _made(self, number: int, index: int) -> Kiosk:
        venue, name = self._venue, f"kiosk {number + 1}"
        chance = venue.chance(f"device {name}")
        about = (venue.central, venue.folder, venue.scheduler, chance)
        claims = venue.plan.claims or Policy.AVAILABLE
        hub = venue.hub if venue.plan.kiosks_claim else None
        kiosk = Kiosk(name, index + 1, venue.ids[index], *about, claims, hub, venue.plan.delegates)
        kiosk.install()
        witness = KioskWitness(kiosk, venue.truth, venue.central)
        venue.watch(witness)
        kiosk.stand.on_print, kiosk.stand.on_show = witness.printing, witness.showed
        kiosk.stand.on_muddle = witness.muddled
        kiosk.stand.on_piece = lambda piece: self._falls(kiosk, piece)
        return kiosk

    def witnesses(self) -> Iterator[KioskWitness]:
        for kiosk in self.all:
            witness = self._venue.witness(kiosk)
            assert isinstance(witness, KioskWitness)
            yield witness

    def begin(self) -> None:
        world = self._venue.scheduler.world
        for kiosk in self.all:
            world.create_task(kiosk.stand.printer.run())
            kiosk.power_on()
        for errand in self._venue.plan.errands:
            world.call_at(errand.at, self._goes, errand)
        for one in self._venue.plan.revocations:
            world.call_at(one.at, self._revokes, self.all[one.kiosk])

    def busy(self) -> bool:
        """Whether anybody is at one, or a paper is under way."""
        return bool(self.customers.here) or any(one.open for one in self.witnesses())

    def paper_of(self, cti: bytes, newest: bool) -> str | None:
        """Return a paper of a right that somebody holds."""
        held = self.customers.papers.get(cti)
        return held[-1 if newest else 0] if held else None

    def _revokes(self, kiosk: Kiosk) -> None:
        truth, central = self._venue.truth, self._venue.central
        if central.up:
            truth.tell("central", f"ends the leave of {kiosk.name} to exchange alone")
            truth.count("leave ended")
            central.revoke(kiosk.number)

    def _opens(self, gate: str, code: tuple[bytes, int], sequence: int) -> None:
        """Nothing opens that was signed by a key of which the list says that it is not good."""
        central = self._venue.central
        if not central.revoked or central.lines > 1:
            return
        alike = [
            (witness.device, one)
            for witness in self.witnesses()
            for one in witness.papers.values()
            if one.code == code and one.step is not Step.GIVEN_BACK
        ]
        since = [central.revoked.get(kiosk.number, inf) for kiosk, _ in alike]
        if any(kiosk.restored for kiosk, _ in alike):
            return  # It has had several keys, and those before were good to the end.
        if alike and all(one.alone for _, one in alike) and max(since) <= sequence:
            number = central.pool.by_cti[code[0]].number
            why = f"{gate}: a paper of ticket {number}, whose key is revoked on the list it had"
            self._venue.truth.violate(Promise.LIST_OBEYED, why)

    def _goes(self, errand: Errand) -> None:
        venue = self._venue
        issued = venue.central.pool.tickets[errand.ticket]
        coming = self.customers.visit(errand, issued, lambda: venue.phone(issued, errand.number))
        venue.scheduler.world.create_task(coming)

    def _falls(self, kiosk: Kiosk, piece: Piece) -> None:
        truth = self._venue.truth
        tickets = list(tickets_on(piece))
        truth.out |= {(one.cti, one.generation) for one in tickets}
        names = ", ".join(f"ticket {one.serial}, {one.generation}" for one in tickets)
        how = "cuts" if piece.cut else "loses, torn,"
        truth.tell(kiosk.name, f"{how} a paper ({names or 'no code'})")
        truth.count("papers cut" if piece.cut else "papers torn")
        if len(tickets) > 1:
            truth.count("papers of two codes")

    # What somebody is told at the screen.

    def _refused(self, errand: Errand, cti: bytes | None, refusal: Refusal) -> None:
        truth, reason = self._venue.truth, refusal.reason
        truth.tell(f"customer {errand.number}", f"reads: {reason.value}")
        truth.count(f"kiosk says {reason.value}")
        kiosk = self.all[errand.kiosk]
        if reason in UNEXPLAINED or (cti is not None and self._is_so(cti, reason, kiosk)):
            return
        if cti is None and (errand.mistypes or reason is Reason.TOO_MANY_TRIES):
            return
        if cti is None and reason not in (Reason.NO_SUCH_ORDER, Reason.TOO_MANY_TRIES):
            return  # One of several: which, the page does not say.
        what = f"ticket {errand.ticket} is told {reason.value}"
        truth.violate(Promise.NOBODY_ROBBED, f"kiosk {errand.kiosk + 1}: {what}")

    def _is_so(self, cti: bytes, reason: Reason, kiosk: Kiosk) -> bool:
        venue = self._venue
        venue.look()
        told, issued = venue.central.told.get(cti, ()), venue.central.pool.by_cti[cti]
        match reason:
            case Reason.BEING_USED if venue.central.claimed(cti):
                return True  # By a gate that is cut off, perhaps, and has not heard of its leave.
            case Reason.BEING_USED if venue.claimed.papers.granted(cti, Kind.ENTRY):
                return True
            case Reason.USED | Reason.BEING_USED:
                return any(one.by_right.get(cti) for one in venue.witnesses())
            case Reason.COLLECTED:
                return any(
                    paper.cti == cti and paper.step in HOLDS
                    for one in self.witnesses()
                    for paper in one.papers.values()
                )
            case Reason.BEING_COLLECTED:
                claimed = bool(venue.claimed.papers.granted(cti, Kind.EXCHANGE))
                there = [one.cti for one in venue.central.papers_there().values()]
                begun = [one.cti for kiosk in self.witnesses() for one in kiosk.papers.values()]
                return claimed or cti in there or cti in begun
            case Reason.SUPERSEDED:
                return any(one.generation for one in told)
            case Reason.BLOCKED | Reason.REFUNDED | Reason.RESCHEDULED:
                return any(one.standing is STANDINGS[reason] for one in told)
            case Reason.TOO_LATE:
                return issued.ticket.expires <= EPOCH + venue.scheduler.now + CLOCK_SECONDS
            case Reason.UNKNOWN:
                return not issued.listed
            case Reason.STATIC_COPY:
                return cti in venue.truth.static
            case Reason.CODE_TOO_OLD:
                # A clock that was set while nobody could tell the kiosk is gone by.
                return cti in venue.truth.pictures or abs(kiosk.machine.wall_offset) > STEP_SECONDS
            case _:
                return False

    # At the end.

    def reckon(self) -> None:
        """Hold all papers against what came out, and central's books against the journals."""
        there = self._venue.central.papers_there()
        for witness in self.witnesses():
            self._count(witness)
        for (device, name), paper in there.items():
            if paper.step in OPEN and not any(one.restored for one in self.all):
                why = f"device {device}: paper {name.hex()[:6]} is {paper.step.name} for ever"
                self._venue.truth.violate(Promise.PAPERS_COUNTED, why)
        self._central(there)
        self._one_paper()

    def _count(self, witness: KioskWitness) -> None:
        classes, cuts = witness.classes(), witness.device.stand.printer.counted.cuts
        known = sum(classes.values()) - classes[PaperClass.UNKNOWN]
        most = known + classes[PaperClass.UNKNOWN] + len(witness.forgotten)
        if witness.open or not known <= cuts <= most:
            why = f"{witness.device.name}: {cuts} cut, {known} known, {most} at most"
            self._venue.truth.violate(Promise.PAPERS_COUNTED, why)

    def _central(self, there: dict[tuple[int, bytes], PaperThere]) -> None:
        venue = self._venue
        numbers = {one.number: one for one in self.all}
        steps: dict[tuple[int, bytes], Step] = {}
        out: dict[bytes, int] = {}
        for (device, _, _), rows in venue.central.rows_there().items():
            for _, body in rows if device in numbers else ():
                happened, _ = decode_row(body)
                if not isinstance(happened, PaperEvent):
                    continue
                name, step = (device, happened.paper), STEP_OF[type(happened)]
                steps[name] = max(steps.get(name, Step.RESERVED), step)
                if step in OUT:
                    cti: bytes = getattr(happened, "cti", b"")
                    out[cti] = max(out.get(cti, 0), getattr(happened, "generation", 0))
        for name, step in steps.items():
            found = there[name].step if name in there else None
            if found is not step:
                why = f"{numbers[name[0]].name}: paper {name[1].hex()[:6]} is {step.name}"
                why += f", and central calls it {found.name if found else 'nothing'}"
                venue.truth.violate(Promise.EXCHANGE_KEPT, why)
        for cti, generation in out.items():
            if venue.central.generation(cti) < generation:
                number = venue.central.pool.by_cti[cti].number
                why = f"ticket {number} was exchanged, and the list still takes its older code"
                venue.truth.violate(Promise.EXCHANGE_KEPT, why)

    def _one_paper(self) -> None:
        """Of each right one paper is the ticket, unless somebody decided that it is to be anew.

        Signed while central was away there may be one of each kiosk; central tells of each.
        """
        venue, anew = self._venue, set(self._venue.truth.reissued)
        out: dict[bytes, list[tuple[Kiosk, bytes, Paper]]] = {}
        for witness in self.witnesses():
            for name, one in witness.papers.items():
                if one.sort is Sort.REISSUE:
                    anew.add(one.cti)
                if one.step is Step.EXCHANGED and name not in witness.forgotten:
                    out.setdefault(one.cti, []).append((witness.device, name, one))
        for cti, papers in sorted(out.items()):
            if len(papers) < 2 or cti in anew:
                continue
            number = venue.central.pool.by_cti[cti].number
            granted = [kiosk for kiosk, _, one in papers if not one.alone]
            printed = [kiosk.name for kiosk, _, _ in papers if not kiosk.restored]
            # Whoever forgot that there was one could grant another.
            sure = not venue.truth.counts.get("put back") and not any(k.restored for k in granted)
            if (len(granted) > 1 and sure) or len(printed) > len(set(printed)):
                venue.truth.violate(Promise.ONE_PAPER, f"ticket {number} has two")
            venue.truth.count("papers twice")
            self._told(number, papers)

    def _told(self, number: int, papers: list[tuple[Kiosk, bytes, Paper]]) -> None:
        """Each of several papers of a right is told: of which kiosk, and in which minute."""
        there = self._venue.central.papers_there()
        for kiosk, name, one in papers:
            told = there.get((kiosk.number, name))
            off = 0.0 if told is None else told.wall - EPOCH - one.out_at
            if told is None or (one.wall and abs(off) > MINUTE_SECONDS):
                what = "it is not told of" if told is None else f"told {off:+.0f} s off"
                why = f"paper of ticket {number} at {kiosk.name}: {what}"
                self._venue.truth.violate(Promise.DOUBLES_TOLD, why)


def generation_of(text: str) -> int:
    ticket = ticket_of(text)
    return ticket.generation if ticket else 0
