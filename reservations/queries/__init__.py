"""Reads that span models, with a fixed number of SQL queries."""
