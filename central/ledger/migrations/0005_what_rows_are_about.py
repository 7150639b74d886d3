"""Reads out of the rows that are here what each is about, and names incidents as they are now."""

from typing import Any

from django.db import migrations

from central.ledger.reading import about, read_row

SOME = 2000


def read(apps: Any, _: Any) -> None:
    Row, Incident = apps.get_model("ledger", "Row"), apps.get_model("ledger", "Incident")  # noqa: N806
    last = 0
    while some := list(Row.objects.filter(pk__gt=last).order_by("pk").only("body")[:SOME]):
        for row in some:
            row.about = about(read_row(bytes(row.body), 0)[0])
        Row.objects.bulk_update([row for row in some if row.about], ["about"])
        last = some[-1].pk
    for one in Incident.objects.filter(kind="conflict"):
        # Two rows of one name were called so; all of one epoch are one story now.
        detail = {"epoch": one.detail["epoch"]}
        held = {"kind": "forked", "device_id": one.device_id, "detail": detail}
        Incident.objects.get_or_create(**held, defaults={"received_ms": one.received_ms})
        one.delete()
    for one in Incident.objects.exclude(detail__cti=None):
        one.about = bytes.fromhex(one.detail["cti"])
        one.save(update_fields=["about"])


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_stories")]
    operations = [migrations.RunPython(read, migrations.RunPython.noop)]
