"""Who mentors a person, and whom they mentor: what the registrar sees and decides about it."""
