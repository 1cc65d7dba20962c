"""What people say to an agent that no material answers: greetings, thanks, and what it can do."""

from __future__ import annotations

import re

from courses.models import Course

HELLO = r"(?:hi|hello|hey|good\s+(?:morning|afternoon|evening|day)|greetings|hallo|moin)(?:\s+(?:there|all|everyone|agent|bot))?"
GREETING = re.compile(rf"^\W*{HELLO}\W*$", re.IGNORECASE)
GREETED = re.compile(rf"^\W*{HELLO}[\s,.!:;-]+(?=\w)", re.IGNORECASE)
THANKS = re.compile(
    r"^\W*(?:(?:many\s+|ok(?:ay)?,?\s+|great,?\s+|perfect,?\s+)?(?:thanks?|thank\s+you|thx|cheers)(?:\s+(?:a\s+lot|so\s+much|very\s+much|you|again|for\b.{0,40}))*(?:[\s,.!-]+(?:that|this|it|you)(?:['’]s|\s+(?:was|is|has|really))*\s+(?:been\s+)?(?:really\s+|very\s+|so\s+)?(?:help(?:s|ed|ful)|useful|clear(?:er)?|great|good|perfect)(?:\s+a\s+lot|\s+me|\s+now)*)?|(?:ok(?:ay)?|great|perfect|cool|nice|got\s+it|i\s+see|understood|makes\s+sense))\W*$",
    re.IGNORECASE,
)
GOODBYE = re.compile(
    r"^\W*(?:bye|goodbye|good\s+night|see\s+you(?:\s+\w+)?|that(?:'s|\s+is)\s+all)\W*$", re.IGNORECASE
)
ABILITIES = re.compile(
    r"^\W*(?:what\s+(?:can|do)\s+you\s+(?:do|know|help\s+(?:me\s+)?with)|who\s+are\s+you|what\s+are\s+you|how\s+(?:can|do)\s+(?:you\s+help|i\s+use\s+(?:you|this))"
    r"|help(?:\s+me)?|are\s+you\s+(?:a\s+)?(?:human|bot|robot|an?\s+ai|real)|what(?:'s|\s+is)\s+your\s+name|what\s+is\s+this)\W*(?:\s*please)?\W*$",
    re.IGNORECASE,
)


def reply(question: str, course: Course) -> str:
    """What to say to small talk, "" when the question is a question."""
    greeted = GREETED.match(question)
    if greeted and (said := reply(question[greeted.end() :], course)):
        return f"Hello! {said}"
    if GREETING.match(question):
        return f"Hello! Ask me anything about {course.title}. I answer from the course material and show where it says so."
    if THANKS.match(question):
        return "You are welcome. Ask on whenever you like."
    if GOODBYE.match(question):
        return "Goodbye, and good luck with the course."
    if ABILITIES.match(question):
        return (
            f"I am {course.agent_name}, a computer program that answers questions about {course.title} from its material. "
            "Each sentence of an answer is checked against the material, and its number opens the page, slide or second "
            "that it rests on. When the material does not hold an answer I say so, and you can pass the question on to "
            "the course staff."
        )
    return ""
