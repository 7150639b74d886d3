"""Fewer indexes of what devices report: a name that begins with the device needs none beside it.

On a database that has no statistics yet, PostgreSQL took the one of the device alone, and read all
of a device's rows to find two.
"""

from typing import Any

from django.db import migrations, models
from django.db.models import CASCADE


def _of_a_device(name: str | None = None) -> "models.ForeignKey[Any, Any]":
    return models.ForeignKey("venue.device", CASCADE, db_index=False, verbose_name=name)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_generation")]

    operations = [
        *(
            migrations.AlterField(model, "device", _of_a_device("设备 device"))
            for model in ("row", "otherrow")
        ),
        *(migrations.AlterField(model, "device", _of_a_device()) for model in ("prefix", "use")),
        *(
            migrations.AlterField(model, "kind", models.CharField("事件 event", max_length=40))
            for model in ("row", "otherrow")
        ),
        migrations.AddIndex("row", models.Index(fields=["kind"], name="row_kind")),
        migrations.AddIndex("otherrow", models.Index(fields=["kind"], name="other_row_kind")),
    ]
