"""The business app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ReservationsConfig(AppConfig):
    name = "reservations"

    def ready(self) -> None:
        from reservations.models.groups import put_groups
        from reservations.models.guards import put_guards, take_guards

        pre_migrate.connect(take_guards, sender=self)
        post_migrate.connect(put_guards, sender=self)
        post_migrate.connect(put_groups, sender=self)
