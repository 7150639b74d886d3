"""What the broker reads of central: its certificate, and its list of who may say and hear what.

    authority/broker.pem, broker.key            the broker's own certificate
    authority/central-<program>.pem, .key       what central's programs show it
    authority/broker.acl                        mosquitto.conf(5): acl_file

A device is named by its certificate and writes the topics of its own id, each by name: with a
wildcard a hostile one could leave any number of retained messages in the broker's memory.
"""

from pathlib import Path

from cryptography import x509

from central.identity import authority
from central.link import Program
from wire.topic import ROOT, Topics

BROKER = "broker"
CONTROL = "$CONTROL/dynamic-security/v1"
CONTROL_RESPONSE = f"{CONTROL}/response"

WARNING_DAYS = 20
"""They are renewed with 30 days left (renewing.py): what is not by then needs somebody."""
NAMED = "%u"
"""What mosquitto puts the certificate's name in place of."""


def write(names: list[str], venue: str, now: int, days: int = authority.SERVER_DAYS) -> Path:
    """Write all of it for a broker that devices call by `names`; return the access list's path.

    Central's own programs may call it by this machine's own address.

    Raise AuthorityMissing.
    """
    issuing = authority.load()
    authority.write_server(issuing, [*names, "localhost", "127.0.0.1"], now, BROKER, days)
    for program in Program:
        authority.write_client(issuing, program, now)
    return authority.write_public(f"{BROKER}.acl", access_list(venue).encode())


def running_out(now: int) -> list[Path]:
    """Return the certificates of broker and programs that end within WARNING_DAYS, or are bad."""
    files = (authority.public() / f"{name}.pem" for name in (BROKER, *Program))
    return [path for path in files if ends_at(path) - now < WARNING_DAYS * authority.DAY]


def ends_at(path: Path) -> float:
    """Return when the certificate in a file ends, Unix seconds; 0 if there is none."""
    try:
        first = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError):
        return 0.0
    return first.not_valid_after_utc.timestamp()


def access_list(venue: str) -> str:
    """Return the broker's access list. What is not named is not allowed."""
    topics = Topics(venue)
    central = [f"topic read {topics.everything_up()}", f"topic write {ROOT}/{venue}/down/#"]
    central.append(f"topic write {ROOT}/{venue}/list/#")
    control = [f"topic write {CONTROL}", f"topic read {CONTROL_RESPONSE}"]
    up = (topics.live, topics.backlog, topics.hello, topics.claim, topics.log)
    lines = [
        "# Written by `gatehouse central authority broker`; do not edit.",
        *(f"\nuser {Program.INGEST}", *central),
        *(f"\nuser {Program.PUBLISH}", *central),
        *(f"\nuser {Program.IDENTITY}", *control),
        "",
        *(f"pattern write {topic(NAMED)}" for topic in up),
        f"pattern read {ROOT}/{venue}/down/{NAMED}/#",
        f"pattern read {ROOT}/{venue}/list/#",
    ]
    return "\n".join(lines) + "\n"
