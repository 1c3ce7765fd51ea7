"""Facts about many people from a spreadsheet."""
