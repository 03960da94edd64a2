"""Answers that are kept: the first stays, and two audits that keep the same do not collide."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from failure_insights.store.llm_answers import forget, recall, remember


def test_the_first_answer_stays_unless_it_is_replaced(engine: Engine) -> None:
    with engine.begin() as connection:
        remember(connection, "note", {"a": {"line": 1}, "b": "é \\u0000 { "})
        remember(connection, "note", {"a": {"line": 2}, "c": [None]})
        assert recall(connection, ["a", "b", "c", "d"]) == {
            "a": {"line": 1},
            "b": "é \\u0000 { ",
            "c": [None],
        }
        remember(connection, "note", {"a": {"line": 3}}, replace=True)
        assert recall(connection, iter("a")) == {"a": {"line": 3}}
        assert recall(connection, []) == {}
        remember(connection, "note", {})


def test_audits_that_keep_the_same_answers_at_once_do_not_block_each_other(engine: Engine) -> None:
    keys = [f"key {number}" for number in range(300)]

    def keep(order: list[str]) -> Mapping[str, object]:
        with engine.begin() as connection:
            remember(connection, "note", dict.fromkeys(order, 1), replace=True)
            return recall(connection, keys)

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(keep, [keys, keys[::-1]] * 10))
    assert [len(found) for found in kept] == [300] * 20


def test_answers_are_forgotten_when_their_days_are_over(engine: Engine) -> None:
    with engine.begin() as connection:
        remember(connection, "note", {"old": 1, "new": 2})
        connection.exec_driver_sql(
            "UPDATE llm_cache SET created_at = now() - interval '31 days' WHERE key = 'old'"
        )
        assert forget(connection, 30) == 1
        assert recall(connection, ["old", "new"]) == {"new": 2}
