"""Agreement: the figures are the field's, and their intervals know how few lessons there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from coach.agreement import Given, between_raters, estimate, quadratic_kappa, ranks, spearman


def two(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    first = dice.integers(1, 8, count)
    return first.astype(float), np.clip(first + dice.integers(-2, 3, count), 1, 7).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_are_those_of_the_statistics_libraries(seed: int) -> None:
    first, second = two(seed)
    assert spearman(first, second) == pytest.approx(spearmanr(first, second)[0])
    assert quadratic_kappa(first, second) == pytest.approx(
        cohen_kappa_score(first, second, weights="quadratic")
    )


def test_equal_values_share_their_rank() -> None:
    assert ranks([10, 20, 20, 5]).tolist() == [2.0, 3.5, 3.5, 1.0]


def test_where_nothing_varies_there_is_no_agreement_to_speak_of() -> None:
    assert spearman([3, 3, 3], [1, 2, 3]) is None
    assert quadratic_kappa([2, 2], [2, 2]) is None
    assert quadratic_kappa([], []) is None


def test_an_interval_is_wider_when_the_same_ratings_come_from_fewer_lessons() -> None:
    dice = np.random.default_rng(3)
    level = np.repeat(
        dice.normal(size=6), 20
    )  # the lessons differ; within one, talk and ratings are unrelated
    first, second = level + dice.normal(size=120), level + dice.normal(size=120)
    few = estimate(spearman, first, second, np.repeat([f"lesson {n}" for n in range(6)], 20))
    many = estimate(spearman, first, second, [f"lesson {n}" for n in range(120)])
    assert few.value == many.value
    assert few.low is not None
    assert few.high is not None
    assert many.low is not None
    assert many.high is not None
    assert few.high - few.low > many.high - many.low


def test_two_lessons_give_no_interval() -> None:
    found = estimate(spearman, [1, 2, 3, 4], [1, 2, 4, 3], ["a", "a", "b", "b"])
    assert found.value == pytest.approx(0.8)
    assert (found.low, found.high) == (None, None)


def test_people_are_compared_where_two_rated_the_same_stretch_and_the_order_of_names_does_not_matter() -> (
    None
):
    scores = [("a", 1, 4, 5), ("a", 2, 2, 2), ("b", 1, 6, 7), ("c", 1, 3, 2), ("d", 1, 5, 5)]
    given = [
        Given(lesson, segment, rater, float(score))
        for lesson, segment, *both in scores
        for rater, score in zip(("R1", "R2"), both, strict=True)
    ]
    alone = Given("e", 1, "R1", 7.0)
    found = between_raters([*given, alone])
    renamed = [Given(one.lesson, one.segment, {"R1": "Z", "R2": "A"}[one.rater], one.score) for one in given]
    assert found == between_raters(renamed)
    assert found is not None
    assert (found["n"], found["lessons"], found["raters"]) == (5, 4, 2)
    assert (found["same"], found["within_one"]) == (0.4, 1.0)


def test_nobody_is_compared_with_nobody() -> None:
    assert between_raters([Given("a", 1, "R1", 3.0), Given("b", 1, "R2", 3.0)]) is None
