"""All harnesses, by name."""

from tests.fuzz import asked, lines, pictures, printers, reported, scanned, told
from tests.fuzz.harness import Harness

HARNESSES: dict[str, Harness] = {
    one.name: one
    for module in (scanned, lines, pictures, printers, told, reported, asked)
    for one in module.HARNESSES
}
