"""Parallel work, tables, manifests, and folders of results."""
