"""Tokens a day, counted so that requests at the same moment cannot overdraw."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests import make
from tutor.llm.models import Endpoint, Quota, QuotaExceeded, Usage, record_usage

pytestmark = pytest.mark.django_db


def endpoint() -> Endpoint:
    return Endpoint.objects.default()


def test_without_a_quota_everything_is_allowed() -> None:
    allowance = Quota.allows(make.user(), 1)
    assert allowance
    assert allowance.left is None


def test_a_user_who_used_the_days_tokens_is_told_so_and_others_are_not() -> None:
    spender, saver = make.user(), make.user()
    Quota.objects.create(tokens_per_day=100)
    record_usage(spender, 1, endpoint(), prompt_tokens=60, completion_tokens=40)
    refused = Quota.allows(spender, 2)
    assert not refused
    assert "100 tokens" in refused.reason
    assert Quota.allows(saver, 1).left == 100


def test_a_users_own_quota_replaces_everybodys() -> None:
    person = make.user()
    Quota.objects.create(tokens_per_day=10)
    Quota.objects.create(user=person, tokens_per_day=1000)
    record_usage(person, None, endpoint(), completion_tokens=300)
    assert Quota.allows(person, 1).left == 700


def test_a_courses_quota_is_shared_by_its_people() -> None:
    one, other = make.user(), make.user()
    Quota.objects.create(course_id=5, tokens_per_day=100)
    record_usage(one, 5, endpoint(), completion_tokens=100)
    assert not Quota.allows(other, 5)
    assert "This course" in Quota.allows(other, 5).reason
    assert Quota.allows(other, 6)


def test_yesterday_does_not_count() -> None:
    person = make.user()
    Quota.objects.create(user=person, tokens_per_day=100)
    old = record_usage(person, None, endpoint(), completion_tokens=100)
    Usage.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=1))
    assert Quota.allows(person, None)


def test_what_is_reserved_counts_until_it_is_settled() -> None:
    person = make.user()
    Quota.objects.create(user=person, tokens_per_day=1000)
    held = Quota.reserve(person, 1, 1000, endpoint=endpoint())
    with pytest.raises(QuotaExceeded, match="1,000 tokens"):
        Quota.reserve(person, 1, 10, endpoint=endpoint())
    held.settle(prompt_tokens=50, completion_tokens=30)
    assert Quota.allows(person, 1).left == 920


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_moment_cannot_overdraw() -> None:
    person, chosen = make.user(), endpoint()
    Quota.objects.create(user=person, tokens_per_day=300)
    outcomes: list[bool] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        try:
            Quota.reserve(person, 1, 100, endpoint=chosen)
            outcomes.append(True)
        except QuotaExceeded:
            outcomes.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True] * 3
