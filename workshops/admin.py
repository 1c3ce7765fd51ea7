"""The ground floor's tables, for a registrar to look into. Nothing is changed here: see the desk."""
