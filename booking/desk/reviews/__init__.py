"""The desk's review of proof: what waits, in which order, and one record with everything needed to decide about it."""
