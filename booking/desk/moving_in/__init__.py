"""Bringing in what the school had before: reservations, money received, running plans, lines, past cohorts."""
