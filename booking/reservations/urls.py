"""Addresses of what a visitor and a trainee see."""

from django.urls import path

from booking.payments.discounts import views as discounts
from booking.reservations import views, views_cohorts, views_conversation, views_line, views_moving, views_plan

urlpatterns = [
    path("", views_cohorts.year, name="home"),
    path("cohorts/<slug:code>/", views_cohorts.cohort, name="cohort"),
    path("cohorts/<slug:code>/reserve/", views_cohorts.reserve, name="reserve"),
    path("cohorts/<slug:code>/line/", views_line.join, name="join-line"),
    path("line/<slug:public_id>/", views_line.place_in_line, name="place-in-line"),
    path("line/<slug:public_id>/notice/", views_line.notice, name="line-notice"),
    path("line/<slug:public_id>/leave/", views_line.leave, name="line-leave"),
    path("line/<slug:public_id>/accept/", views_line.accept, name="offer-accept"),
    path("line/<slug:public_id>/decline/", views_line.decline, name="offer-decline"),
    path("where-you-stand/", views.standing, name="standing"),
    path("reservations/", views.reservations, name="reservations"),
    path("reservations/<slug:public_id>/", views.reservation, name="reservation"),
    path("reservations/<slug:public_id>/pay/", views.pay, name="pay"),
    path("reservations/<slug:public_id>/discount/", discounts.discount, name="reservation-discount"),
    path("reservations/<slug:public_id>/discount/own/", discounts.use_own, name="reservation-discount-own"),
    path("reservations/<slug:public_id>/discount/remove/", discounts.remove, name="reservation-discount-remove"),
    path("reservations/<slug:public_id>/cancel/", views.cancel, name="reservation-cancel"),
    path("reservations/<slug:public_id>/move/", views_moving.move, name="reservation-move"),
    path("reservations/<slug:public_id>/move/<slug:code>/", views_moving.move_to, name="reservation-move-to"),
    path("reservations/<slug:public_id>/choose/", views_moving.choose, name="reservation-choose"),
    path("reservations/<slug:public_id>/plan/", views_plan.plan, name="reservation-plan"),
    path("reservations/<slug:public_id>/plan/part/", views_plan.part, name="reservation-plan-part"),
    path("reservations/<slug:public_id>/plan/card/", views_plan.card, name="reservation-plan-card"),
    path("reservations/<slug:public_id>/plan/back/", views_plan.back, name="reservation-plan-back"),
    path(
        "reservations/<slug:public_id>/conversation/", views_conversation.conversation, name="reservation-conversation"
    ),
]
