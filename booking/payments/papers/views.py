"""Papers on the web: one as PDF, and asking for an invoice."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from booking.payments.papers import issuing
from booking.payments.papers.drawing import file_name, pdf_of
from booking.payments.papers.forms import InvoiceForm
from booking.payments.papers.numbers import shown_number
from booking.payments.papers.page import may_invoice, may_read
from booking.reservations.page import own_reservation, since_then
from workshops.clock import current_time
from workshops.people.models import Role
from workshops.web.access import SignedInRequest, roles, signed_in
from workshops.web.forms import form_page, posted, shows_or_takes

ALONE = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


@signed_in
@require_safe
def paper(request: SignedInRequest, public_id: str) -> HttpResponse:
    """A receipt, an invoice or a credit note as PDF, for whose it is and for whoever keeps the books."""
    found = get_object_or_404(may_read(request.user), public_id=public_id)
    disposition = f'inline; filename="{file_name(found)}"'
    headers = {**ALONE, "Content-Disposition": disposition}
    return HttpResponse(pdf_of(found), content_type="application/pdf", headers=headers)


@roles(Role.TRAINEE)
@shows_or_takes
def invoice(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Ask for an invoice: whom it is for, and then it is there, beside the others."""
    now = current_time()
    own = own_reservation(request.user, public_id)
    if not may_invoice(own, now):
        messages.info(request, "Nothing is owed on this reservation, so there is nothing to invoice.")
        return redirect("reservation", own.public_id)
    form = InvoiceForm.of(request.user, posted(request))
    if form.is_valid():
        try:
            made = issuing.invoice(own, payer=form.payer, by=request.user, now=now)
        except issuing.NothingToInvoice:
            messages.info(request, since_then(own_reservation(request.user, public_id), now))
            return redirect("reservation", own.public_id)
        messages.success(request, f"Invoice {shown_number(made)} is made. You find it among your papers.")
        return redirect(f"{own.get_absolute_url()}#papers")
    return form_page(request, "payments/invoice.html", form, {"reservation": own, "cohort": own.cohort})
