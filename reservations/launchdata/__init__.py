"""The launch data files: read, checked, and returned as plain rows. Knows no database."""

from reservations.launchdata.files import BadLaunchData, Row, read_rows
from reservations.launchdata.catalogue import LaunchData, read_launch_data

__all__ = ["BadLaunchData", "LaunchData", "Row", "read_launch_data", "read_rows"]
