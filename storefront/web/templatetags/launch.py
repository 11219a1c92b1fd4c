"""Filters for texts and amounts."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reservations.queries import texts

register = template.Library()
register.filter("translated", texts.translated)
register.filter("country", texts.country)


@register.filter
def bdi(amount: str) -> SafeString:
    """Keep an amount's direction to itself."""
    return format_html("<bdi>{}</bdi>", amount)
