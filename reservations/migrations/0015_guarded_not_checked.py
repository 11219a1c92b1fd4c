"""Guards check for all rows of a statement at once what foreign keys checked row by row; mails begin with defaults."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('reservations', '0014_payments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='event',
            name='reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AlterField(
            model_name='event',
            name='reservation',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='reservations.reservation'),
        ),
        migrations.AlterField(
            model_name='message',
            name='attempts',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='message',
            name='journal',
            field=models.CharField(blank=True, db_default='', default='', help_text='Where the worker notes what it has handed over.', max_length=80),
        ),
        migrations.AlterField(
            model_name='message',
            name='last_error',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AlterField(
            model_name='message',
            name='raw',
            field=models.TextField(blank=True, db_default='', default='', help_text='The mail exactly as sent (RFC 5322).'),
        ),
        migrations.AlterField(
            model_name='message',
            name='recipient',
            field=models.CharField(blank=True, db_default='', default='', max_length=320),
        ),
        migrations.AlterField(
            model_name='message',
            name='reservation',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='reservations.reservation'),
        ),
        migrations.AlterField(
            model_name='message',
            name='state',
            field=models.CharField(choices=[('owed', 'owed'), ('queued', 'queued'), ('sending', 'sending'), ('sent', 'sent'), ('failed', 'failed'), ('uncertain', 'uncertain'), ('withdrawn', 'withdrawn')], db_default='owed', default='owed', max_length=10),
        ),
        migrations.AlterField(
            model_name='message',
            name='subject',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AlterField(
            model_name='message',
            name='version',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
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
