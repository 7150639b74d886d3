"""Which list a device says it has."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_what_rows_are_about")]

    operations = [
        migrations.AddField("footing", "list_told_ms", models.BigIntegerField(null=True)),
        migrations.AddField(
            "footing",
            "list_sequence",
            models.BigIntegerField(null=True, verbose_name="名单版本 list"),
        ),
        migrations.AddField(
            "footing",
            "list_confirmed_ms",
            models.BigIntegerField(null=True, verbose_name="名单确认于 list confirmed at (ms)"),
        ),
    ]
