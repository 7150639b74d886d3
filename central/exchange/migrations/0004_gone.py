from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exchange", "0003_delegated_keys")]

    operations = [
        migrations.AddField(
            "printerstate",
            "gone",
            models.CharField("断开 gone", max_length=200, blank=True, default=""),
        ),
        migrations.AddField("printerstate", "gone_ms", models.BigIntegerField(default=0)),
    ]
