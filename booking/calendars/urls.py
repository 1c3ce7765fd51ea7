"""Addresses of this room."""

from django.urls import path, re_path

from booking.calendars import views

urlpatterns = [
    path("cohorts.ics", views.cohorts, name="calendar-cohorts"),
    path("cohorts/<slug:code>.ics", views.cohort, name="calendar-cohort"),
    path("<slug:kind>/<str:secret>.ics", views.private, name="calendar-private"),
    re_path("", views.no_calendar, name="calendar-none"),
]
