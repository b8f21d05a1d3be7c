"""How work runs and how its results are kept."""
