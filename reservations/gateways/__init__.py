"""The outside: primitives in, frozen dataclasses out."""
