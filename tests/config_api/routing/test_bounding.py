"""No condition and no workflow can hold a process up, whatever its mail: seen by its words, and while it runs."""

from itertools import count

import pytest

from config_api.routing import conditions, deciding
from config_api.routing.conditions import Broken
from config_api.routing.deciding import Running
from config_api.routing.facts import Facts
from ece_common.contracts.workflows import Rule, RuleActions


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("size == 5 && to.all(a, cc.all(b, a != b))", "for each item of another"),
        ("size == 5 && to.all(a, !text.matches('[ab]{0,900}q'))", "`text` cannot be asked for each item"),
        ("size == 5 && headers.all(name, !html.contains(headers[name]))", "`html` cannot be asked for each item"),
        ("size == 5 && [text, text, text].all(one, !one.matches('[ab]{0,900}q'))", "cannot stand in a list"),
        ("size == 5 && {'a': text}.all(one, one == 'a')", "cannot stand in a list"),
        (" || ".join(f"text.matches('[ab]{{0,90{n}}}q')" for n in range(9)), "`matches` more than 8 times"),
        ("size == 5 && to.all(a, a.all(", "line 1"),
    ],
)
def test_a_condition_that_some_mail_could_make_slow_is_refused_though_the_samples_do_not_show_it(
    when: str, said: str
) -> None:
    with pytest.raises(Broken, match="line 1") as refused:
        conditions.check(when)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "when",
    [
        "to.exists(one, one.matches('^sales@')) && text.contains('[text].all(') // html",
        "'x-priority' in headers && headers['x-priority'] == '1' && html.matches('(?i)urgent')",
        "to.filter(one, one in ['a@x.example', 'b@x.example']).size() > 0",
        "['refund', 'invoice'].exists(word, subject.lower().contains(word))",
    ],
)
def test_what_people_write_is_taken(when: str) -> None:
    conditions.check(when)


def test_rules_that_took_too_long_on_a_mail_send_it_to_the_exception_queue() -> None:
    rules = [Rule(name=f"R{n}", when="true", actions=RuleActions(priority=2)) for n in range(50)]
    ticks = count()
    decision = deciding.over(Running(7, "Slow", rules), Facts().values(), lambda: next(ticks) * 0.1)
    assert decision.error is not None
    assert "workflow 'Slow' (id 7), rule 'R3': the rules before it took longer than 0.25 s" in decision.error
    assert decision.priority is None


def test_what_a_process_compiles_at_its_first_mail_is_no_time_of_that_mail() -> None:
    conditions.compiled.cache_clear()
    rules = [Rule(name=f"R{n}", when=f"size == {n}", actions=RuleActions(priority=2)) for n in range(50)]

    def worked() -> float:
        return conditions.compiled.cache_info().misses * 0.1

    assert deciding.over(Running(7, "New", rules), Facts().values(), worked).error is None


def test_an_unbounded_condition_that_was_saved_somehow_is_not_run() -> None:
    rule = Rule(name="Old", when="to.all(a, cc.all(b, a != b))", actions=RuleActions(priority=1))
    decision = deciding.decide(Running(7, "W", [rule]), Facts())
    assert decision.error is not None
    assert "for each item of another" in decision.error
