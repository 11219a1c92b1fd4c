"""The launch data files: read, checked, and returned as plain rows. Knows no database."""

from reservations.launchdata.catalogue import LaunchData, read_launch_data
from reservations.launchdata.files import BadLaunchData, Row, read_rows

__all__ = ["BadLaunchData", "LaunchData", "Row", "read_launch_data", "read_rows"]
