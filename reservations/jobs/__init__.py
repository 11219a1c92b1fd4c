"""Celery: a task reads the clock, loads an id and calls one action."""
