"""What a seed stands for: who comes, what is done to tickets, and what goes wrong, all beforehand.

A plan is a list of plain things with times, so that shrinking can leave any of them out and the
rest stays as it was.
"""

import random
from dataclasses import dataclass, field, replace

from gatehouse.simulation.centrals.tickets import Issued, Kind, Pool, pool
from gatehouse.simulation.planned import claiming, errands, lanes
from gatehouse.simulation.planned.plan_terms import (
    CONTACT_LOST,
    FAULTS_A_MINUTE,
    Deed,
    DeedKind,
    Does,
    Errand,
    Fault,
    FaultKind,
    Lock,
    Plan,
    Visitor,
    Wishes,
)
from rules.zone import Policy

DEEDS_A_MINUTE = 1.0
COPY_SECONDS = 45.0


WEIGHTS: dict[FaultKind, float] = {
    FaultKind.CUT: 5,
    FaultKind.STORM: 5,
    FaultKind.BROKER: 2,
    FaultKind.CENTRAL_AWAY: 2,
    FaultKind.CENTRAL_DIES: 3,
    FaultKind.BACKUP: 2,
    FaultKind.PUT_BACK: 1,
    FaultKind.GATE_KILLED: 3,
    FaultKind.SYNC_KILLED: 3,
    FaultKind.GATE_POINT: 6,
    FaultKind.SYNC_POINT: 4,
    FaultKind.POWER: 4,
    FaultKind.CLOCK_STEP: 2,
    FaultKind.CLOCK_LOST: 2,
    FaultKind.SLOW_DISK: 2,
    FaultKind.READER: 1,
    FaultKind.SWAP: 1,
    FaultKind.PICTURE: 1,
    FaultKind.RESTORE: 1,
}
FIRES = 0.03
"""Of all faults; each is everybody's."""
CONTACTS = 0.1
"""Beside all others, since they came later."""
HUBS: dict[FaultKind, float] = {
    FaultKind.HUB_KILLED: 3,
    FaultKind.HUB_POINT: 5,
    FaultKind.HUB_POWER: 3,
    FaultKind.HUB_CUT: 5,
    FaultKind.HUB_STORM: 5,
    FaultKind.HUB_REPLACED: 1,
}
"""Where there is a hub."""


__all__ = [
    "FAULTS_A_MINUTE",
    "Deed",
    "DeedKind",
    "Does",
    "Errand",
    "Fault",
    "FaultKind",
    "Plan",
    "Visitor",
    "Wishes",
    "draw",
]

NOISE = (
    b"https://example.com/menu",
    b"1312345678901234567",
    b"WIFI:T:WPA;S:lobby;P:secret;;",
    b"\x00\x1b[2J\x03",
    b"\xff\xfe\x80GH1",
    b"GH1",
    b"GH1A",
    b"A" * 600,
    b"",
)


def draw(seed: int, wishes: Wishes) -> Plan:
    """Return the plan of a seed."""
    chance = random.Random(f"{seed} plan")
    seconds = wishes.minutes * 60
    expected = wishes.gates * wishes.minutes * wishes.visitors_a_minute
    count = 64
    while count < expected * 2.2 + 40:
        count *= 2
    visitors = _Crowd(chance, pool(count), wishes).draw(seconds)
    claims = random.Random(f"{seed} claims").choice(wishes.claims)
    faults = _faults(chance, wishes, seconds, claims)
    faults = (*faults, *_fires(random.Random(f"{seed} fire"), wishes, seconds, len(faults)))
    looks = random.Random(f"{seed} contact")
    faults = (*faults, *_contacts(looks, wishes, seconds, len(faults)))
    deeds = _deeds(chance, wishes, seconds, visitors)
    parts = (visitors, faults, deeds, count)
    plan = Plan(seed, wishes.gates, seconds, *parts, wishes.real_central, claims)
    plan = lanes.add(claiming.add(errands.add(plan, wishes), wishes), wishes)
    return replace(plan, locks=_locks(random.Random(f"{seed} locks"), wishes, plan))


def _locks(chance: random.Random, wishes: Wishes, plan: Plan) -> tuple[Lock, ...]:
    rate = wishes.locks_a_minute / 60
    found: list[Lock] = []
    at = chance.expovariate(rate) if rate else plan.seconds
    while at < plan.seconds:
        place = chance.randrange(plan.gates + plan.kiosks)
        where = (place - plan.gates, True) if place >= plan.gates else (place, False)
        found.append(Lock(len(found), at, *where, chance.uniform(1.0, 25.0)))
        at += chance.expovariate(rate)
    return tuple(found)


