"""What agents say without a model: words that claim nothing about the material."""

from tutor.classrooms.models import Act

WELCOME = "Welcome to “{lesson}”. Speak up at any time: a question always comes first."
FLOOR = "{name}, you have the floor."
ESCALATED = "That question is with the course staff now. Their answer will appear here."
GOES_ON = "Let us go on; you can come back to this at any time."
SKIPPED = "We leave out “{page}”. {reason} Go back if you want to see it anyway."
CLOSING = "That was the last page of “{lesson}”. Thank you for being here; your notes and questions stay on this page."
QUIET = "Is everything clear so far? Ask whenever something is not."
THANKS = (
    "Thank you, {name}.",
    "Thanks, {name}, good that you say so.",
    "Noted, {name}.",
    "Thank you for that, {name}.",
    "Good to hear you, {name}.",
)
AGAIN = "Let us look at that once more."
EXPLAIN = "Explain once more, in other words than before: {words}"
REMINDERS = {
    Act.Kind.ASK: "What do you think? A guess is welcome.",
    Act.Kind.DISCUSS: "Does anybody want to add something?",
    Act.Kind.QUIZ: "Take your time with the question. A guess counts as a try, and nobody is marked down for it.",
}
JOKES = (  # each at most once in a class; what comes before the concept tells them apart
    "If I had a coin for every time I mixed up {concept}, I could buy us all coffee.",
    "I dreamt of {concept} last night. It was less well explained there.",
    "My cat sat down on the notes on {concept}. She claims that she has it all now.",
    "Note to self: name the next goldfish after {concept}.",
    "I tried to explain {concept} to my plant. It grew away from me.",
    "Somewhere there is a band called “{concept}”, and I would go to the concert.",
    "My pencil broke at the word {concept}. I take that as applause.",
    "I promised my grandmother a postcard about {concept}. She is counting on us.",
    "Can we have {concept} on a T-shirt? Asking for a friend.",
    "I brought biscuits, because {concept} goes better with biscuits.",
)
CONNECTIONS = (
    "I keep thinking of something from before: “{earlier}” Is that not the other side of “{now}”?",
    "Wait, that fits together. Earlier it said: “{earlier}” And now: “{now}”",
    "May I put two things next to each other? “{earlier}” And here: “{now}”",
    "This reminds me of what we heard before: “{earlier}” Compare it with “{now}”",
)
LIMITS = (
    "What I would underline is the condition: “{now}” What happens where it does not hold?",
    "Let me say it slowly, because it is easy to read over: “{now}” When does that matter in practice?",
    "Here is where I would stop and think: “{now}” Has anybody a case in mind?",
    "I had to read this line twice: “{now}” Who could say why it has to be so?",
)
NOTED = ("I write down: {text}", "For the notes: {text}", "This goes into the notes: {text}")
WONDERS = ("What is {concept}?", "What does {concept} mean?", "How would you explain {concept}?")
