"""Addresses of the mentor's pages."""

from django.urls import path

from workshops.mentors import views

urlpatterns = [path("mentoring/", views.mentoring, name="mentoring")]
