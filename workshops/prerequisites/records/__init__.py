"""Proof of experience: dated work on professional sets, written down by a trainee and decided by the school."""
