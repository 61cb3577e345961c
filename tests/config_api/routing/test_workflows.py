"""Inbound workflows: which queue, how urgent, by when, and who is told that their mail arrived."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, an_alias, fields_of
from tests.config_api.mail_in import Mailbox, a_mail, a_mailbox
from tests.config_api.process import Clock


def rule(when: str = "true", name: str = "Rule", **actions: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "actions": actions}


class Routed:
    """A mailbox, a queue of its department, and what is needed to see where mail goes."""

    def __init__(self, admin: httpx.AsyncClient, mailbox: Mailbox, queues: dict[str, int]) -> None:
        self.admin = admin
        self.mailbox = mailbox
        self.queues = queues
        self.path = f"/departments/{mailbox.alias['department_id']}/workflows"

    async def workflow(self, *rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
        body = {"name": "Start", "alias_ids": [self.mailbox.id], "rules": list(rules), **changes}
        made = await self.admin.post(self.path, json=body)
        assert made.status_code == 201, made.text
        return made.json()

    async def arrived(self, **changes: Any) -> dict[str, Any]:
        activity = await self.mailbox.activity_of(a_mail(**changes))
        return (await self.admin.get(f"/activities/{activity}")).json()

    async def answers_to(self, activity: dict[str, Any]) -> list[dict[str, Any]]:
        found = await self.admin.get("/activities", params={"parent_id": activity["id"], "direction": "outbound"})
        return found.json()["items"]


@pytest.fixture
async def routed(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> Routed:
    mailbox = await a_mailbox(admin, worker)
    path = f"/departments/{mailbox.alias['department_id']}/queues"
    for name in ("Returns", "Bounced"):
        await admin.post(path, json={"name": name})
    return Routed(admin, mailbox, {one["name"]: one["id"] for one in (await admin.get(path)).json()["items"]})


@pytest.mark.rule(42, 47, 109)
async def test_rules_put_mail_in_a_queue_with_priority_due_time_and_tags(routed: Routed, clock: Clock) -> None:
    await routed.workflow(
        rule("subject.lower().contains('return')", "Returns", queue_id=routed.queues["Returns"], priority=2,
             service_level_minutes=240, tags=["returns"]),
        rule("has_attachments && size > 0", "Files", tags=["files", "returns"]),
    )  # fmt: skip
    found = await routed.arrived(subject="RETURN of my order", attachments=(b"a file",))
    assert found["queue_id"] == routed.queues["Returns"]
    assert (found["priority"], found["tags"]) == (2, ["returns", "files"])
    assert found["due_at"] == (clock() + timedelta(hours=4)).isoformat().replace("+00:00", "Z")
    listed = (await routed.admin.get("/activities", params={"queue_id": found["queue_id"]})).json()["items"]
    assert (listed[0]["priority"], listed[0]["due_at"], listed[0]["tags"]) == (2, found["due_at"], found["tags"])
    other = await routed.arrived(subject="Something else")
    assert (other["queue_id"], other["priority"], other["due_at"]) == (routed.queues["Default"], None, None)
    assert (other["tags"], other["routing_error"]) == ([], None)


@pytest.mark.rule(42)
async def test_later_rules_override_earlier_ones_until_one_says_stop(routed: Routed) -> None:
    await routed.workflow(
        rule("true", "All", priority=5, tags=["all"]),
        rule("'x-vip' in headers && headers['x-vip'] == 'yes'", "Important", priority=1, tags=["vip"], stop=True),
        rule("true", "Rest", queue_id=routed.queues["Returns"], priority=9),
    )
    vip = await routed.arrived(headers=[{"name": "X-VIP", "value": "yes"}])
    assert (vip["priority"], vip["tags"], vip["queue_id"]) == (1, ["all", "vip"], routed.queues["Default"])
    assert (await routed.arrived())["priority"] == 9


@pytest.mark.rule(41)
async def test_a_changed_workflow_is_in_force_for_the_next_mail_without_any_restart(routed: Routed) -> None:
    made = await routed.workflow(rule(priority=3))
    assert (await routed.arrived())["priority"] == 3
    changed = await routed.admin.patch(f"/workflows/{made['id']}", json={"rules": [rule(priority=4)]})
    assert changed.status_code == 200, changed.text
    assert (await routed.arrived())["priority"] == 4
    await routed.admin.patch(f"/workflows/{made['id']}", json={"active": False})
    assert (await routed.arrived())["priority"] is None


@pytest.mark.rule(245, 247)
async def test_delivery_reports_go_to_the_exception_queue_where_a_workflow_of_its_own_takes_them(
    routed: Routed,
) -> None:
    await routed.workflow(rule(queue_id=routed.queues["Returns"]))
    bounced = {"subtype": "email_permanent_undeliverable", "subject": "Undelivered Mail"}
    assert (await routed.arrived(**bounced))["queue_id"] == routed.queues["Exception"]
    await routed.workflow(
        rule("subtype == 'email_permanent_undeliverable'", queue_id=routed.queues["Bounced"], tags=["bounced"]),
        name="Exceptions", on_exception_queue=True, alias_ids=[],
    )  # fmt: skip
    found = await routed.arrived(**bounced)
    assert (found["queue_id"], found["tags"]) == (routed.queues["Bounced"], ["bounced"])
    assert (await routed.arrived(subtype="unparsed"))["queue_id"] == routed.queues["Exception"]
    assert (await routed.arrived())["queue_id"] == routed.queues["Returns"]


@pytest.mark.rule(245, 247)
async def test_a_rule_that_fails_sends_the_mail_to_the_exception_queue_with_the_reason(routed: Routed) -> None:
    # No mail of the samples has this subject, so that it was not seen when the workflow was saved.
    fails = "subject == 'odd' && headers['x-nothing'] == '1'"
    await routed.workflow(
        rule("true", "First", priority=1), rule(fails, "Odd ones", queue_id=routed.queues["Returns"])
    )
    found = await routed.arrived(subject="odd")
    assert (found["queue_id"], found["priority"]) == (routed.queues["Exception"], None)
    assert "'Start'" in found["routing_error"]
    assert "'Odd ones'" in found["routing_error"]
    assert "x-nothing" in found["routing_error"]
    assert (await routed.arrived(subject="even"))["routing_error"] is None
    await routed.workflow(
        rule("routing_error.contains('Odd ones')", queue_id=routed.queues["Bounced"]),
        name="Exceptions", on_exception_queue=True,
    )  # fmt: skip
    again = await routed.arrived(subject="odd")
    assert again["queue_id"] == routed.queues["Bounced"]
    assert again["routing_error"] == found["routing_error"]


@pytest.mark.rule(47)
async def test_senders_are_told_that_their_mail_arrived(routed: Routed) -> None:
    await routed.workflow(
        rule(auto_acknowledge={"subject": "[{activity_id}] {subject}", "text": "Dear {from_name}, {subject}: noted."})
    )
    mail = await routed.arrived(subject="Hello {activity_id}", from_name="Anna")
    (answer,) = await routed.answers_to(mail)
    assert answer["subject"] == f"[{mail['id']}] Hello {{activity_id}}"
    assert (answer["to"], answer["from"]) == (["anna@customer.test"], routed.mailbox.alias["email_address"])
    whole = (await routed.admin.get(f"/activities/{answer['id']}")).json()
    assert whole["text"] == "Dear Anna, Hello {activity_id}: noted."
    assert whole["in_reply_to"] == mail["message_id"]


@pytest.mark.rule(47)
async def test_no_machine_is_answered_and_nobody_too_often(routed: Routed, clock: Clock) -> None:
    await routed.workflow(rule(auto_acknowledge={"text": "Noted.", "at_most_per_day": 2}))
    for changes in (
        {"auto_submitted": "auto-replied"},
        {"subtype": "auto_reply"},
        {"headers": [{"name": "Return-Path", "value": "<>"}]},
        {"headers": [{"name": "List-Id", "value": "<news.shop.test>"}]},
        {"headers": [{"name": "Precedence", "value": "bulk"}]},
        {"headers": [{"name": "X-Auto-Response-Suppress", "value": "All"}]},
        {"from_": "MAILER-DAEMON@mx.test"},
        {"from_": "no-reply@shop.example"},
        {"from_": "noreply-dmarc-support@big.example"},
        {"from_": "orders_no-reply@shop.example"},
        {"from_": "bounce+17-anna=shop.test@news.example"},
        {"from_": routed.mailbox.alias["email_address"].upper()},
        {"from_": None},
        {"from_": "not an address"},
    ):
        assert await routed.answers_to(await routed.arrived(**changes)) == [], changes
    for people in ("bouncer@club.example", "noreplyson@customer.test", "anna.owner-smith@customer.test"):
        assert len(await routed.answers_to(await routed.arrived(from_=people))) == 1, people
    told = [len(await routed.answers_to(await routed.arrived())) for _ in range(4)]
    assert told == [1, 1, 0, 0]
    assert len(await routed.answers_to(await routed.arrived(from_="bob@customer.test"))) == 1
    clock.advance(days=1)
    assert len(await routed.answers_to(await routed.arrived())) == 1


@pytest.mark.rule(42)
async def test_two_machines_in_one_batch_get_no_more_answers_than_in_two(routed: Routed) -> None:
    await routed.workflow(rule(auto_acknowledge={"text": "Noted.", "at_most_per_day": 1}))
    await routed.mailbox.hand_in(a_mail(), a_mail(), a_mail())
    sent = await routed.admin.get("/activities", params={"direction": "outbound"})
    assert len(sent.json()["items"]) == 1


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("subjekt == 'a'", "line 1, column 1: undeclared reference to 'subjekt'; known are alias"),
        ("size > 'a'", "line 1, column 6: found no matching overload"),
        ("subject.contains('a'", "Syntax error"),
        ("subject", "must be true or false"),
        ("headers['x'] == '1'", "'x-name' in headers"),
        ("to[0] == 'a'", "to.exists"),
        ("subject.matches('(')", "missing )"),
        ("subject.matches(text)", "written out"),
        ("subject + text == 'a'", "line 1, column 9: `+` and `map`"),
        ("to.map(a, a).size() > 1", "`+` and `map`"),
        ("1 / 0 == 1", "divide by zero"),
        ("to.all(a, to.all(b, to.all(c, a.size() > 0)))", "for each item of another"),
        ("to.all(a,true) || to.all(a,true) || to.all(a,true) || to.all(a,true) || to.all(a,true)", "more than 4"),
        ("(" * 60 + "true" + ")" * 60, "recursion limit"),
    ],
)
async def test_a_condition_that_could_fail_is_refused_with_its_place(routed: Routed, when: str, said: str) -> None:
    body = {"name": "W", "rules": [rule(name="Good"), rule(when, "Bad")]}
    refused = await routed.admin.post(routed.path, json=body)
    assert fields_of(refused) == ["rules.1.when"]
    problem = refused.json()["errors"][0]["problem"]
    assert problem.startswith("rule 'Bad'")
    assert said in problem
    assert (await routed.admin.get(routed.path)).json()["items"] == []


async def test_bad_input_is_refused_by_name_and_changes_nothing(routed: Routed) -> None:
    other = await an_alias(routed.admin)
    other_queue = (await routed.admin.get(f"/departments/{other['department_id']}/queues")).json()["items"][0]["id"]
    for changes, field in (
        ({"rules": [rule(queue_id=other_queue)]}, "rules.0.actions.queue_id"),
        ({"rules": [rule(queue_id=2**62)]}, "rules.0.actions.queue_id"),
        ({"rules": [rule(priority=11)]}, "rules.0.actions.priority"),
        ({"rules": [rule(service_level_minutes=0)]}, "rules.0.actions.service_level_minutes"),
        ({"rules": [rule(auto_acknowledge={"text": "{who}"})]}, "rules.0.actions.auto_acknowledge.text"),
        ({"rules": [rule(), rule()]}, "rules"),
        ({"rules": [rule("")]}, "rules.0.when"),
        ({"rules": [rule("a" * 2001)]}, "rules.0.when"),
        ({"alias_ids": [other["id"]]}, "alias_ids.0"),
        ({"name": ""}, "name"),
    ):
        assert fields_of(await routed.admin.post(routed.path, json={"name": "W", **changes})) == [field]
    made = await routed.workflow()
    for changes, field in (
        ({"rules": [rule("nothing")]}, "rules.0.when"),
        ({"rules": None}, "rules"),
        ({"alias_ids": None}, "alias_ids"),
        ({"alias_ids": [other["id"]]}, "alias_ids.0"),
        ({"name": None}, "name"),
    ):
        assert fields_of(await routed.admin.patch(f"/workflows/{made['id']}", json=changes)) == [field]
    assert (await routed.admin.get(f"/workflows/{made['id']}")).json() == made
    assert (await routed.admin.post(f"/departments/{2**62}/workflows", json={"name": "W"})).status_code == 404


@pytest.mark.rule(109)
async def test_an_alias_has_one_active_workflow(routed: Routed) -> None:
    first = await routed.workflow()
    body = {"name": "Second", "alias_ids": [routed.mailbox.id]}
    refused = await routed.admin.post(routed.path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "alias_has_workflow")
    second = await routed.workflow(name="Second", active=False)
    again = await routed.admin.patch(f"/workflows/{second['id']}", json={"active": True})
    assert again.status_code == 409
    await routed.admin.patch(f"/workflows/{first['id']}", json={"active": False})
    assert (await routed.admin.patch(f"/workflows/{second['id']}", json={"active": True})).status_code == 200
    assert (await routed.admin.post(routed.path, json={"name": "Second"})).json()["code"] == "name_taken"
    for name, status in (("E1", 201), ("E2", 409)):
        made = await routed.admin.post(routed.path, json={"name": name, "on_exception_queue": True})
        assert made.status_code == status


@pytest.mark.rule(113)
async def test_what_a_workflow_uses_stays_until_it_lets_go(routed: Routed) -> None:
    made = await routed.workflow(rule(queue_id=routed.queues["Returns"]))
    alias, queue = f"/aliases/{routed.mailbox.id}", f"/queues/{routed.queues['Returns']}"
    instance = (await routed.admin.get("/retriever-instances")).json()["items"][0]
    await routed.admin.patch(f"/retriever-instances/{instance['id']}", json={"alias_ids": []})
    for path in (alias, queue):
        refused = await routed.admin.delete(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "still_referenced")
        assert refused.json()["references"] == [{"type": "workflow", "id": made["id"], "name": "Start"}]
    stale = await routed.admin.delete(f"/workflows/{made['id']}", headers={"If-Match": '"99"'})
    assert stale.status_code == 412
    assert (await routed.admin.delete(f"/workflows/{made['id']}")).status_code == 204
    for path in (alias, queue):
        assert (await routed.admin.delete(path)).status_code == 204


async def test_a_department_takes_its_workflows_along(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin)
    made = await admin.post(f"/departments/{department}/workflows", json={"name": "W", "rules": [rule()]})
    assert (await admin.delete(f"/departments/{department}")).status_code == 204
    assert (await admin.get(f"/workflows/{made.json()['id']}")).status_code == 404


async def test_a_workflow_is_tried_on_a_mail_and_nothing_happens(routed: Routed, clock: Clock) -> None:
    made = await routed.workflow(
        rule("subject.contains('Return')", "Returns", queue_id=routed.queues["Returns"], service_level_minutes=60,
             tags=["returns"], auto_acknowledge={"text": "Thank you."}),
        rule("'x-vip' in headers", "Important", priority=1),
        active=False,
    )  # fmt: skip
    path = f"/workflows/{made['id']}/evaluate"
    mail = {"from": "ada@customer.test", "subject": "Return", "headers": [{"name": "X-VIP", "value": "1"}]}
    tried = (await routed.admin.post(path, json={"mail": mail})).json()
    assert (tried["matched"], tried["takes"]) == (["Returns", "Important"], True)
    assert (tried["queue_id"], tried["priority"], tried["tags"]) == (routed.queues["Returns"], 1, ["returns"])
    assert tried["due_at"] == (clock() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert tried["auto_acknowledge"]["text"] == "Thank you."
    bounce = (
        await routed.admin.post(path, json={"mail": {**mail, "subtype": "email_permanent_undeliverable"}})
    ).json()
    assert bounce["takes"] is False
    assert (await routed.admin.get("/activities")).json()["items"] == []


async def test_a_workflow_is_tried_on_an_activity_of_its_department(routed: Routed) -> None:
    made = await routed.workflow(
        rule("subject == 'Hello' && from == 'anna@customer.test' && attachments.exists(a, a == 'file1.pdf')", "All"),
        active=False,
    )
    path = f"/workflows/{made['id']}/evaluate"
    activity = await routed.arrived(subject="Hello", attachments=(b"a file",))
    tried = await routed.admin.post(path, json={"activity_id": activity["id"]})
    assert (tried.status_code, tried.json()["matched"]) == (200, ["All"])
    assert fields_of(await routed.admin.post(path, json={"activity_id": 10**9})) == ["activity_id"]
    assert (await routed.admin.post(path, json={})).status_code == 422
    assert (await routed.admin.post("/workflows/999/evaluate", json={"activity_id": 1})).status_code == 404
