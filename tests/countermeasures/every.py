"""Every countermeasure of docs/security.md, taken out: by area, about as the page has them."""

from tests.countermeasures.broker import BROKER
from tests.countermeasures.cameras import CAMERAS
from tests.countermeasures.claims import CLAIMS
from tests.countermeasures.clock import CLOCK
from tests.countermeasures.enrolment import ENROLMENT
from tests.countermeasures.hubs import HUBS
from tests.countermeasures.identity import IDENTITY
from tests.countermeasures.lists import LISTS
from tests.countermeasures.moving import MOVING
from tests.countermeasures.notices import NOTICES
from tests.countermeasures.operations import DEEDS
from tests.countermeasures.orders import ORDERS
from tests.countermeasures.papers import PAPERS
from tests.countermeasures.printer import PRINTER
from tests.countermeasures.staff import STAFF
from tests.countermeasures.terms import Changes
from tests.countermeasures.tickets import TICKETS

AREAS = (
    *(PAPERS, TICKETS, ENROLMENT, IDENTITY, CLOCK, BROKER),
    *(MOVING, DEEDS, ORDERS, LISTS, CLAIMS, HUBS, PRINTER, STAFF, CAMERAS, NOTICES),
)
EVERY: Changes = {attack: changes for area in AREAS for attack, changes in area.items()}
