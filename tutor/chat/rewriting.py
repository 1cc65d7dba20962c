"""The question that search should see: one that stands without the conversation it was asked in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from courses.verification.words import words
from courses.wording import is_average

OPENING = re.compile(
    r"^(?:(?:please|ok(?:ay)?|so|well|and|but|also|then|now|hey|hi|hello)[,\s]+)*"
    r"(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?)?"
    r"(?:(?:explain|describe|define|tell\s+me|show\s+me|give\s+me|list|compare)(?:\s+(?:about|to\s+me|how|what|why))?\s*"
    r"|what(?:'s|\s+is|\s+are|\s+was|\s+were|\s+does|\s+do|\s+did)?\s*"
    r"|(?:how|why|when|where|who|which)(?:\s+(?:is|are|was|were|do|does|did|can|could|should|would|to|many|much|long)\b)?\s*"
    r"|(?:is|are|was|were|do|does|did|can|could|should|would|has|have)\s+)?"
    r"(?:(?:i|you|we|one|there)\s+)?",
    re.IGNORECASE,
)
TAIL = re.compile(
    r"(?:\s+(?:mean|means|work|works|do|called|again|exactly|in\s+detail|please))*\s*[?.!]*\s*$",
    re.IGNORECASE,
)
AVERAGE = re.compile(r"(\w+)\s+mean\W*$", re.IGNORECASE)
PRONOUN = re.compile(
    r"\b(it|its|they|them|their|this|that|these|those|he|him|his|she|her|the (?:first|second|former|latter)|one)\b",
    re.IGNORECASE,
)
CONTINUES = re.compile(
    r"^\s*(?:and\b|but\b|or\b|so\b|why\b\W*$|how\b\W*$|how\s+so|how\s+come|what\s+about|how\s+about|what\s+if|what\s+else"
    r"|why\s+(?:not|is\s+(?:that|it|this))|then\b|for\s+example\b|an?other\b|more\b|again\b|really\b|same\b|in\s+which\s+case"
    r"|can\s+you\s+(?:explain|elaborate|give|show)|explain\s+(?:more|again|further|that|this|it)|elaborate|go\s+on|continue"
    r"|give\s+(?:me\s+)?an?(?:other)?\s+example|example\b|an?\s+example|e\.g\.?|when\b\W*$|where\b\W*$|who\b\W*$|which\s+ones?\b\W*$)",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"^\s*(?:and|but|or|so|then|ok(?:ay)?|what\s+about|how\s+about|what\s+if|what\s+else)\b[,\s]*|[?.!\s]+$",
    re.IGNORECASE,
)
TELL = re.compile(
    r"^\W*(?:please\s+)?(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?)?(?:tell\s+me(?:\s+more)?\s+about|explain(?:\s+to\s+me)?"
    r"|summari[sz]e|sum\s+up|describe|define|(?:write\s+down|give|show|state|tell)(?:\s+(?:me|us))?(?=\s+(?:the|an?)\s)|i\s+(?:do\s+not|don't)\s+understand|what\s+do\s+you\s+know\s+about|give\s+me\s+an\s+overview\s+of)"
    r"\s+(?P<what>.+?)(?:\s+to\s+me(?:\s+like\s+.*)?|\s+in\s+(?:simple\s+(?:words|terms)|detail)|\s+please)?\s*[.?!]*$",
    re.IGNORECASE,
)
INSTANCE = re.compile(r"(?<=\w\()[^()]*[\"'\d\[{][^()]*(?=\))")  # what a call in a question is given
THING = re.compile(  # a noun with its article, up to where the sentence goes on
    r"\b(?:an?|the|my|your|its)\s+(?:[\w`'-]+\s+){0,2}?[\w`'-]+(?=\s+(?:in|of|to|from|with|for|on|at|by|into|is|are|that|which|and"
    r"|work|works|mean|do|does|if|when|not|be)\b|\W*$)",
    re.IGNORECASE,
)
OTHER = re.compile(r"^\W*(?:and\s+|but\s+|so\s+)*(?:what|how)\s+about\s+(?P<other>[^?]+?)\W*$", re.IGNORECASE)
INSTEAD = re.compile(  # "and of the mean?" after "… of the median?"
    r"^\W*(?:and|but|or|so|what\s+about|how\s+about)\s+(?P<how>of|for|in|with|by|from|at|on)\s+(?P<what>[^?]+?)\W*$",
    re.IGNORECASE,
)
GIVES = re.compile(r"^(?:with|without|for|in|on|if|when|using|at|after|before|negative)\b", re.IGNORECASE)
EXAMPLE = re.compile(
    r"^\W*(?:(?:can|could|would)\s+you\s+|please\s+)*(?:give|show|have|got)?(?:\s+me|\s+us)?\s*(?:an?(?:other)?|some|more)?\s*"
    r"(?:concrete\s+|simple\s+)?examples?(?:\s+of\s+(?:it|that|this))?\W*(?:please)?\W*$|^\W*for\s+(?:example|instance)\W*$",
    re.IGNORECASE,
)
WHICH = re.compile(
    r"^\W*(?:and\s+|so\s+)?which(?:\s+ones?|\s+of\s+(?:them|these|those|the\s+two))?\s+(?:is|are|one)\b(?P<rest>.*)$",
    re.IGNORECASE,
)
LEAD = re.compile(r"^\s*(?:and|but|or|so|then|ok(?:ay)?)\b[,\s]*", re.IGNORECASE)
ASKS = re.compile(r"^(?:how|why|what|when|where|who|which|the\s+differences?|if|whether)\b", re.IGNORECASE)
REMEMBERED = 3  # earlier turns that a chain of such questions may reach back through


def standalone(question: str, history: Sequence[tuple[str, str]]) -> str:
    """The question as a query of its own; `history` is (question, answer), oldest first."""
    question = question.strip()
    if not history or not leans(question):
        return question
    *earlier, (before, _) = history[-REMEMBERED:]
    before = standalone(before, earlier)
    subject = topic(before)
    if not subject:
        return f"{before} {question}"
    instead = INSTEAD.match(question)
    if instead and (said := list(re.finditer(rf"\b{instead['how']}\s+[^?]+", before, re.IGNORECASE))):
        return before[: said[-1].start()] + f"{instead['how']} {instead['what']}" + before[said[-1].end() :]
    thing = _thing(before, subject)
    if EXAMPLE.match(question):
        return f"What is an example of {thing}?"
    other = OTHER.match(question)
    if other and not GIVES.match(other["other"]) and thing in before:
        return before.replace(thing, _like(thing, other["other"]))
    which = WHICH.match(question)
    if which and earlier:
        first = topic(standalone(earlier[-1][0], earlier[:-1]))
        things = [_thing(earlier[-1][0], first), thing] if first else [thing]
        return f"Which is{which['rest'].rstrip(' ?')}, {' or '.join(dict.fromkeys(things))}?"
    pronoun = PRONOUN.search(question)
    own = [word for word in words(question) if word.content]
    if pronoun and (own or len(question.split()) > 3) and len(thing.split()) <= 6:
        replacement = thing + "'s" if pronoun.group().lower() in ("its", "their", "his") else thing
        return LEAD.sub("", question[: pronoun.start()]) + replacement + question[pronoun.end() :]
    rest = FILLER.sub("", FILLER.sub("", question)).strip()
    if re.fullmatch(
        r"(?:why|how|when|where|who)(?:\s+(?:not|so|come|is\s+(?:that|it|this)))?", rest, re.IGNORECASE
    ):
        return f"{rest.split()[0].capitalize()} {subject}?"
    # "and for n = 2?" adds to the earlier question
    return f"{before.rstrip('?. ')} {rest}?" if rest else before


def _like(thing: str, other: str) -> str:
    """ "while", said of "a for loop", is a while loop."""
    article, *middle, head = thing.split() if thing.count(" ") > 1 else ("", "")
    return f"{article} {other} {head}" if middle and " " not in other and not other.endswith("s") else other


def _thing(question: str, subject: str) -> str:
    """What a pronoun after the question means: a noun of the subject where that is more than one, "open a file"."""
    if re.match(r"(?:an?|the)\s", subject, re.IGNORECASE) and len(subject.split()) <= 4:
        return subject
    found = THING.search(subject)
    return (
        found.group()
        if found and not re.match(r"\W*what\s+(?:is|are)\b", question, re.IGNORECASE)
        else subject
    )


def as_question(query: str) -> str:
    """A request to be told about something as the question it is: the form that passages are found by."""
    query = INSTANCE.sub("", query)  # range(5) is found as range()
    found = TELL.match(query)
    return f"What is {found['what'].strip()}?" if found and not ASKS.search(found["what"]) else query


def leans(question: str) -> bool:
    """Whether a question cannot be understood without what came before it."""
    own = [word for word in words(question) if word.content]
    if CONTINUES.match(question) and len(own) <= 6:
        return True
    if not own:
        return True
    pronoun = PRONOUN.search(question)
    if pronoun is None:
        return False
    before = [word for word in words(question[: pronoun.start()]) if word.content]
    return len(before) < 2 and len(own) <= 7


def topic(question: str) -> str:
    """What a question is about: the question without the asking."""
    subject = OPENING.sub("", question.strip(), count=1)
    last = AVERAGE.search(subject)
    subject = subject.rstrip(" ?.!") if last and is_average(last[1].lower(), "") else TAIL.sub("", subject)
    return subject.strip(" ,;:'\"") if any(word.content for word in words(subject)) else ""
