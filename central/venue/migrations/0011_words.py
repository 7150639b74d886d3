"""Fields that admins read in both languages; nothing changes in the tables."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("venue", "0010_entrances_and_payments"),
    ]

    operations = [
        migrations.AlterField(
            model_name="checkpoint",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.venue",
                verbose_name="场馆 venue",
            ),
        ),
        migrations.AlterField(
            model_name="device",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.venue",
                verbose_name="场馆 venue",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.venue",
                verbose_name="场馆 venue",
            ),
        ),
        migrations.AlterField(
            model_name="rolesversion",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.venue",
                verbose_name="场馆 venue",
            ),
        ),
        migrations.AlterField(
            model_name="signingkey",
            name="valid_from",
            field=models.BigIntegerField(default=0, verbose_name="有效期自 valid from (Unix)"),
        ),
        migrations.AlterField(
            model_name="signingkey",
            name="valid_until",
            field=models.BigIntegerField(
                default=4294967295, verbose_name="有效期至 valid until (Unix)"
            ),
        ),
        migrations.AlterField(
            model_name="signingkey",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.venue",
                verbose_name="场馆 venue",
            ),
        ),
        migrations.AlterField(
            model_name="ticketclass",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.event",
                verbose_name="场次 event",
            ),
        ),
        migrations.AlterField(
            model_name="zone",
            name="checkpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                to="venue.checkpoint",
                verbose_name="检票点 checkpoint",
            ),
        ),
        migrations.AlterField(
            model_name="zone",
            name="venue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                to="venue.venue",
                verbose_name="场馆 venue",
            ),
        ),
    ]
