"""What is kept of monthly parts: what was agreed to, and the card as long as it is needed."""

from workshops.retention import FOR_GOOD, Keeping, Topic, emptied, keys, shown, unseen, workings

KEEPS = (
    Keeping(
        "booking.Plan",
        Topic.MONEY,
        "What you agreed to pay in monthly parts, and words for the card. No card is kept here",
        FOR_GOOD,
        of=("reservation__trainee",),
        stays="The books stand on it: somebody agreed to be charged so much on these days. They name a reservation.",
        fields={
            **keys("id"),
            "public_id": shown("Number", why="The history names the plan by it."),
            "reservation": shown("Reservation"),
            "months": shown("Parts"),
            "state": shown("State"),
            "parts": shown("Agreed to", why="Amounts and days, never words."),
            "consent": shown("The words that you agreed to", why="The school's words, which name nobody."),
            "consented_at": shown("Agreed"),
            "payer_id": unseen("The card processor's number of the card's owner; it goes when the plan ends.", to=""),
            "card_id": unseen("The card processor's number of the card; it goes when the plan ends.", to=""),
            "card_words": emptied("Card"),
            **workings("tries next_try_at"),
            "trouble": shown("What stood in the way of the last part"),
            "created_at": shown("Begun"),
            "ended_at": shown("Ended"),
            "why_ended": shown("Why it ended", why="One of a few sentences of the product's own."),
        },
    ),
    Keeping(
        "booking.CardSaving",
        Topic.MONEY,
        "When you went to the card processor's page to save a card for your monthly parts",
        FOR_GOOD,
        of=("plan__reservation__trainee",),
        stays="It shows that a card was saved by somebody who agreed to it.",
        fields={
            **keys("id"),
            "public_id": shown("Number", why="The card processor's books name the visit by it."),
            "plan": shown("For the plan"),
            "checkout_id": unseen("The card processor's number of the page, by which it is found there."),
            "checkout_url": unseen("The address of the card processor's page, which has closed since.", to=""),
            "expires_at": shown("The page closed"),
            "created_at": shown("Begun"),
            "settled_at": shown("Done"),
        },
    ),
)
