"""Who did it, as the log names them."""

from django.http import HttpRequest

from reservations.actions.recording import staff_name


def actor(request: HttpRequest) -> str:
    """`staff:<name>` for somebody signed in to the admin, on whatever page they act; else `customer`."""
    user = request.user
    return staff_name(user) if user.is_authenticated and user.is_staff else "customer"
