"""Addresses of a trainee's proof of experience."""

from django.urls import include, path

from workshops.prerequisites.files import views as files
from workshops.prerequisites.records import views

urlpatterns = [
    path("experience/", views.records, name="records"),
    path("experience/new/", views.begin, name="record-new"),
    path("experience/files/", include("workshops.prerequisites.files.urls")),
    path("experience/<slug:public_id>/", views.record, name="record"),
    path("experience/<slug:public_id>/save/", views.save, name="record-save"),
    path("experience/<slug:public_id>/send/", views.send, name="record-send"),
    path("experience/<slug:public_id>/change/", views.change, name="record-change"),
    path("experience/<slug:public_id>/withdraw/", views.withdraw, name="record-withdraw"),
    path("experience/<slug:public_id>/files/", files.add, name="proof-add"),
    path("experience/<slug:public_id>/conversation/", views.record_conversation, name="record-conversation"),
]
