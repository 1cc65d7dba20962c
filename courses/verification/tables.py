"""Words that the verifier knows by name: those that carry no content, negate, count, limit, oppose or equal."""

from __future__ import annotations

STOPWORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "it",
        "its",
        "itself",
        "they",
        "them",
        "their",
        "theirs",
        "he",
        "she",
        "him",
        "her",
        "his",
        "hers",
        "we",
        "us",
        "our",
        "you",
        "your",
        "i",
        "me",
        "my",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "am",
        "do",
        "does",
        "did",
        "done",
        "has",
        "have",
        "had",
        "having",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "with",
        "from",
        "as",
        "into",
        "onto",
        "over",
        "under",
        "about",
        "between",
        "among",
        "through",
        "during",
        "than",
        "then",
        "so",
        "such",
        "and",
        "or",
        "but",
        "if",
        "because",
        "while",
        "whereas",
        "although",
        "though",
        "since",
        "until",
        "unless",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "what",
        "why",
        "how",
        "there",
        "here",
        "also",
        "too",
        "very",
        "just",
        "both",
        "either",
        "each",
        "other",
        "another",
        "same",
        "own",
        "more",
        "most",
        "much",
        "many",
        "some",
        "any",
        "all",
        "no",
        "not",
        "nor",
        "neither",
        "never",
        "none",
        "nothing",
        "can",
        "cannot",
        "could",
        "may",
        "might",
        "must",
        "shall",
        "should",
        "will",
        "would",
        "need",
        "only",
        "even",
        "still",
        "already",
        "yet",
        "again",
        "once",
        "thus",
        "hence",
        "therefore",
        "however",
        "moreover",
        "furthermore",
        "instead",
        "rather",
        "per",
        "via",
        "etc",
        "eg",
        "ie",
        "ex",
        "up",
        "out",
        "off",
        "down",
        "get",
        "gets",
        "got",
        "e",
        "g",
        "s",
        "t",
        "d",
        "ll",
        "re",
        "ve",
        "let",
        "lets",
        "whether",
        "upon",
        "within",
        "without",
        "besides",
        "namely",
        "called",
        "known",
        "term",
        "named",
        "so-called",
        "one",
        "ones",
        "way",
        "ways",
        "thing",
        "things",
        "case",
        "kind",
        "kinds",
        "type",
        "sort",
        "using",
        "used",
        "use",
        "uses",
        "based",
        "given",
        "certain",
        "various",
        "different",
        "several",
        "like",
        "well",
        "often",
        "usually",
        "typically",
        "generally",
        "normally",
        "mainly",
        "simply",
        "actually",
        "really",
        "quite",
        "make",
        "makes",
        "made",
        "example",
        "instance",
        "stand",
        "stands",
        "means",
        "meaning",
        "mean",
        "refers",
        "refer",
    ]
)

NEGATORS = frozenset(
    [
        "not",
        "no",
        "never",
        "none",
        "nothing",
        "nobody",
        "nowhere",
        "neither",
        "nor",
        "cannot",
        "without",
        "hardly",
        "scarcely",
        "barely",
        "lacks",
        "lack",
        "lacked",
        "lacking",
        "fails",
        "fail",
        "failed",
        "unable",
        "impossible",
        "avoid",
        "avoids",
        "avoided",
        "avoiding",
        "prevent",
        "prevents",
        "prevented",
        "preventing",
        "excluding",
        "except",
        "instead",
    ]
)

UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
    "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "half": 0.5, "twice": 2, "double": 2, "triple": 3, "thrice": 3, "dozen": 12, "single": 1,
}  # fmt: skip
SCALES = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
    "trillion": 10**12,
}
ORDINALS = dict(
    zip(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"],
        range(1, 11),
        strict=True,
    )
)

# How far a statement reaches. What the text says of some may not be claimed of all, nor a must be made of a may.
QUANTIFIERS = {
    "all": [
        "all",
        "every",
        "each",
        "always",
        "any",
        "whenever",
        "everything",
        "everyone",
        "entire",
        "entirely",
        "invariably",
        "both",
        "everywhere",
        "whole",
    ],
    "some": [
        "some",
        "sometimes",
        "may",
        "might",
        "can",
        "could",
        "often",
        "usually",
        "most",
        "many",
        "several",
        "few",
        "various",
        "possibly",
        "perhaps",
        "typically",
        "generally",
        "commonly",
        "mostly",
        "occasionally",
        "frequently",
        "optionally",
        "optional",
        "mainly",
    ],
    "only": [
        "only",
        "solely",
        "exclusively",
        "just",
        "merely",
        "alone",
        "sole",
        "unique",
        "uniquely",
        "nothing",
    ],
    "must": [
        "must",
        "required",
        "requires",
        "require",
        "mandatory",
        "necessary",
        "shall",
        "obligatory",
        "need",
        "needs",
        "essential",
        "has",
        "have",
    ],
    "none": ["no", "none", "never", "neither", "nor", "nobody", "nothing", "cannot"],
    "most": ["at-most"],
    "least": ["at-least"],
}
QUANTIFIER_OF = {word: kind for kind, words in QUANTIFIERS.items() for word in words}

