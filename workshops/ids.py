"""Opaque identifiers for everything that a URL or the API names."""

import secrets

# Crockford's base 32: no I, L, O or U, so that a person can read one aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 20


def new_id() -> str:
    """Return 20 random characters (100 bits): not guessable, not countable, safe in a URL."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
