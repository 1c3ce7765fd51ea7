"""What someone would try who means the school no good, and what must hold all the same."""
