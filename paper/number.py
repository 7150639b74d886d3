"""A ticket's number as a person types it: `HALL7-3K9M-PQX2`.

The event's code, then the serial number in Crockford's base 32 (no I, L, O, U; what looks alike is
read alike) with a check character, in groups of four. It names a ticket and proves nothing: whoever
asks for it asks for something else beside it.
"""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans("OIL", "011")
_PLACES = 7
"""32 bits of serial take seven characters of five bits; the check makes eight: two groups."""
_FIELD = 0b100101
"""x^5 + x^2 + 1: the field of 32 elements, so that the check has one character of the alphabet."""


def number_of(audience: str, serial: int) -> str:
    """Return the number of ticket `serial` (below 2**32) of an event with that code."""
    places = [serial >> 5 * place & 31 for place in reversed(range(_PLACES))]
    body = "".join(ALPHABET[place] for place in (*places, _check(places)))
    return f"{audience}-{body[:4]}-{body[4:]}"


def read_number(typed: str) -> tuple[str, int] | None:
    """Return the event's code and the serial of a number as somebody typed it, or None.

    Case, spaces and hyphens do not matter; of the last eight characters, one that is wrong and any
    two that changed places are always noticed.
    """
    packed = "".join(char for char in typed.upper() if not char.isspace() and char != "-")
    audience, body = packed[:-8], packed[-8:].translate(_ALIKE)
    if not audience or len(body) != 8 or any(char not in ALPHABET for char in body):
        return None
    *places, check = (ALPHABET.index(char) for char in body)
    serial = 0
    for place in places:
        serial = serial << 5 | place
    return (audience, serial) if check == _check(places) and serial < 1 << 32 else None


def _check(places: list[int]) -> int:
    """Return the sum of the places, each times another power of x: x is no one's zero divisor."""
    total = 0
    for place in places:
        total = _times_x(total ^ place)
    return total


def _times_x(element: int) -> int:
    doubled = element << 1
    return doubled ^ _FIELD if doubled & 32 else doubled