@dataclass(slots=True)
class _Crowd:
    chance: random.Random
    pool: Pool
    wishes: Wishes
    stock: dict[Kind, list[Issued]] = field(default_factory=dict)

    def draw(self, seconds: float) -> tuple[Visitor, ...]:
        for kind in Kind:
            self.stock[kind] = [one for one in self.pool.tickets if one.kind is kind]
            self.chance.shuffle(self.stock[kind])
        found: list[Visitor] = []
        for gate in range(self.wishes.gates):
            at = self.chance.uniform(5.0, 8.0)
            while at < seconds:
                found.append(self._visitor(gate, at))
                at += self.chance.expovariate(self.wishes.visitors_a_minute / 60)
        found.sort(key=lambda one: (one.at, one.gate))
        return self._with_copies(found, seconds)

    def _visitor(self, gate: int, at: float) -> Visitor:
        chance = self.chance
        kind = chance.choices([*Kind, None], weights=[76, 5, 3, 2, 3, 2, 2, 4], k=1)[0]
        does = chance.choices(list(Does), weights=[90, 5, 2, 3])[0]
        pace = chance.uniform(0.4, 2.0)
        impatient = chance.random() < 0.15
        ticket, noise = None, b""
        if kind is not None and self.stock[kind]:
            ticket = self.stock[kind].pop().number
        else:
            noise = self._noise()
        return Visitor(0, at, gate, ticket, does, pace, noise, None, impatient)

    def _noise(self) -> bytes:
        chance = self.chance
        match chance.randrange(4):
            case 0:
                return chance.randbytes(chance.randrange(1, 300))
            case 1:
                text = chance.choice(self.pool.tickets).text
                return text[: chance.randrange(4, len(text))]
            case 2:
                flipped = bytearray(chance.choice(self.pool.tickets).text)
                flipped[chance.randrange(3, len(flipped))] ^= 1 << chance.randrange(8)
                return bytes(flipped)
            case _:
                return chance.choice(NOISE)

    def _with_copies(self, found: list[Visitor], seconds: float) -> tuple[Visitor, ...]:
        """Let some of them have a copy of another's ticket, shown at any gate, before or after."""
        chance, out = self.chance, list[Visitor]()
        numbered = [replace(one, number=number) for number, one in enumerate(found)]
        for one in numbered:
            out.append(one)
            if one.ticket is None or chance.random() > self.wishes.copies:
                continue
            at = min(max(5.0, one.at + chance.gauss(5.0, COPY_SECONDS)), seconds)
            gate = one.gate if chance.random() < 0.3 else chance.randrange(self.wishes.gates)
            copy = replace(
                one, at=at, gate=gate, number=len(numbered) + one.number, copies=one.number
            )
            out.append(replace(copy, does=Does.WALKS))
        return tuple(sorted(out, key=lambda one: (one.at, one.number)))


def _faults(
    chance: random.Random, wishes: Wishes, seconds: float, claims: Policy | None
) -> tuple[Fault, ...]:
    weights = WEIGHTS if claims is None else WEIGHTS | HUBS
    kinds = [kind for kind in weights if kind in wishes.kinds]
    found: list[Fault] = []
    if not kinds or wishes.faults_a_minute <= 0:
        return ()
    at = chance.expovariate(wishes.faults_a_minute / 60)
    while at < seconds:
        kind = chance.choices(kinds, weights=[weights[one] for one in kinds])[0]
        gate = chance.randrange(wishes.gates)
        found.append(
            Fault(len(found), at, kind, gate, _seconds(chance, kind), _amount(chance, kind))
        )
        at += chance.expovariate(wishes.faults_a_minute / 60)
    return tuple(found)


def _fires(chance: random.Random, wishes: Wishes, seconds: float, number: int) -> tuple[Fault, ...]:
    rate = wishes.faults_a_minute * FIRES / 60
    found: list[Fault] = []
    at = chance.expovariate(rate) if rate and FaultKind.FIRE in wishes.kinds else seconds
    while at < seconds:
        lasts = chance.uniform(4.0, 20.0)
        found.append(Fault(number + len(found), at, FaultKind.FIRE, 0, lasts))
        at += lasts + chance.expovariate(rate)
    return tuple(found)


def _contacts(
    chance: random.Random, wishes: Wishes, seconds: float, number: int
) -> tuple[Fault, ...]:
    rate = wishes.faults_a_minute * CONTACTS / 60
    found: list[Fault] = []
    at = chance.expovariate(rate) if rate and FaultKind.CONTACT in wishes.kinds else seconds
    while at < seconds:
        lost = chance.random()
        lasts = chance.uniform(*((1.0, 30.0) if lost < CONTACT_LOST else (0.2, 1.5)))
        gate = chance.randrange(wishes.gates)
        found.append(Fault(number + len(found), at, FaultKind.CONTACT, gate, lasts, lost))
        at += chance.expovariate(rate)
    return tuple(found)


def _seconds(chance: random.Random, kind: FaultKind) -> float:
    match kind:
        case FaultKind.CUT | FaultKind.STORM | FaultKind.CENTRAL_AWAY | FaultKind.HUB_CUT:
            return chance.choice((3.0, 20.0, 60.0, 150.0)) * chance.uniform(0.5, 1.5)
        case FaultKind.SLOW_DISK | FaultKind.SWAP | FaultKind.HUB_STORM:
            return chance.uniform(20.0, 60.0)
        case _:
            return chance.uniform(1.0, 15.0)


def _amount(chance: random.Random, kind: FaultKind) -> float:
    match kind:
        case FaultKind.CLOCK_STEP:
            return chance.choice((-1.0, 1.0)) * chance.choice((5.0, 120.0, 3600.0, 2 * 86_400.0))
        case FaultKind.CLOCK_LOST:
            return -chance.choice((600.0, 86_400.0, 3 * 86_400.0, 200 * 86_400.0))
        case FaultKind.GATE_POINT | FaultKind.SYNC_POINT | FaultKind.HUB_POINT:
            return float(chance.randrange(1, 60))
        case _:
            return chance.random()


def _deeds(
    chance: random.Random, wishes: Wishes, seconds: float, visitors: tuple[Visitor, ...]
) -> tuple[Deed, ...]:
    """Things are done to tickets whose holders are about to come, or have just been there."""
    holders = [one for one in visitors if one.ticket is not None]
    found: list[Deed] = []
    rate = DEEDS_A_MINUTE * max(1.0, wishes.gates / 4)
    at = chance.expovariate(rate / 60)
    while at < seconds and holders:
        near = [one for one in holders if abs(one.at - at) < wishes.deed_seconds] or holders
        ticket = chance.choice(near).ticket
        kind = chance.choices(list(DeedKind), weights=[4, 3, 1, 2, 2])[0]
        assert ticket is not None
        found.append(Deed(len(found), at, kind, ticket))
        at += chance.expovariate(rate / 60)
    return tuple(found)
