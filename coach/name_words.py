"""Names that are also words, and what shows that the word is meant. Any other name is replaced wherever it stands."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# kind -> the words of that kind, in lower case
MODAL = _set("will may can")
VERB = _set(
    "mark chase drew sue pat jack grant rob bill frank hunter skip chip chuck buck peg don nick pierce lance carry curtsy trace "
    "hope faith reed read cook wade drake ward love price page bell case cross mason park wise read ray rich dot dale glen "
    "miles sharp rush reach bond burns mills powers marks sing ring king ping hang ban win wing"
)
MONTH = _set("may june april august summer autumn winter spring easter sunday friday")
FUNCTION = _set(
    "an so do my in be go he she you we no to on or ha hi ho la le long way see any as at by if it me of up us but and too are "
    "is was has had the this that all yes not now min sum sin tan cos ok oh um even odd more most less"
)
INTERJECTIONS = _set(
    "so no yes oh ok um ha hi ho now but and or do go see any as at by if up us all this that not too"
)  # then a comma
NOUN = _set(
    "rose grace hope art angel summer bill joy faith penny dean miles mark max jack pat ray gene guy rob rich rod bar barb bob "
    "brook brooks river rivers lake sky sun son song moon star stone wood woods hill hills lane street field fields banks bank "
    "park parks page price rice love day case cross bell baker cook mason hunter king prince earl duke bishop pope major junior "
    "young brown green white black gray grey gold silver short little small strong best wise sharp fox wolf bear lamb bird swan "
    "finch crow dawn eve star lily ivy violet daisy ruby pearl crystal jade amber olive ginger basil sage heather forest rain "
    "storm snow frost cliff dale glen heath sandy rusty buddy sonny chance chase cash colt ace jet robin jay wren pen dot kitty "
    "melody harmony destiny justice honor patience charity mercy constant christian trinity power powers light bright archer "
    "potter miller fisher porter carpenter singer butler ball bush book books church cotton cruz dice dollar english french "
    "german wales holland bond cards carr coin cross farmer flowers ford fort fun pan fan chin shin wing hand head hope house "
    "iron key keys knight law lord low lots mann mills mead moss north south west east noble pace page parish pike pine point "
    "pool post pound rush sands self shell ship short sparks square starr steel stern summers table temple tower trace troy "
    "true vice wall walls ward waters webb weeks well wells winter winters worth yard case cape clay dent grant glass hart "
    "counts graph ratio mean median mode line lines major minor"
)
WORDS = MODAL | VERB | MONTH | FUNCTION | NOUN

PRONOUNS = _set(
    "i you we they he she it this that these those there who what which someone everyone everybody nobody"
)
DETERMINERS = _set(
    "the a an my your his her our their its this that these those each every some any no one two three four five six seven eight "
    "nine ten eleven twelve twenty thirty fifty hundred both all another which whose many few several more most half"
)
# what stands before or after the word and not before or after the name
BEFORE_VERB = PRONOUNS | _set(
    "can could should would must will won't don't didn't doesn't let's lets please not never then just also gonna wanna i'll "
    "you'll we'll they'll i'd we'd you'd always"
)
AFTER_VERB = _set(
    "the a an my your his her our their it them this that these those off out up down where each all every both"
)
BEFORE_MODAL = PRONOUNS | _set("that'll how when where why")
AFTER_MODAL = _set(
    "i you we they he she it this that these those there someone everyone everybody nobody "
    "be have not never also always only just still probably then get give go need take equal become "
    "happen come make work look "
    "tell help see do use find stay keep change turn start show the a my your our their anyone any"
)
BEFORE_NOUN = DETERMINERS | _set(
    "of question check good big small new old last next first second quick other same"
)
AFTER_NOUN: dict[str, frozenset[str]] = {
    "hope": _set("so that you to this we it i for they"),
    "art": _set("class project room teacher work club museum supplies"),
    "max": _set("of value number height is"),
    "miles": _set("per away an long"),
    "summer": _set("break vacation school camp"),
    "faith": _set("in that"),
    "page": _set("number one two three four five six seven eight nine ten"),
    "green": _set("line one bar piece block cube part"),
    "brown": _set("line one bar piece block cube part"),
    "white": _set("line one bar piece block cube part board boards paper"),
    "black": _set("line one bar piece block cube part"),
    "young": _set("people man lady one kids"),
    "little": _set("bit more less one by"),
    "best": _set("way of one answer"),
}
BEFORE_MONTH = _set("in of by since until till last next early late mid this every")
SPECIAL: dict[str, tuple[frozenset[str], frozenset[str]]] = {  # word -> (before, after) that show it
    "frank": (_set("be being very quite"), frozenset()),
    "hope": (_set("i we you they don't"), frozenset()),
    "penny": (frozenset(), _set("is each per")),
    "max": (_set("the"), frozenset()),
    "art": (_set("in of"), frozenset()),
    "grace": (_set("with of"), frozenset()),
    "joy": (_set("of with"), frozenset()),
    "summer": (_set("over during in"), frozenset()),
}
# what stands next to a name
GREETINGS = _set(
    "thanks thank hey hi hello bye goodbye sorry ask tell okay ok yes yeah yep no good great nice right excellent perfect wow "
    "and or with from"
)
CALLS = _set("ask tell thank thanks hey hi hello goodbye")
NAME_VERBS = _set(
    "said says asked asks thinks thought wants wanted noticed notices showed wrote explained explains mentioned answered shared "
    "raised knows knew told tells disagrees agrees agreed figured solved counted used"
)
TITLES = _set("ms mrs mr miss mx dr prof professor sir madam mme mlle senora senor sra sr coach principal")
SURE_TITLES = _set("ms mrs mr mx dr")
PARTICLES = _set("de la van von der den da dos di du del bin ibn al el le jr sr ii iii iv st y of the and or")
RESERVED = _set(
    "student students teacher teachers class group speaker someone pupil pupils all everyone everybody whole multiple unknown "
    "child kid boy girl male female instructor coach video other voice ta"
)
