"""The queue at opening: a thin layer in front of Django, with its state in Redis."""
