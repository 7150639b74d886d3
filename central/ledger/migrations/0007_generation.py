"""Which generation of a ticket a use was with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_list_told")]

    operations = [migrations.AddField("use", "generation", models.SmallIntegerField(null=True))]
