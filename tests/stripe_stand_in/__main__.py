"""The stand-in as a process, for a person or a browser test to try the product with."""

from argparse import ArgumentParser
from threading import Event

from tests.stripe_stand_in import StandIn


def main() -> None:
    """Runs until it is interrupted."""
    parser = ArgumentParser(prog="python -m tests.stripe_stand_in", description=__doc__)
    parser.add_argument("--port", type=int, default=8912)
    parser.add_argument("--webhook", default="", help="where signed events are posted to")
    parser.add_argument("--secret", action="append", help="what they are signed with; more than one while they rotate")
    given = parser.parse_args()
    stand_in = StandIn(
        given.port,
        webhook_url=given.webhook,
        secrets=given.secret or ("whsec_test",),
        deliver="now" if given.webhook else "never",
    )
    with stand_in:
        print(f"Stripe stand-in on {stand_in.url}", flush=True)
        try:
            Event().wait()
        except KeyboardInterrupt:
            print("Closed.")


if __name__ == "__main__":
    main()
