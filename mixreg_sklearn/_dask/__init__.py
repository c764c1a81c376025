"""Rows in the partitions of dask collections, which stay where they are."""
