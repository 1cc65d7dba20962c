"""Classifiers of talk: what is read, what is learned, what is stored, and what the shipped ones say of clear cases."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from coach.classifiers import KINDS, Pair, accuracy, classify, features, listening
from coach.classifiers.blend import Blend, WeightsDamaged, folds
from coach.classifiers.encoding import EncoderMissing
from coach.classifiers.keeping import active, keep, kind_of
from coach.classifiers.kinds import FOCUSING, STUDENT_MOVES, TEACHER_MOVES, UPTAKE
from coach.classifiers.reading import UnusableData, read
from coach.classifiers.training import views_of
from coach.models import Classifier

pytestmark = pytest.mark.django_db

LESSONS = 8
THINGS = (
    "the fraction",
    "the angle",
    "the graph",
    "the area",
    "the rule",
    "the table",
    "the sum",
    "the line",
)
FOCUSING_QUESTIONS = (
    "Why do you think {} works like that?",
    "How did you know that about {}?",
    "Tell me what you were thinking about {}.",
    "What made you choose {}?",
)
OTHERS = (
    "Okay. Put {} in your folder.",
    "Good. Next page, please, {} is done.",
    "Yes. Sit down now.",
    "Thank you.",
)


def rows_of_talk(seed: int = 0) -> list[dict[str, object]]:
    """Some ninety rows of eight lessons, whose labels can be learned from the words."""
    dice = random.Random(seed)
    rows: list[dict[str, object]] = []
    for lesson in range(LESSONS):
        for turn in range(12):
            thing = dice.choice(THINGS)
            asks = turn % 2
            said = dice.choice(FOCUSING_QUESTIONS if asks else OTHERS).format(thing)
            rows.append(
                {
                    "obs_id": f"lesson {lesson}",
                    "student_text": f"I looked at {thing} and got {dice.randint(2, 40)}.",
                    "teacher_text": said,
                    "follow_up_unfiltered_majority": float(2 * asks),
                }
            )
    return rows


def table(folder: Path, rows: Sequence[dict[str, object]], name: str = "talk.csv") -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(*arguments: object) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


def trained(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run("coach_train", "focusing", "--data", path, "--json"))
    return report


# Training and judging ----------------------------------------------------------------------------------------------


@pytest.mark.model
def test_a_classifier_is_measured_stored_and_used_from_then_on(tmp_path: Path) -> None:
    path = table(tmp_path, rows_of_talk())
    report = trained(path)
    assert report["rows"] == 96
    assert report["lessons"] == LESSONS
    assert report["labels"] == {"neither": 48, "funnelling": 0, "focusing": 48}
    assert report["measured"]["macro_f1"] > 0.9
    assert report["measured"]["pearson_label"] > 0.8
    assert report["measured"]["without_punctuation"]["macro_f1"] > 0.9
    row = Classifier.objects.get(kind="focusing", active=True)
    assert row.pk == report["classifier"]
    assert row.rows == 96
    assert accuracy("focusing")["shipped"] is False
    by = "96 rows of 8 lessons it did not see: talk.csv"
    assert accuracy("focusing")["measured"] == {**report["measured"], "by": by}

    unlabelled: list[dict[str, object]] = [{"student_text": "", "teacher_text": ""}, *rows_of_talk(1)[:6]]
    for entry in unlabelled:
        entry.pop("follow_up_unfiltered_majority", None)
        entry.pop("obs_id", None)
    lines = run("coach_classify", "focusing", "--data", table(tmp_path, unlabelled, "new.csv"), "--json")
    judged = [json.loads(line) for line in lines.splitlines()]
    assert [line["row"] for line in judged] == [1, 2, 3, 4, 5, 6], "a row without text has no line"
    assert [line["label"] for line in judged] == ["neither", "focusing"] * 3
    for line in judged:
        assert list(line) == ["row", "label", "probabilities", "score"]
        assert list(line["probabilities"]) == list(FOCUSING.labels)
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=0.001)
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].__getitem__)
        assert 0 <= line["score"] <= 2


@pytest.mark.model
def test_stored_weights_that_were_changed_are_refused() -> None:
    scores = {"rows": 96, "lessons": LESSONS, "measured": {}}
    first = keep(active("focusing").blend, scores, "talk.csv", "0" * 64)
    row = keep(active("focusing").blend, scores, "talk.csv", "0" * 64)
    assert Classifier.objects.get(kind="focusing", active=True) == row != first
    with default_storage.open(f"{row.path}/weights.npz", "wb") as file:
        file.write(b"something else")
    with pytest.raises(WeightsDamaged, match="coach_train focusing"):
        classify("focusing", [Pair("Four.", "Why?")])


def test_no_lesson_stands_in_two_folds() -> None:
    dice = random.Random(4)
    lessons = [str(dice.randint(1, 40)) for _ in range(400)]
    parts = folds(lessons, 5)
    assert sorted(np.concatenate(parts).tolist()) == list(range(400))
    names = [{lessons[place] for place in part} for part in parts]
    assert sum(len(part) for part in names) == len(set(lessons))
    assert max(map(len, parts)) - min(map(len, parts)) < 20


@pytest.mark.model
def test_the_same_rows_give_the_same_classifier(tmp_path: Path) -> None:
    rows = read(table(tmp_path, rows_of_talk()), FOCUSING)
    fitted = [
        Blend(FOCUSING).fit(views_of(rows, FOCUSING), rows.labels, rows.scores, rows.lessons)
        for _ in range(2)
    ]
    assert fitted[0].to_bytes() == fitted[1].to_bytes()


@pytest.mark.model
def test_a_label_that_only_its_lesson_tells_cannot_be_learned(tmp_path: Path) -> None:
    """Each lesson has a word of its own and one label for all its rows: across lessons there is nothing to learn."""
    words = "apple brick cloud drum eagle flute grape horse igloo jewel kite lemon".split()  # noqa: SIM905
    rows: list[dict[str, object]] = [
        {
            "lesson": word,
            "before": "Yes.",
            "text": f"The {word} again, number {turn}.",
            "label": 2 * (place % 2),
        }
        for place, word in enumerate(words)
        for turn in range(8)
    ]
    report = trained(table(tmp_path, rows))
    assert report["measured"]["accuracy"] < 0.75, "rows of a held-out lesson leaked into training"


# Columns -------------------------------------------------------------------------------------------------------------


def test_columns_of_known_data_sets_are_found(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"File": "a", "Teacher Sentence": "Okay?", "Teacher Tag": "2 - Keeping everyone together"},
        {"File": "a", "Teacher Sentence": "Why?", "Teacher Tag": "7 - Press for reasoning"},
        {"File": "b", "Teacher Sentence": "Four.", "Teacher Tag": "1 - None"},
        {"File": "b", "Teacher Sentence": "Who agrees?", "Teacher Tag": "Getting students to relate"},
    ]
    found = read(table(tmp_path, rows), TEACHER_MOVES)
    assert [TEACHER_MOVES.labels[place] for place in found.labels] == [
        "keeping_together",
        "press_reasoning",
        "none",
        "students_relating",
    ]
    assert found.lessons == ["a", "a", "b", "b"]
    assert [pair.before for pair in found.pairs] == [""] * 4


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_text("wer;vorher;satz;art\n1;Four.;Because it is even.;evidence\n", encoding="utf-8")
    columns = {"text": "satz", "before": "vorher", "label": "art", "lesson": "wer"}
    found = read(path, STUDENT_MOVES, columns)
    assert found.pairs == [Pair("Four.", "Because it is even.")]
    assert STUDENT_MOVES.labels[found.labels[0]] == "evidence"


def test_a_row_with_only_the_finer_score_is_kept(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {
            "obs_id": 1,
            "student_text": "a",
            "teacher_text": "b",
            "uptake_majority": "",
            "uptake_zscore": "-0.5",
        },
        {
            "obs_id": 1,
            "student_text": "a",
            "teacher_text": "b",
            "uptake_majority": "2.0",
            "uptake_zscore": "0.9",
        },
        {
            "obs_id": 1,
            "student_text": "a",
            "teacher_text": "b",
            "uptake_majority": "",
            "uptake_zscore": "nan",
        },
    ]
    found = read(table(tmp_path, rows), UPTAKE)
    assert found.labels.tolist() == [-1, 2]
    assert found.scores.tolist() == [-0.5, 0.9]
    assert found.numbers == [0, 1]


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"obs_id,teacher_text,label\n", "no rows"),
        ("obs_id,teacher_text,label\n1,caf\xe9,2\n".encode("latin-1"), "not UTF-8"),
        (b"PK\x03\x04\x00\x00\x00", "not a CSV"),
        (b"a,b\n1,2\n", "It has: a, b. Say which one it is with --text"),
        (b"teacher_text,obs_id\nWhy?,1\n", "--label"),
        (b"teacher_text,label\nWhy?,1\n", "--lesson"),
        (b"teacher_text,label,obs_id\nWhy?,splendid,1\nHow?,dreadful,2\n", "no row that can be used"),
        (b"teacher_text,label,obs_id\n,1,1\n,2,2\n", "no row that can be used"),
        (b'teacher_text,label,obs_id\n"Why?,1,1\n', "cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "talk.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=message):
        run("coach_train", "focusing", "--data", path)
    assert not Classifier.objects.exists()


def test_too_little_to_learn_from_is_said(tmp_path: Path) -> None:
    rows = rows_of_talk()
    one_lesson = [{**row, "obs_id": "the only one"} for row in rows]
    one_label = [{**row, "follow_up_unfiltered_majority": 1} for row in rows]
    for made, message in ((one_lesson, "1 lesson;"), (one_label, "two labels"), (rows[::4], "at least 40")):
        with pytest.raises(CommandError, match=message):
            run("coach_train", "focusing", "--data", table(tmp_path, made))
    assert not Classifier.objects.exists()


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"no\.csv cannot be read"):
        run("coach_train", "uptake", "--data", tmp_path / "no.csv")
    with pytest.raises(CommandError, match="no column 'speech' for --text"):
        run("coach_classify", "focusing", "--data", table(tmp_path, rows_of_talk()), "--text", "speech")


def test_labels_of_another_kind_are_refused(tmp_path: Path) -> None:
    rows = [{**row, "label": "revoicing" if place % 2 else 1} for place, row in enumerate(rows_of_talk())]
    path = table(tmp_path, rows)
    with pytest.raises(UnusableData, match="does not know: 'revoicing'"):
        read(path, FOCUSING, {"label": "label"})


# Features ------------------------------------------------------------------------------------------------------------


def test_repetition_is_counted_over_words_of_both_sides() -> None:
    pair = Pair("You multiply six by the four.", "So you multiply six by the four? Why?")
    counted = dict(zip(features.NAMES, features.measured([pair])[0].tolist(), strict=True))
    assert counted["run"] == 6
    assert counted["shared"] == 3
    assert counted["questions"] == 2
    assert counted["first_sentence_asks"] == 1


def test_bare_text_keeps_numbers_and_contractions() -> None:
    assert features.bare("Don’t, it's 3.5—or 1/2! “Okay?”") == "don’t it's 3.5 or 1/2 okay"


# Listening -----------------------------------------------------------------------------------------------------------


@pytest.mark.model
def test_a_pair_is_heard_alike_alone_and_among_longer_ones() -> None:
    """Padding must not be heard; the arithmetic itself is coarse (bfloat16)."""
    pair = Pair("I added the tops.", "You added the tops?")
    long = [
        Pair(f"{place} {'and then I added it' * 9}", f"Okay. {'Say that again. ' * 9}") for place in range(7)
    ]
    reading = listening._listener()
    (alone,), among = reading.read([pair]), reading.read([pair, *long])[0]
    assert np.abs(alone.astype(float) - among).mean() < 0.05 * np.abs(alone.astype(float)).mean()


@pytest.mark.model
def test_words_that_take_up_what_was_said_become_likelier_by_it() -> None:
    said = "I think the trapezoid has two acute angles."
    takes_up, does_not = (
        Pair(said, "So the trapezoid has two acute angles?"),
        Pair("Can I go to the bathroom?", "So the trapezoid has two acute angles?"),
    )
    gained = listening.heard([takes_up, does_not])[:, listening.STATES :].astype(float)
    assert gained[0, 0] > gained[1, 0]  # in sum
    assert gained[0, 4] > gained[1, 4]  # words that became more than e times as likely


def test_gain_is_counted_a_word() -> None:
    told, alone = np.log(np.array([[0.5, 0.5, 0.1], [0.5, 0.01, 0.2]], np.float32))
    figures = np.expm1(np.abs(listening.information(told, alone)))
    assert figures[0] == pytest.approx(np.log(25), abs=1e-4)  # in sum
    assert figures[3:7].round(3).tolist() == [1, 1, 1, 0]  # words that gained more than 0.5, 1, 2 and 4 nats
    assert figures[13] == pytest.approx(3)


def test_without_the_language_model_it_is_said_how_to_fetch_it(settings: Any, tmp_path: Path) -> None:
    settings.MODELS_DIR = tmp_path
    with pytest.raises(EncoderMissing, match="models fetch smollm2-135m-instruct"):
        listening._listener.__wrapped__()


# What comes with Lyceum ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_shipped_weights_load_and_say_how_they_were_measured(kind: str) -> None:
    about = active(kind).about
    assert about["shipped"]
    assert about["lessons"] >= 10
    assert 0 < about["measured"]["macro_f1"] <= 1
    assert about["published"]["by"]


@pytest.mark.model
@pytest.mark.parametrize("kind", list(KINDS))
def test_weights_survive_being_written_and_read(kind: str) -> None:
    blend = active(kind).blend
    pairs = [Pair("I added the two sides.", "Why did you add them?"), Pair("", "Okay.")]
    assert Blend.from_bytes(blend.to_bytes(), kind_of(kind)).classify(pairs) == blend.classify(pairs)


@pytest.mark.model
@pytest.mark.parametrize("spoken", [str, features.bare], ids=["punctuated", "bare"])
def test_clear_cases_are_told_apart(spoken: Any) -> None:
    def judge(kind: str, before: str, text: str) -> Any:
        return classify(kind, [Pair(spoken(before), spoken(text))])[0]

    said = "I think it is more than a half because three is more than half of five."
    asks = (
        "So you are saying that three is more than half of five. How did you know that? Can you tell us why?"
    )
    assert (
        judge("uptake", said, asks).score > judge("uptake", said, "Sit down, please. Books out.").score + 0.5
    )
    assert judge("focusing", said, "How did you figure that out? What were you thinking?").label == "focusing"
    assert judge("focusing", "Can I go to the bathroom?", "Yes, go ahead.").label == "neither"
    assert judge("reasoning", "Why?", said).label == "reasoning"
    assert judge("reasoning", "Are you ready?", "I need a pencil.").label == "none"
    assert judge("teacher_moves", said, "Why do you think that it works?").label == "press_reasoning"
    assert judge(
        "teacher_moves", "Four.", "Do you agree with Maria? Who can add on to what she said?"
    ).label == ("students_relating")
    assert judge("student_moves", "What do you think?", "I agree with Ben.").label == "relating"


@pytest.mark.model
def test_no_rows_give_no_judgements_and_an_unknown_kind_is_an_error() -> None:
    assert classify("uptake", []) == []
    with pytest.raises(KeyError):
        classify("shoe size", [Pair("", "nine")])
