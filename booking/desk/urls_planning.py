"""Addresses of the desk where the year is planned."""

from django.urls import path

from booking.desk.planning import calling_off, cohorts, instructors, line, programme, seats, standing, venues

urlpatterns = [
    path("", cohorts.cohorts, name="cohorts"),
    path("cohorts/new/", cohorts.new, name="cohort-new"),
    path("cohorts/<slug:code>/", cohorts.cohort, name="cohort"),
    path("cohorts/<slug:code>/edit/", cohorts.edit, name="cohort-edit"),
    path("cohorts/<slug:code>/instructors/", instructors.instructors, name="cohort-instructors"),
    path("cohorts/<slug:code>/seats/", seats.seats, name="cohort-seats"),
    path("cohorts/<slug:code>/seats/keep-back/", seats.keep_back, name="cohort-seat-keep-back"),
    path("cohorts/<slug:code>/seats/give-out/", seats.give_out, name="cohort-seat-give-out"),
    path("cohorts/<slug:code>/terms/", cohorts.terms, name="cohort-terms"),
    path("cohorts/<slug:code>/publish/", cohorts.publish, name="cohort-publish"),
    path("cohorts/<slug:code>/runs/", cohorts.runs, name="cohort-runs"),
    path("cohorts/<slug:code>/close/", cohorts.close, name="cohort-close"),
    path("cohorts/<slug:code>/reopen/", cohorts.reopen, name="cohort-reopen"),
    path("cohorts/<slug:code>/cancel/", calling_off.cancel, name="cohort-cancel"),
    path("cohorts/<slug:code>/move/", calling_off.move, name="cohort-move"),
    path("cohorts/<slug:code>/standing/", standing.standing, name="cohort-standing"),
    path("cohorts/<slug:code>/standing.csv", standing.standing_csv, name="cohort-standing-csv"),
    path("cohorts/<slug:code>/line/", line.line, name="cohort-line"),
    path("cohorts/<slug:code>/line/order/", line.order, name="cohort-line-order"),
    path("cohorts/<slug:code>/line/join/", line.join, name="cohort-line-join"),
    path("cohorts/<slug:code>/line/take-out/", line.take_out, name="cohort-line-take-out"),
    path("venues/", venues.venues, name="venues"),
    path("venues/new/", venues.new, name="venue-new"),
    path("venues/<int:number>/", venues.edit, name="venue-edit"),
    path("setup/", programme.setup, name="setup"),
    path("school/", programme.the_school, name="school"),
    path("terms/", programme.terms, name="terms"),
    path("prices/", programme.prices, name="prices"),
    path("programme/", programme.programme, name="programme"),
    path("conduct/", programme.conduct, name="conduct"),
]
