"""The part of the crowd that must have paper: first to the kiosk, then to the gate.

One of them meets a printer that jams in the midst of the ticket. Nobody can know what came out, so
staff print it anew; the books say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gatehouse.demo.kiosk_visitor import KioskVisitor
from gatehouse.demo.processes import DemoError
from simulators.crowd import Does, Issued, Shows, Visitor

GAP_SECONDS = 2.5


@dataclass(frozen=True, slots=True)
class Collected:
    """A ticket on paper, and the phone's code that is void since."""

    phone: bytes
    paper: bytes


async def through_the_kiosk(kiosk: KioskVisitor, tickets: Sequence[Issued]) -> list[Collected]:
    """Turn each ticket into paper, one after the other; a test first, a jam last."""
    await kiosk.enter()
    await kiosk.test()
    collected: list[Collected] = []
    for one in tickets[:-1]:
        phone = one.text.encode()
        collected.append(Collected(phone, await kiosk.collect(phone)))
    phone = tickets[-1].text.encode()
    await kiosk.collect_in_vain(phone)
    collected.append(Collected(phone, await kiosk.reissue(phone)))
    if any(not one.paper for one in collected):
        raise DemoError("a paper came out without a code that a camera can read")
    return collected


def with_papers(number: int, collected: Sequence[Collected]) -> list[Visitor]:
    """Return the visitors who come with these: each enters, and somebody tries the phone's code."""
    crowd: list[Visitor] = []
    for one in collected:
        for shows, code in ((Shows.PAPER, one.paper), (Shows.VOID, one.phone)):
            about = (number + len(crowd), shows, code, 1, Does.WALKS, GAP_SECONDS, False)
            crowd.append(Visitor(*about))
    return crowd
