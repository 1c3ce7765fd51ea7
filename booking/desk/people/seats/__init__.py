"""Giving someone a seat from their page: one that is free, one that is kept back, or a place in line."""
