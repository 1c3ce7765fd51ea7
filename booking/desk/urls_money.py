"""Addresses of the desk where money is: what is owed, the books, and the money of one reservation."""

from django.urls import path

from booking.desk.money import views as money
from booking.desk.money import views_books as books
from booking.desk.money import views_processor as processor
from booking.desk.reservations import views_money

urlpatterns = [
    path("money/", money.all_of_it, name="owed"),
    path("money/by-month.csv", money.months_csv, name="months-csv"),
    path("money/by-cohort.csv", money.cohorts_csv, name="cohorts-csv"),
    path("money/by-reservation/", money.by_reservation, name="owed-list"),
    path("money/owed.csv", money.owed_csv, name="owed-csv"),
    path("money/needs-a-person/", money.needs_a_person, name="needs-a-person"),
    path("money/events/<int:number>/", processor.event, name="event"),
    path("money/events/<int:number>/decide/", processor.event_decide, name="event-decide"),
    path("money/payouts/", processor.payouts, name="payouts"),
    path("money/payouts.csv", processor.payouts_csv, name="payouts-csv"),
    path("money/payouts/<slug:payout_id>/match/", processor.payout_match, name="payout-match"),
    path("money/journal/", books.the_journal, name="journal"),
    path("money/journal.csv", books.journal_csv, name="journal-csv"),
    path("money/trial-balance.csv", books.trial_balance_csv, name="trial-balance-csv"),
    path("money/held/", books.held, name="held"),
    path("money/held.csv", books.held_csv, name="held-csv"),
    path("money/closed/", books.closed, name="closed"),
    path("money/closed/close/", books.close, name="close-books"),
    path("reservations/<slug:public_id>/transfer/", views_money.transfer, name="reservation-transfer"),
    path(
        "reservations/<slug:public_id>/refunds/<slug:refund_id>/",
        views_money.refund_sent,
        name="reservation-refund-sent",
    ),
    path(
        "reservations/<slug:public_id>/refunds/<slug:refund_id>/failed/",
        views_money.refund_failed,
        name="reservation-refund-failed",
    ),
    path("reservations/<slug:public_id>/refund/", views_money.refund, name="reservation-refund"),
    path(
        "reservations/<slug:public_id>/payments/<slug:payment_id>/reverse/",
        views_money.reverse,
        name="reservation-reverse",
    ),
]
