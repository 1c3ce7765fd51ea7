"""Addresses of what the programme publishes."""

from django.urls import path

from workshops.programme import views

urlpatterns = [path("conduct/<int:version>/", views.conduct, name="conduct")]
