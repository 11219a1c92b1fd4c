"""Who did it, as the log names them."""

from django.http import HttpRequest


def actor(request: HttpRequest) -> str:
    """`staff:<name>` for somebody signed in to the admin, on whatever page they act; else `customer`."""
    user = request.user
    return f"staff:{user.get_username()}"[:80] if user.is_authenticated and user.is_staff else "customer"
