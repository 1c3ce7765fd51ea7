"""What people may ask of the school about their data: what is kept, a copy of it, and to be erased."""