# Opposites and equals that a general dictionary does not hold in this sense.
OPPOSITES = """mutable immutable|compiled interpreted|local global|explicit implicit|uppercase lowercase|upper lower
|ascending descending|inclusive exclusive|before after|earlier later|above below|left right|leftmost rightmost
|first last|start end|begin end|beginning end|open close|read write|reading writing|input output|front back
|more less|more fewer|most least|greater smaller|greater less|larger smaller|bigger smaller|higher lower|faster slower
|easier harder|simple complex|simple complicated|easy difficult|easy hard|simplicity complexity|concise verbose
|short long|shorter longer|early late|increase decrease|increase reduce|rise fall|grow shrink|gain lose|add remove
|insert delete|append remove|add subtract|multiply divide|maximum minimum|max min|maximize minimize|best worst
|better worse|include exclude|allow forbid|allow prevent|permit forbid|accept reject|enable disable|true false|yes no
|same different|equal unequal|similar different|similar dissimilar|always never|all none|static dynamic|sorted unsorted
|ordered unordered|finite infinite|homogeneous heterogeneous|positive negative|odd even|public private|internal external
|inner outer|inside outside|horizontal vertical|row column|numerator denominator|sender receiver|client server
|parent child|superclass subclass|ancestor descendant|argument parameter|cause effect|success failure|succeed fail
|win lose|buy sell|import export|encode decode|encrypt decrypt|compress decompress|push pull|pull push|attract repel
|hot cold|warm cool|heat cool|light dark|lighter darker|heavy light|strong weak|stronger weaker|high low|deep shallow
|wide narrow|near far|together apart|directly indirectly|proportional inverse|linear nonlinear|continuous discrete
|convex concave|stable unstable|reversible irreversible|sufficient insufficient|necessary unnecessary|required optional
|dependent independent|supervised unsupervised|parametric nonparametric|deterministic random|synchronous asynchronous
|serial parallel|sequential parallel|lossy lossless|acid base|oxidation reduction|absorb emit|endothermic exothermic
|northern southern|north south|east west|eastern western|male female|man woman|birth death|born died|arrive leave
|love hate|support oppose|agree disagree|top bottom|former latter|old new|older newer|young old|day night|winter summer
|valid invalid|legal illegal|possible impossible|known unknown|visible invisible|available unavailable|safe unsafe
|free paid|profit nonprofit|low-level high-level|prefix suffix|predecessor successor|previous next|preceding following
|precede follow|odd-numbered even-numbered|cheap expensive|rich poor|full empty|complete incomplete|correct incorrect
|right wrong|accurate inaccurate|modular monolithic|abstract concrete|dense sparse|lower-case upper-case|exists vanish
|continue stop|continues stops|continue terminate|run terminate|create destroy|build destroy|join split|merge split
|combine separate|unique duplicate|regular irregular|restrict allow|hide show|hidden visible|preserve modify"""
EQUALS = """change alter modify edit update|create make made build produce generate construct form|begin start initiate commence
|end finish terminate stop cease|get obtain retrieve return yield give gives gets given evaluates evaluate produces result
|element item entry member value|function method procedure routine|list array sequence|use employ utilize apply
|show display print output present|remove delete discard eliminate drop|contain hold include store keep comprise
|error exception mistake fault|join concatenate combine merge|big large huge great|small little tiny|fast quick rapid speedy
|need require demand necessitate|allow let permit enable|call invoke|character letter symbol sign mark|whole entire complete
|text string|parameter argument|number figure digit value|name identifier label|left-out omit skip|leave exit quit escape
|part portion piece section|several multiple many numerous various|begin first|before ahead earlier precede|after later
|same identical equal|different distinct other|describe explain express|happen occur arise|import load|execute run perform carry
|repeat iterate loop again|condition test check|true right|position index place location|choose select pick|put place insert add
|write record|look search find|fail break|missing absent lacking|shape form|type kind class|indicate denote mark signify represent
|amount quantity|size length extent|method technique approach|rule law principle|cause lead trigger raise throw
|money cost price|free gratis|people person user human programmer|code program source software|parent superclass base ancestor
|child subclass derived descendant|bigger larger greater|smaller less lower|biggest largest maximum greatest most
|smallest lowest minimum least|novice beginner|easy simple straightforward|short concise brief|hard difficult complex
|famous well-known|house home|doctor physician|movie film picture|song track|author writer|country nation state|city town
|begin debut premiere|release publish launch|win gain earn|die death|born birth|actor actress star|team club|build construct
|spouse wife husband|kid child|show series program|episode installment|war conflict battle|company firm corporation
|purpose goal aim|inherit derive|convert turn transform translate|separate split divide|delimiter separator|assign set give
|hash hash-sign|directory folder|location place|built-in standard|spare free|hobby pastime"""

BRITISH = {
    "colour": "color", "favour": "favor", "behaviour": "behavior", "centre": "center", "metre": "meter",
    "centimetre": "centimeter", "analyse": "analyze", "catalogue": "catalog", "grey": "gray", "programme": "program",
    "licence": "license", "defence": "defense", "artefact": "artifact", "modelling": "modeling", "labelled": "labeled",
}  # fmt: skip

BREAKS = frozenset(["but", "whereas", "while", "although", "though", "because", "however", "unless"])
NEGATING = ("un", "in", "im", "ir", "il", "non", "dis", "mis")
