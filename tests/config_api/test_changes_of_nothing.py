"""A change of nothing leaves everything as it is: version, moment, feed and audit log. One table, every resource."""

from typing import Any

import httpx

from tests.config_api.builders import a_department, alias_body, an_alias
from tests.config_api.oauth.builders import an_application
from tests.config_api.process import ConfigApi


async def _made(admin: httpx.AsyncClient, path: str, body: dict[str, Any]) -> int:
    answer = await admin.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def _resources(admin: httpx.AsyncClient) -> dict[str, str]:
    """One of each kind that has a PATCH: by its template in the contract, where it is."""
    department = await a_department(admin)
    within = f"/departments/{department}"
    # A port that is named no longer follows the server type: that would be a change.
    ports = {"incoming": {"port": 995}, "outgoing": {"port": 25}}
    alias = await an_alias(admin, department, default_alias=True, **ports)
    application = (await an_application(admin))["id"]
    account = await _made(
        admin, f"{within}/accounts", {"account_name": "Shared", "oauth_application_id": application}
    )
    pattern = await _made(admin, "/masking-patterns", {"name": "Cards", "java_regular_expression": "\\d{16}"})
    await admin.patch("/masking-channel", json={"departments_may_override": True, "pattern_ids": [pattern]})
    exception = {"name": "Away", "type": "subject", "phrase": "gone fishing", "failure": "temporary"}
    rule = {"name": "All", "when": "true", "actions": {"tags": ["seen"]}}
    message = {"to": ["anna@customer.test"], "subject": "Hello", "text": "Hello."}
    instance = {"name": "north", "alias_ids": [alias["id"]]}
    found = {
        "/departments/{department_id}": within,
        "/settings": "/settings",
        "/departments/{department_id}/settings": f"{within}/settings",
        "/oauth-applications/{application_id}": f"/oauth-applications/{application}",
        "/accounts/{account_id}": f"/accounts/{account}",
        "/aliases/{alias_id}": f"/aliases/{alias['id']}",
        "/masking-patterns/{pattern_id}": f"/masking-patterns/{pattern}",
        "/masking-channel": "/masking-channel",
        "/departments/{department_id}/masking-channel": f"{within}/masking-channel",
    }
    for template, where, body in (
        ("/retriever-instances/{instance_id}", "/retriever-instances", instance),
        ("/dispatcher-instances/{instance_id}", "/dispatcher-instances", instance),
        ("/delivery-exceptions/{exception_id}", f"{within}/delivery-exceptions", exception),
        ("/blocked-file-extensions/{extension_id}", f"{within}/blocked-file-extensions",
         {"name": "Programs", "blocked_file_extension": "exe"}),
        ("/queues/{queue_id}", f"{within}/queues", {"name": "Returns"}),
        ("/workflows/{workflow_id}", f"{within}/workflows", {"name": "All", "alias_ids": [alias["id"]],
                                                             "rules": [rule]}),
        ("/activities/{activity_id}", f"{within}/activities", message),
    ):  # fmt: skip
        found[template] = f"{template.split('{', 1)[0]}{await _made(admin, where, body)}"
    return found


async def _state(admin: httpx.AsyncClient, path: str) -> tuple[Any, ...]:
    one = await admin.get(path)
    told = [len((await admin.get(log, params={"limit": 500})).json()["items"]) for log in ("/events", "/audit-log")]
    return one.headers["ETag"], one.json(), told


def _same(contract: dict[str, Any], template: str, seen: dict[str, Any]) -> dict[str, Any]:
    """What was read, as a patch: the fields of it that one may name."""
    schemas = contract["components"]["schemas"]
    body = contract["paths"][f"/v1{template}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]

    def named(schema: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, shape in schemas[schema["$ref"].rpartition("/")[2]]["properties"].items():
            inner = next((one for one in shape.get("anyOf", []) if "$ref" in one), None)
            value = values.get(name)
            if value is not None:
                found[name] = named(inner, value) if inner and isinstance(value, dict) else value
        return found

    return named(body, seen)


# What one may read and not say back, since it is not this resource's own.
_NOT_SAID: dict[str, set[str]] = {
    "/oauth-applications/{application_id}": {"servers", "application_scopes", "certificate"},
    "/departments/{department_id}/settings": {
        "from_on_transfer", "email_for_scan", "block_all_attachments", "action_on_blocked_attachments",
        "encrypted_archives", "outgoing_blocked_attachments",
    },
    "/departments/{department_id}/masking-channel": {"mask_incoming", "mask_outgoing", "pattern_ids"},
}  # fmt: skip


async def test_a_change_of_nothing_leaves_every_resource_as_it_is(config_api: ConfigApi) -> None:
    admin, contract = config_api.admin, config_api.app.openapi()
    resources = await _resources(admin)
    assert {f"/v1{one}" for one in resources} == {path for path, of in contract["paths"].items() if "patch" in of}
    for template, path in resources.items():
        before = await _state(admin, path)
        same = _same(contract, template, before[1])
        same = {name: value for name, value in same.items() if name not in _NOT_SAID.get(template, ())}
        for patch in ({}, same):
            answer = await admin.patch(path, json=patch, headers={"If-Match": before[0]})
            assert answer.status_code == 200, (path, answer.text)
            assert answer.headers["ETag"] == before[0], path
            assert await _state(admin, path) == before, path


async def test_what_a_department_sets_itself_is_a_change_even_where_it_is_what_it_inherits(
    admin: httpx.AsyncClient,
) -> None:
    where = f"/departments/{await a_department(admin)}/settings"
    before = await admin.get(where)
    answer = await admin.patch(where, json={"email_for_scan": before.json()["email_for_scan"]})
    assert answer.json()["overrides"] == ["email_for_scan"]
    assert answer.headers["ETag"] != before.headers["ETag"]


async def test_one_changed_field_among_equal_ones_is_told_alone(admin: httpx.AsyncClient) -> None:
    department = await a_department(admin, "Service")
    await admin.patch(f"/departments/{department}", json={"name": "Service", "description": "Orders"})
    entry = (await admin.get("/audit-log", params={"action": "department.changed"})).json()["items"][-1]
    assert entry["changes"] == {"description": ["", "Orders"]}


async def test_a_password_given_again_is_a_change(admin: httpx.AsyncClient) -> None:
    """Whoever could see that it is none would know what is stored."""
    body = alias_body()
    department = await a_department(admin)
    made = await admin.post(f"/departments/{department}/aliases", json=body)
    again = {"incoming": {"password": body["incoming"]["password"]}}
    answer = await admin.patch(f"/aliases/{made.json()['id']}", json=again)
    assert answer.headers["ETag"] != made.headers["ETag"]
