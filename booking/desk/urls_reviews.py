"""Addresses of the desk where proof is reviewed."""

from django.urls import path

from booking.desk.reviews import views

urlpatterns = [
    path("reviews/", views.reviews, name="reviews"),
    path("reviews/<slug:public_id>/", views.review, name="review"),
    path("reviews/<slug:public_id>/accept/", views.accept, name="review-accept"),
    path("reviews/<slug:public_id>/accept-some/", views.accept_some, name="review-accept-some"),
    path("reviews/<slug:public_id>/ask/", views.ask, name="review-ask"),
    path("reviews/<slug:public_id>/reject/", views.reject, name="review-reject"),
    path("reviews/<slug:public_id>/second-eyes/", views.second_eyes, name="review-second-eyes"),
    path("reviews/<slug:public_id>/no-second-eyes/", views.no_second_eyes, name="review-no-second-eyes"),
    path("reviews/<slug:public_id>/undo/", views.undo, name="review-undo"),
]
