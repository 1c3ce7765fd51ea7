"""Addresses of the desk: people, money and messages."""

from django.urls import path

from booking.desk import conversations, outbox
from booking.desk.money import views as money
from booking.desk.people import imports
from booking.desk.people import views as people
from booking.desk.reservations import moving
from booking.desk.reservations import views as decisions

urlpatterns = [
    path("people/", people.people, name="people"),
    path("people/new/", people.person_new, name="person-new"),
    path("people/import/", imports.import_facts, name="import"),
    path("people/import/confirm/", imports.confirm, name="import-confirm"),
    path("people/import/dry-run.csv", imports.report, name="import-report"),
    path("people/import/template.csv", imports.template, name="import-template"),
    path("people/<slug:public_id>/", people.person, name="person"),
    path("people/<slug:public_id>/profile/", people.profile, name="person-profile"),
    path("people/<slug:public_id>/role/", people.role, name="person-role"),
    path("people/<slug:public_id>/completion/", people.completion, name="person-completion"),
    path("people/<slug:public_id>/access/", people.access, name="person-access"),
    path("people/<slug:public_id>/entitlement/", people.entitlement, name="person-entitlement"),
    path("people/<slug:public_id>/days/", people.days, name="person-days"),
    path("people/<slug:public_id>/days/<int:record_id>/take-back/", people.days_back, name="person-days-back"),
    path("people/<slug:public_id>/waiver/", people.waiver, name="person-waiver"),
    path("people/<slug:public_id>/accepted-before/", people.accepted_before, name="person-before"),
    path("people/<slug:public_id>/waiver/<int:waiver_id>/take-back/", people.waiver_back, name="person-waiver-back"),
    path("people/<slug:public_id>/reserve/", people.reserve, name="person-reserve"),
    path("people/<slug:public_id>/line/", people.line, name="person-line"),
    path("people/<slug:public_id>/place/", people.place, name="person-place"),
    path("money/", money.what_is_owed, name="owed"),
    path("money/owed.csv", money.owed_csv, name="owed-csv"),
    path("money/journal/", money.the_journal, name="journal"),
    path("money/journal.csv", money.journal_csv, name="journal-csv"),
    path("reservations/<slug:public_id>/", money.reservation, name="reservation"),
    path("reservations/<slug:public_id>/transfer/", money.transfer, name="reservation-transfer"),
    path("reservations/<slug:public_id>/refunds/<slug:refund_id>/", money.refund_sent, name="reservation-refund-sent"),
    path("reservations/<slug:public_id>/longer/", decisions.longer, name="reservation-longer"),
    path("reservations/<slug:public_id>/balance/", decisions.pay_later, name="reservation-balance"),
    path("reservations/<slug:public_id>/promise/", decisions.promise_longer, name="reservation-promise"),
    path("reservations/<slug:public_id>/fee/", decisions.waive_fee, name="reservation-fee"),
    path("reservations/<slug:public_id>/money-back/", decisions.money_back, name="reservation-money-back"),
    path("reservations/<slug:public_id>/release/", decisions.release, name="reservation-release"),
    path("reservations/<slug:public_id>/move/", moving.move, name="reservation-move"),
    path("reservations/<slug:public_id>/wait/", moving.wait, name="reservation-wait"),
    path("reservations/<slug:public_id>/swap/", moving.swap, name="reservation-swap"),
    path(
        "reservations/<slug:public_id>/conversation/",
        conversations.about_reservation,
        name="reservation-conversation",
    ),
    path("conversations/", conversations.conversations, name="conversations"),
    path("conversations/<slug:public_id>/settled/", conversations.needs_no_answer, name="conversation-settled"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/<int:message_id>/", outbox.message, name="message"),
    path("outbox/<int:message_id>/again/", outbox.again, name="message-again"),
]
