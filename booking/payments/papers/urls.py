"""Addresses of papers."""

from django.urls import path

from booking.payments.papers import views

urlpatterns = [
    path("papers/<slug:public_id>/", views.paper, name="paper"),
    path("reservations/<slug:public_id>/invoice/", views.invoice, name="reservation-invoice"),
]
