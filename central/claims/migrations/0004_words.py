"""Fields that admins read in both languages; nothing changes in the tables."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("claims", "0003_hub_heard"),
        ("venue", "0011_words"),
    ]

    operations = [
        migrations.AlterField(
            model_name="zoneclaims",
            name="zone",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.zone",
                verbose_name="区域 zone",
            ),
        ),
    ]
