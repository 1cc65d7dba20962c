from django.urls import path

from tutor.chat import views
from tutor.chat.consumers import ConversationConsumer

app_name = "chat"
conversation = "c/<slug:slug>/conversations/<uuid:conversation>/"
urlpatterns = [
    path("c/<slug:slug>/", views.course, name="course"),
    path("c/<slug:slug>/conversations/", views.conversations, name="conversations"),
    path(conversation, views.conversation, name="conversation"),
    path(f"{conversation}export.md", views.export, name="export"),
    path(f"{conversation}turns/<uuid:turn>/feedback/", views.feedback, name="feedback"),
    path(f"{conversation}turns/<uuid:turn>/ask-staff/", views.ask_staff, name="ask_staff"),
    path("c/<slug:slug>/inbox/", views.inbox, name="inbox"),
    path("c/<slug:slug>/inbox/<int:question>/reply/", views.reply, name="reply"),
    path("c/<slug:slug>/replies/", views.replies, name="replies"),
]
websocket_urlpatterns = [
    path("ws/conversations/<uuid:conversation>/", ConversationConsumer.as_asgi()),
]
