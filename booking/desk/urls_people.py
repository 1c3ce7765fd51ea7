"""Addresses of the desk: people, their reservations, and messages."""

from django.urls import path

from booking.desk import conversations, new_dates, outbox
from booking.desk.discounts import views as discounts
from booking.desk.merging import views as merging
from booking.desk.moving_in import views as moving_in
from booking.desk.people import views as people
from booking.desk.people import views_accounts
from booking.desk.people.facts import views as facts
from booking.desk.people.importing import views as importing
from booking.desk.people.mentoring import views as mentoring
from booking.desk.people.seats import views as seats
from booking.desk.reservations import moving
from booking.desk.reservations import views as reservations
from booking.rights import views_desk as rights

urlpatterns = [
    path("people/", people.people, name="people"),
    path("people/new/", people.person_new, name="person-new"),
    path("people/import/", importing.import_facts, name="import"),
    path("people/import/confirm/", importing.confirm, name="import-confirm"),
    path("people/import/dry-run.csv", importing.report, name="import-report"),
    path("people/import/template.csv", importing.template, name="import-template"),
    path("people/<slug:public_id>/", people.person, name="person"),
    path("people/<slug:public_id>/merge/", merging.merge, name="person-merge"),
    path("people/<slug:public_id>/erase/", rights.person_erase, name="person-erase"),
    path("people/<slug:public_id>/erase/decline/", rights.person_erase_decline, name="person-erase-decline"),
    path("people/<slug:public_id>/profile/", views_accounts.profile, name="person-profile"),
    path("people/<slug:public_id>/role/", views_accounts.role, name="person-role"),
    path("people/<slug:public_id>/completion/", facts.completion, name="person-completion"),
    path("people/<slug:public_id>/access/", facts.access, name="person-access"),
    path("people/<slug:public_id>/entitlement/", facts.entitlement, name="person-entitlement"),
    path("people/<slug:public_id>/take-back/", facts.fact_back, name="person-fact-back"),
    path("people/<slug:public_id>/history/", people.history, name="person-history"),
    path("people/<slug:public_id>/audit/", facts.audit, name="person-audit"),
    path("people/<slug:public_id>/audit/end/", facts.audit_end, name="person-audit-end"),
    path("people/<slug:public_id>/days/", facts.days, name="person-days"),
    path("people/<slug:public_id>/days/<int:record_id>/take-back/", facts.days_back, name="person-days-back"),
    path("people/<slug:public_id>/waiver/", facts.waiver, name="person-waiver"),
    path("people/<slug:public_id>/accepted-before/", facts.accepted_before, name="person-before"),
    path("people/<slug:public_id>/waiver/<int:waiver_id>/take-back/", facts.waiver_back, name="person-waiver-back"),
    path("people/<slug:public_id>/reserve/", seats.reserve, name="person-reserve"),
    path("people/<slug:public_id>/line/", seats.line, name="person-line"),
    path("people/<slug:public_id>/place/", seats.place, name="person-place"),
    path("people/<slug:public_id>/mentor/", mentoring.begin, name="person-mentor"),
    path("people/<slug:public_id>/mentor/end/", mentoring.end, name="person-mentor-end"),
    path("moving-in/", moving_in.moving_in, name="moving-in"),
    path("moving-in/confirm/", moving_in.confirm, name="moving-in-confirm"),
    path("moving-in/dry-run.csv", moving_in.report, name="moving-in-report"),
    path("moving-in/template.csv", moving_in.template, name="moving-in-template"),
    path("discounts/", discounts.discounts, name="discounts"),
    path("discounts/new/", discounts.new, name="discount-new"),
    path("discounts/<slug:public_id>/", discounts.discount, name="discount"),
    path("discounts/<slug:public_id>/end/", discounts.end, name="discount-end"),
    path("reservations/<slug:public_id>/", reservations.reservation, name="reservation"),
    path("reservations/<slug:public_id>/longer/", reservations.longer, name="reservation-longer"),
    path("reservations/<slug:public_id>/balance/", reservations.pay_later, name="reservation-balance"),
    path("reservations/<slug:public_id>/promise/", reservations.promise_longer, name="reservation-promise"),
    path("reservations/<slug:public_id>/fee/", reservations.waive_fee, name="reservation-fee"),
    path("reservations/<slug:public_id>/money-back/", reservations.money_back, name="reservation-money-back"),
    path("reservations/<slug:public_id>/release/", reservations.release, name="reservation-release"),
    path("reservations/<slug:public_id>/move/", moving.move, name="reservation-move"),
    path("reservations/<slug:public_id>/wait/", moving.wait, name="reservation-wait"),
    path("reservations/<slug:public_id>/swap/", moving.swap, name="reservation-swap"),
    path(
        "reservations/<slug:public_id>/conversation/",
        conversations.about_reservation,
        name="reservation-conversation",
    ),
    path("records/<slug:public_id>/conversation/", conversations.about_record, name="record-conversation"),
    path("conversations/", conversations.conversations, name="conversations"),
    path("conversations/<slug:public_id>/settled/", conversations.needs_no_answer, name="conversation-settled"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/new-dates/", new_dates.new_dates, name="new-dates"),
    path("outbox/<int:message_id>/", outbox.message, name="message"),
    path("outbox/<int:message_id>/again/", outbox.again, name="message-again"),
    path("outbox/<int:message_id>/came-back/", outbox.came_back, name="message-came-back"),
    path("outbox/<int:message_id>/arrives/", outbox.arrives, name="message-arrives"),
]
