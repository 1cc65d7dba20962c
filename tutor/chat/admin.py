"""Conversations in Django's admin: to look things up, not to change them."""

from django.contrib import admin
from django.http import HttpRequest

from tutor.chat.models import Conversation, StaffQuestion, Turn


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg] # rows of any model
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Conversation)
class ConversationAdmin(ReadOnly):
    list_display = ["uuid", "course", "user", "created", "deleted"]
    list_filter = ["course"]
    search_fields = ["uuid", "user__email"]


@admin.register(Turn)
class TurnAdmin(ReadOnly):
    list_display = ["uuid", "state", "model", "abstained", "created", "finished"]
    list_filter = ["state", "model", "abstained"]
    search_fields = ["uuid", "conversation__uuid"]


@admin.register(StaffQuestion)
class StaffQuestionAdmin(ReadOnly):
    list_display = ["pk", "created", "answered_by", "answered_at"]
