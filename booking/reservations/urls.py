"""Addresses of what a visitor and a trainee see."""

from django.urls import path

from booking.reservations import views, views_cohorts

urlpatterns = [
    path("", views_cohorts.year, name="home"),
    path("cohorts/<slug:code>/", views_cohorts.cohort, name="cohort"),
    path("cohorts/<slug:code>/reserve/", views_cohorts.reserve, name="reserve"),
    path("where-you-stand/", views.standing, name="standing"),
    path("reservations/", views.reservations, name="reservations"),
    path("reservations/<slug:public_id>/", views.reservation, name="reservation"),
    path("reservations/<slug:public_id>/pay/", views.pay, name="pay"),
    path("reservations/<slug:public_id>/cancel/", views.cancel, name="reservation-cancel"),
]
