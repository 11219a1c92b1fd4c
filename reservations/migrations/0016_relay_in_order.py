"""The relay finds what is owed in its order; a new mail does not go where an old one left a little room.

Each such page is written whole into the log when it is first changed after a checkpoint: one for each mail.
"""

from django.db import migrations, models


def leave_room(apps, schema_editor):
    """For the steps of the mails that are there: a tenth of each page."""
    _set(schema_editor, "SET (fillfactor = 90)")


def fill_up(apps, schema_editor):
    _set(schema_editor, "RESET (fillfactor)")


def _set(schema_editor, what):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE reservations_message {what}")


class Migration(migrations.Migration):

    dependencies = [
        ('reservations', '0015_guarded_not_checked'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='message',
            name='message_due',
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('state__in', ['sent', 'withdrawn']), _negated=True), fields=['state', 'lane', 'due_at', 'id'], name='message_due'),
        ),
        migrations.RunPython(leave_room, fill_up),
    ]
