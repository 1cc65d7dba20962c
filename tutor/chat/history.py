"""A conversation as it was: for the page, for the model, and as Markdown to keep."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.conf import settings
from django.db.models import Max, Prefetch, QuerySet

from tutor.chat.models import Citation, Conversation, Feedback, Message, Turn

REMEMBERED = 6  # turns of the conversation that the model may be told about


def branch(turns: Iterable[Turn]) -> list[Turn]:
    """The turns that count: a version of an earlier one takes its place, and what followed it goes.

    `turns` are all of a conversation's, by ordinal, up to where one wants to know.
    """
    path: list[Turn] = []
    first: dict[int, int] = {}  # turn -> the one it is, through all versions, a version of
    for turn in turns:
        replaced = turn.edits_id or turn.regenerates_id
        first[turn.pk] = first.get(replaced, replaced) if replaced else turn.pk
        for i, earlier in enumerate(path):
            if first[earlier.pk] == first[turn.pk]:
                del path[i:]
                break
        path.append(turn)
    return path


def dialogue(turn: Turn) -> list[tuple[str, str]]:
    """The questions and answers before `turn`, oldest first, as its own branch of the conversation has them."""
    upto = Turn.objects.filter(conversation=turn.conversation_id, ordinal__lte=turn.ordinal).order_by(
        "ordinal"
    )
    recent = [earlier for earlier in branch(upto)[:-1] if earlier.state != Turn.State.FAILED][-REMEMBERED:]
    answers = answers_of([earlier.pk for earlier in recent])
    return [(earlier.question, answers[earlier.pk]) for earlier in recent if answers.get(earlier.pk)]


def answers_of(turns: list[int]) -> dict[int, str]:
    """What the agent said, by turn pk."""
    said = Message.objects.filter(turn__in=turns, author=Message.Author.AGENT)
    return dict(said.values_list("turn_id", "text"))


def finished(conversation: Conversation) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The finished turns for the page, and the seq of each one's last event, so that `resume` sends nothing twice."""
    turns = conversation.turns.exclude(state__in=Turn.UNFINISHED).annotate(last_seq=Max("events__seq"))
    rows = list(_with_outcome(turns, [conversation.user_id]).order_by("ordinal"))
    return [_turn(turn) for turn in rows], {
        str(turn.uuid): turn.last_seq or 0  # type: ignore[attr-defined] # annotated above
        for turn in rows
    }


def wholes(turns: Collection[int]) -> dict[int, dict[str, Any]]:
    """Finished turns by key, as `finished` has them."""
    asked = Turn.objects.filter(pk__in=turns)
    return {turn.pk: _turn(turn) for turn in _with_outcome(asked, asked.values("conversation__user"))}


def _with_outcome(turns: QuerySet[Turn], readers: Any) -> QuerySet[Turn]:
    citations = Citation.objects.select_related("passage", "material__course")
    messages = Message.objects.select_related("user").prefetch_related(Prefetch("citations", citations))
    return turns.select_related("edits", "regenerates", "staff_question").prefetch_related(
        Prefetch("messages", messages), Prefetch("feedback", Feedback.objects.filter(user__in=readers))
    )


def _turn(turn: Turn) -> dict[str, Any]:
    messages = list(turn.messages.all())
    answer = next((message for message in messages if message.author == Message.Author.AGENT), None)
    feedback = next(iter(turn.feedback.all()), None)
    return {
        "id": str(turn.uuid),
        "client_id": turn.client_id and str(turn.client_id),
        "ordinal": turn.ordinal,
        "question": turn.question,
        "state": turn.state,
        "regenerates": str(turn.regenerates.uuid) if turn.regenerates else None,
        "edits": str(turn.edits.uuid) if turn.edits else None,
        "model": turn.model,
        "seconds": turn.seconds,
        "abstained": turn.abstained,
        "error": turn.error,
        "created": turn.created.isoformat(),
        "answer": _answer(answer) if answer else None,
        "replies": [
            {
                "author": message.user.get_full_name() if message.user else "Course staff",
                "text": message.text,
                "at": message.created.isoformat(),
            }
            for message in messages
            if message.author == Message.Author.STAFF
        ],
        "feedback": {"up": feedback.up, "reason": feedback.reason} if feedback else None,
        "asked_staff": hasattr(turn, "staff_question"),
    }


def _answer(message: Message) -> dict[str, Any]:
    return {
        "id": message.pk,
        "text": message.text,
        "sentences": message.sentences,
        "citations": [citation_data(cited) for cited in message.citations.all()],
        "notes": message.notes,
    }


def citation_data(cited: Citation) -> dict[str, Any]:
    """A stored citation as its event had it; without a link where the material is gone."""
    material = cited.material
    return {
        "sentence": cited.sentence,
        "marker": cited.marker,
        "passage": cited.passage_id,
        "material": str(material.uuid) if material else None,
        "title": material.title if material else "",
        "file": material.filename if material else "",
        "anchor": cited.anchor,
        "label": cited.label,
        "quote": cited.quote,
        "url": material.source_url(cited.passage_id, cited.start, cited.end) if material else "",
        "verdict": cited.verdict,
        "start": cited.start,
        "end": cited.end,
    }


def as_markdown(conversation: Conversation) -> str:
    """The conversation as a person would keep it: the turns that count, citations as footnotes that link back."""
    lines = [f"# {conversation}", "", f"{conversation.course.title}, {conversation.created:%d %B %Y}"]
    notes: list[str] = []
    counted = {str(turn.uuid) for turn in branch(conversation.turns.order_by("ordinal"))}
    for turn in finished(conversation)[0]:
        if turn["id"] not in counted:
            continue
        lines += ["", f"## {' '.join(turn['question'].split())}", ""]
        answer = turn["answer"]
        if answer:
            lines.append(_with_footnotes(answer, notes))
            for note in answer["notes"]:
                if note.get("text"):
                    lines += ["", f"> {' '.join(note['text'].split())}"]
        elif turn["error"]:
            lines.append(f"*{turn['error']}*")
        for reply in turn["replies"]:
            lines += ["", f"**{reply['author']}** replied:", "", reply["text"]]
    return "\n".join([*lines, "", *notes, ""])


def _with_footnotes(answer: dict[str, Any], notes: list[str]) -> str:
    """The answer's text with a footnote mark after each cited sentence; the footnotes are added to `notes`."""
    text: str = answer["text"]
    ends = {sentence["sentence"]: min(sentence["end"], len(text)) for sentence in answer["sentences"]}
    marks: dict[int, str] = {}
    for cited in answer["citations"]:
        where = f"[{cited['label']}]({settings.SITE_URL}{cited['url']})" if cited["url"] else cited["label"]
        mark = f"[^{len(notes) + 1}]"
        notes.append(f"{mark}: {where}: “{' '.join(cited['quote'].split())}”")
        at = ends.get(cited["sentence"], len(text))
        marks[at] = marks.get(at, "") + mark
    for at in sorted(marks, reverse=True):
        text = f"{text[:at].rstrip()}{marks[at]}{text[at:]}"
    return text
