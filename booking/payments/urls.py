"""Addresses that the processor's page leads back to."""

from django.urls import path

from booking.payments import views

urlpatterns = [
    path("payments/<slug:public_id>/back", views.back, name="payment-back"),
    path("payments/<slug:public_id>/stopped", views.stopped, name="payment-stopped"),
]
