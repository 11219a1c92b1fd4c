"""The launch data files: read, checked, and returned as plain rows. Knows no database."""

from reservations.launchdata.catalogue import LaunchData, read_evidence, read_launch_data, read_requirements
from reservations.launchdata.files import BadLaunchData, Row, parse_rows, read_rows

__all__ = [
    "BadLaunchData",
    "LaunchData",
    "Row",
    "parse_rows",
    "read_evidence",
    "read_launch_data",
    "read_requirements",
    "read_rows",
]
