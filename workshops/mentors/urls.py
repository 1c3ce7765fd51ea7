"""Addresses of the pages about mentoring."""

from django.urls import path

from workshops.mentors import views

urlpatterns = [
    path("mentoring/", views.mentoring, name="mentoring"),
    path("mentoring/mine/", views.mine, name="mentoring-mine"),
    path("mentoring/<slug:public_id>/plan/", views.plan, name="meeting-plan"),
    path("mentoring/meetings/<slug:public_id>/", views.meeting, name="meeting"),
    path("mentoring/meetings/<slug:public_id>/change/", views.change, name="meeting-change"),
    path("mentoring/meetings/<slug:public_id>/cancel/", views.cancel, name="meeting-cancel"),
]
