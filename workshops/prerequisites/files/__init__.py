"""Files of proof: taken in, cleaned, kept, shown and deleted."""
