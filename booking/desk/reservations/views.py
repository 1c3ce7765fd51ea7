"""One reservation's page, and what a registrar decides where it stands: more time, no fee, giving the seat back."""

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk.reservations import previews
from booking.desk.reservations.answering import Asked, carried_out, decided, find, page
from booking.desk.reservations.forms import HoldLongerForm, MoneyBackForm, ReleaseForm, WaiveFeeForm
from booking.desk.reservations.more_time import pay_later_form, promise_longer_form
from booking.payments.models import RefundStatus
from booking.payments.refunding import always_lowers_price
from booking.reservations import cancelling, lifecycle
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import current_time, moment_in_words, with_weekday
from workshops.people.models import Role
from workshops.prerequisites.deciding import BadFact
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import shows_or_takes


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def reservation(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One reservation: its money, and for the registrar its story and what can be done."""
    return page(request, find(public_id))


@roles(Role.REGISTRAR)
@require_POST
def longer(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Let a hold last longer."""
    found = find(public_id)

    def prolong(asked: Asked) -> str:
        lifecycle.hold_longer(found, until=asked["until"], now=current_time(), why=asked["why"], by=request.user)
        return f"The seat is held until {moment_in_words(asked['until'])}."

    return carried_out(request, found, "longer", HoldLongerForm(request.POST, reservation=found), prolong)


@roles(Role.REGISTRAR)
@require_POST
def pay_later(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Let the balance come later."""
    found, now = find(public_id), current_time()

    def put_off(asked: Asked) -> str:
        lifecycle.pay_later(found, until=asked["until"], now=now, why=asked["why"], by=request.user)
        return f"The balance is due by {with_weekday(asked['until'])}, and {found.trainee} is told."

    return carried_out(request, found, "balance", pay_later_form(found, now, request.POST), put_off)


@roles(Role.REGISTRAR)
@require_POST
def promise_longer(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Give someone more time for the prerequisites they promised."""
    found, now = find(public_id), current_time()

    def give_time(asked: Asked) -> str:
        lifecycle.promise_longer(found, until=asked["until"], now=now, why=asked["why"], by=request.user)
        return f"What is missing may come until {with_weekday(asked['until'])}."

    return carried_out(request, found, "promise", promise_longer_form(found, now, request.POST), give_time)


@roles(Role.REGISTRAR)
@require_POST
def waive_fee(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Let someone off the fee for moving."""
    found = find(public_id)

    def waive(asked: Asked) -> str:
        now = current_time()
        if always_lowers_price(found, now):
            raise BadFact(
                "The cohort has run, so its fee has been earned. What they paid of it can be sent back as a refund."
            )
        refunds = cancelling.waive_fee(found, now=now, by=request.user, why=asked["why"])
        cents = sum(refund.amount_cents for refund in refunds)
        has_gone = all(refund.status == RefundStatus.SUCCEEDED for refund in refunds)
        return f"The fee is waived.{_goes_back(cents, found, has_gone=has_gone)}"

    return carried_out(request, found, "fee", WaiveFeeForm(request.POST), waive)


@roles(Role.REGISTRAR)
@require_POST
def money_back(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Send back what waits for someone to choose, because the school cancelled their cohort."""
    found = find(public_id)

    def send(_asked: Asked) -> str:
        done = cancelling.take_the_money(found, now=current_time(), by=request.user)
        back = _goes_back(done.comes_back.cents, found, has_gone=done.refund_status == RefundStatus.SUCCEEDED)
        return f"They need not choose any more.{back}"

    return carried_out(request, found, "money", MoneyBackForm(request.POST), send)


@roles(Role.REGISTRAR)
@shows_or_takes
def release(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Show what comes back when a seat is given back, and give it back."""
    found = find(public_id)
    shown = previews.release(found, current_time())
    if request.method != "POST":
        return _release_page(request, shown, ReleaseForm(release=shown))
    form = ReleaseForm(request.POST, release=shown)

    def give_back(asked: Asked) -> tuple[str, Reservation]:
        done = cancelling.cancel(
            found,
            now=current_time(),
            by=request.user,
            why=asked["why"],
            all_of_it=form.is_all_of_it,
            expected_cents=form.expected,
        )
        back = _goes_back(done.comes_back.cents, found, has_gone=done.refund_status == RefundStatus.SUCCEEDED)
        return f"Seat {found.seat_number} is released, and {found.trainee} is told.{back}", found

    def again(status: int) -> HttpResponse:
        fresh = previews.release(find(public_id), current_time())
        form.offer(fresh)
        return _release_page(request, fresh, form, status=status)

    return decided(request, form, give_back, again, about=(found,))


def _release_page(
    request: SignedInRequest, shown: previews.Release, form: ReleaseForm, *, status: int = 200
) -> HttpResponse:
    page = {
        "release": shown,
        "form": form,
        "state": shown.reservation.state_at(current_time()),
        "is_own": shown.reservation.trainee_id == request.user.pk,
    }
    return TemplateResponse(request, "desk/reservations/release.html", page, status=status)


def _goes_back(cents: int, reservation: Reservation, *, has_gone: bool) -> str:
    """What becomes of the money, as a sentence that follows another; empty where none goes back."""
    if not cents:
        return ""
    words = money.in_words(cents, reservation.currency)
    return f" {words} has gone back." if has_gone else f" {words} must go back: send it, and record that below."
