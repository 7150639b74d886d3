"""What a hub's broker is told of who may say and hear what: mosquitto.conf(5), acl_file.

A device is named by its certificate. The hub's own program shows the hub's certificate, so that it
needs no other; it hears all devices and answers each.
"""

from wire.topic import ROOT, Topics

NAMED = "%u"
"""What mosquitto puts the certificate's name in place of."""


def access_list(venue: str, hub: str) -> str:
    """Return the access list; `hub` is its device id. What is not named is not allowed."""
    topics = Topics(venue)
    up = (topics.live, topics.backlog, topics.hello, topics.claim)
    down = (topics.ack, topics.claim_answer)
    lines = [
        "# Written by `gatehouse hub --access-list`; do not edit.",
        f"user {hub}",
        f"topic read {topics.everything_up()}",
        f"topic write {ROOT}/{venue}/down/#",
        "",
        *(f"pattern write {topic(NAMED)}" for topic in up),
        *(f"pattern read {topic(NAMED)}" for topic in down),
    ]
    return "\n".join(lines) + "\n"
