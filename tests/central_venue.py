"""A venue for central's tests, as `gatehouse central prepare` reads it."""

from typing import Any

TOKEN = "token-of-gate-1"


def description(count: int = 5) -> dict[str, Any]:
    return {
        "code": "v",
        "name": {"zh": "场馆", "en": "Venue"},
        "seed": 1,
        "checkpoints": ["hall"],
        "devices": [{"id": "0102030405060708", "name": "Gate 1", "token": TOKEN}],
        "events": [
            {
                "audience": "SHOW",
                "name": {"zh": "演出", "en": "Show"},
                "opens": 1_700_000_000,
                "closes": 1_900_000_000,
                "classes": [
                    {
                        "code": 1,
                        "name": {"zh": "成人票", "en": "Adult"},
                        "uses": {"hall": 1},
                        "tickets": [
                            {"kind": "valid", "count": count},
                            {"kind": "refunded", "count": 2, "standing": "refunded"},
                            {"kind": "group", "count": 1, "quantity": 4},
                        ],
                    }
                ],
            }
        ],
    }
