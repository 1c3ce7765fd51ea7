"""Tests: one folder a room, the same names as the rooms themselves."""
