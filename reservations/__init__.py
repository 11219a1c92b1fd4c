"""The business: decides and remembers."""

VERSION = "0.1.0"
