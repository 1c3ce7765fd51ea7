"""What the card processor told and paid out: events that need a person, and payouts to match to the bank's lines."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk.money.forms import SET_ASIDE, EventForm, MatchForm
from booking.desk.spreadsheet import amount, csv_answer
from booking.payments.inbox import processing
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.payouts import matching
from booking.payments.payouts.models import Payout, PayoutStatus
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.prerequisites.deciding import BadFact
from workshops.web.access import SignedInRequest, roles

A_PAGE = 50


# -- events ------------------------------------------------------------------------------------------------------------
@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def event(request: SignedInRequest, number: int) -> HttpResponse:
    """One event of the card processor's, and for the registrar the form to say what is done about it."""
    return _event_page(request, get_object_or_404(InboxEvent, pk=number), EventForm())


@roles(Role.REGISTRAR)
@require_POST
def event_decide(request: SignedInRequest, number: int) -> HttpResponse:
    """Have an event that needs a person looked at again, or set it aside."""
    found, form = get_object_or_404(InboxEvent, pk=number), EventForm(request.POST)
    if not form.is_valid():
        return _event_page(request, found, form, status=422)
    is_aside = form.cleaned_data["how"] == SET_ASIDE
    decide: Callable[..., InboxEvent] = processing.set_aside if is_aside else processing.try_again
    try:
        decide(found, by=request.user, now=current_time(), why=form.cleaned_data["why"])
    except BadFact as refused:
        form.add_error(None, str(refused))
        return _event_page(request, found, form, status=422)
    if found.state != EventState.STUCK:
        said = "It needed nobody any more. Nothing has changed."
    else:
        said = "It is set aside." if is_aside else "It is looked at again within a minute."
    messages.success(request, said)
    return redirect("desk:needs-a-person")


def _event_page(request: SignedInRequest, found: InboxEvent, form: EventForm, *, status: int = 200) -> HttpResponse:
    page = {"event": found, "form": form if request.user.is_registrar and found.state == EventState.STUCK else None}
    return TemplateResponse(request, "desk/money/event.html", page, status=status)


# -- payouts -----------------------------------------------------------------------------------------------------------
@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def payouts(request: SignedInRequest) -> HttpResponse:
    """What the card processor paid out to the school's bank, the latest first."""
    return _payouts_page(request)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def payouts_csv(_request: SignedInRequest) -> HttpResponse:
    """The same as a spreadsheet."""
    rows = (
        (
            each.processor_id,
            each.arrives_on.isoformat(),
            each.get_status_display(),
            each.currency,
            amount(each.amount_cents),
            None if each.ours_cents is None else amount(each.ours_cents),
            each.bank_reference,
        )
        for each in Payout.objects.all()
    )
    header = ("payout", "arrives", "state", "currency", "amount", "for seats", "bank line")
    return csv_answer("payouts.csv", header, rows)


@roles(Role.REGISTRAR)
@require_POST
def payout_match(request: SignedInRequest, payout_id: str) -> HttpResponse:
    """Say which line of the bank statement a payout is."""
    found = get_object_or_404(Payout, public_id=payout_id)
    form = MatchForm(request.POST, prefix=found.public_id)
    if not form.is_valid():
        return _payouts_page(request, found, form, status=422)
    try:
        matching.match(found, form.cleaned_data["reference"], by=request.user, now=current_time())
    except (matching.MatchedAlready, matching.NotArrived) as refused:
        form.add_error("reference", str(refused))
        return _payouts_page(request, found, form, status=409)
    messages.success(request, f"The payout is matched to {form.cleaned_data['reference']}.")
    return redirect("desk:payouts")


def _payouts_page(
    request: SignedInRequest, bound: Payout | None = None, form: MatchForm | None = None, *, status: int = 200
) -> HttpResponse:
    """The page; `form` is that of the payout `bound`, which came back with what was typed and stands on top."""
    shown = Paginator(Payout.objects.select_related("matched_by"), A_PAGE).get_page(request.GET.get("page"))

    def form_of(payout: Payout) -> MatchForm | None:
        if not request.user.is_registrar or payout.status != PayoutStatus.PAID or payout.matched_at:
            return None
        return MatchForm(prefix=payout.public_id)

    page = {
        "page": shown,
        "rows": [(each, None if bound and each.pk == bound.pk else form_of(each)) for each in shown],
        "bound": bound,
        "form": form,
    }
    return TemplateResponse(request, "desk/money/payouts.html", page, status=status)
