"""Guards check for all rows of a statement at once what foreign keys checked row by row (ADR 7)."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reservations', '0014_payments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='event',
            name='reservation',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='reservations.reservation'),
        ),
        migrations.AlterField(
            model_name='message',
            name='reservation',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='reservations.reservation'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='allotment',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reservations', to='reservations.allotment'),
        ),
        migrations.AlterField(
            model_name='reservation',
            name='wording',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reservations.wording'),
        ),
    ]
