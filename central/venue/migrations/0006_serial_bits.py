from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from central.core.serial import width


def fix_widths(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Events whose tickets are sold keep the width those were drawn with."""
    event = apps.get_model("venue", "Event")
    sold = apps.get_model("venue", "Ticket").objects.values("ticket_class__event")
    for one in event.objects.filter(pk__in=sold):
        one.serial_bits = width(one.capacity)
        one.save(update_fields=["serial_bits"])


class Migration(migrations.Migration):
    dependencies = [
        ("venue", "0005_holders_sealed"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="serial_bits",
            field=models.PositiveSmallIntegerField(default=None, editable=False, null=True),
        ),
        migrations.RunPython(fix_widths, migrations.RunPython.noop),
    ]
