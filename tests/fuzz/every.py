"""All harnesses, by name."""

from tests.fuzz import lines, reported, scanned, told
from tests.fuzz.harness import Harness

HARNESSES: dict[str, Harness] = {
    one.name: one for module in (scanned, lines, told, reported) for one in module.HARNESSES
}
