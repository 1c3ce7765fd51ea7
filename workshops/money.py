"""Money in words. Amounts are whole cents everywhere; only people see dollars."""

_SYMBOLS = {"USD": "$"}


def in_words(cents: int, currency: str = "USD") -> str:
    """An amount as the price list writes it: $2,099, or $2,099.50 where there are cents."""
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    amount = f"{cents // 100:,}" if cents % 100 == 0 else f"{cents / 100:,.2f}"
    return f"{sign}{symbol}{amount}"
