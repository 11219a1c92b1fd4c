"""The triggers of `reservations.models.guards` are put after every `migrate`; nothing is left to do here."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reservations", "0001_first")]
    operations = []
