"""Which launches have a waiting room, opening by opening."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Prefetch

from reservations.models import Draw, Launch, LaunchMarket

EARLY = timedelta(minutes=10)
Cell = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Room:
    """The waiting room of one opening of a launch, as one market sees it. Who opens together queues together."""

    launch: str
    opening: int
    opens_at: datetime
    closes_at: datetime | None
    per_minute: int
    draws_at: datetime | None
    is_drawn: bool
    has_challenge: bool = False

    @cached_property
    def key(self) -> str:
        """One for all markets of the opening; it stays when the opening is moved."""
        return f"{self.launch}:{self.opening}"

    @cached_property
    def opens_ms(self) -> int:
        """The opening in milliseconds since 1970."""
        return int(self.opens_at.timestamp() * 1000)

    @cached_property
    def draws_ms(self) -> int:
        """The end of the draw's window; 0 without a draw."""
        return int(self.draws_at.timestamp() * 1000) if self.draws_at else 0

    def is_open(self, at: datetime) -> bool:
        """The launch takes reservations here: the form asks for a pass."""
        return self.opens_at <= at and not self.is_over(at)

    def is_early(self, at: datetime) -> bool:
        """The last minutes before the opening: the room may be entered."""
        return self.opens_at - EARLY <= at < self.opens_at

    def is_over(self, at: datetime) -> bool:
        return self.closes_at is not None and at >= self.closes_at


def rooms(*, at: datetime) -> dict[Cell, Room]:
    """(market, product slug) → its room, the one that is not over and opens first. Four queries."""
    draws_alone = Prefetch("draws", Draw.objects.defer("tickets"))
    launches = Launch.objects.filter(has_waiting_room=True).prefetch_related("windows", "products", draws_alone)
    found: dict[Cell, Room] = {}
    for launch in launches:
        numbers = opening_numbers(launch)
        draws = {draw.opening: draw for draw in launch.draws.all()}
        for window in launch.windows.all():
            room = _room(launch, window, numbers[window.opens_at], draws)
            for product in launch.products.all():
                cell = (window.market_id, product.slug)
                if not room.is_over(at) and (cell not in found or room.opens_at < found[cell].opens_at):
                    found[cell] = room
    return found


def opening_numbers(launch: Launch) -> dict[datetime, int]:
    """Each opening instant of a launch → its number, from 1 in the order of time."""
    instants = sorted({window.opens_at for window in launch.windows.all()})
    return {instant: number for number, instant in enumerate(instants, start=1)}


def _room(launch: Launch, window: LaunchMarket, opening: int, draws: dict[int, Draw]) -> Room:
    draw = draws.get(opening)
    return Room(
        launch=launch.slug,
        opening=opening,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        per_minute=0 if launch.paused_at else launch.admission_per_minute,
        draws_at=draw.closes_at if draw else None,
        is_drawn=bool(draw and draw.drawn_at),
        has_challenge=launch.has_challenge,
    )
