"""A story, and who tells it: a function of the incident and of all that is known by now."""

from collections.abc import Callable
from dataclasses import dataclass

from central.ledger.models import Incident
from central.venue.models import Ticket
from wire.words import Words


@dataclass(frozen=True, slots=True)
class Story:
    title: Words
    happened: tuple[Words, ...]
    """Sentences, in the order in which one would tell them."""
    to_do: tuple[Words, ...]
    holds: bool = True
    """False: later rows explain it away."""


Teller = Callable[[Incident], Story]


def ticket_of(incident: Incident) -> Ticket | None:
    """Return the ticket that an incident is about."""
    if incident.about is None:
        return None
    found = Ticket.objects.filter(cti=bytes(incident.about))
    return found.select_related("ticket_class__event__venue").first()


def explained_away() -> Story:
    return Story(
        Words("后来的记录说明没有问题", "Later rows explain it away"),
        (
            Words(
                "起初看来有误；后到的记录说明其中一次没有走进去，或已被撤销。",
                "It looked wrong at first. Rows that came later say that one of them did not walk "
                "in, or it was undone.",
            ),
        ),
        (Words("无需处理。", "There is nothing to do."),),
        holds=False,
    )


HELD_REFUNDS = Words(
    "这段时间里谁凭票进去无人知道：涉及的退款会等您决定。",
    "Who came in meanwhile nobody knows: refunds that it could touch wait for your decision.",
)
