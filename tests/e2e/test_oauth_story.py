"""The whole story of an e-mail account: a sign-in in a browser, mail in and out by XOAUTH2, and its end."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.builders import a_mailbox, an_address, an_alias, imap, smtp
from tests.e2e.suite import Json, Suite
from tests.rig.browser import Browser
from tests.rig.dovecot import Dovecot
from tests.rig.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.rig.mails import a_mail
from tests.rig.postfix import Postfix

OK = "Connection established successfully"
PASSWORD = "Anna's own pass phrase"
MakeSuite = Callable[..., Suite]


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as made:
        yield made


@pytest.fixture
def suite(make_suite: MakeSuite) -> Suite:
    """May reach the provider on this machine, and looks after its tokens every second."""
    suite = make_suite(ECE_EGRESS_ALLOW="127.0.0.0/8,::1/128", ECE_TOKEN_CHECK_SECONDS="1")
    suite.patch("/settings", {"web_server_url": suite.url, "poll_interval_seconds": 1})
    return suite


def _application(suite: Suite, provider: IdentityProvider, dovecot: Dovecot, postfix: Postfix) -> Json:
    provider.register(f"{suite.url}/oauth/callback")
    servers = {
        "imap": {
            "host": "localhost",
            "port": dovecot.ports.imap,
            "scopes": ["https://mail.test/IMAP.AccessAsUser.All"],
        },
        "smtp": {"host": "localhost", "port": postfix.smtp, "scopes": ["https://mail.test/SMTP.Send"]},
    }
    body = {"name": "Rig", "provider": "custom", "issuer": provider.issuer, "client_id": CLIENT,
            "client_secret": SECRET, "servers": servers}  # fmt: skip
    return suite.post("/oauth-applications", body)


def _sign_in(browser: Browser, url: str, user: str, *, decision: str = "accept") -> None:
    browser.open(url)
    browser.write("input[name=user_name]", user)
    browser.write("input[name=password]", PASSWORD)
    browser.click("button")
    browser.click(f"button[value={decision}]")


def _comes_back(suite: Suite, browser: Browser) -> None:
    suite.wait_for(lambda: browser.address.startswith(f"{suite.url}/oauth/callback"), "the way back")


def _url(suite: Suite, application: Json) -> str:
    asked = suite.post(f"/oauth-applications/{application['id']}/authorization-requests", {})
    return str(asked["authorization_url"])


def _no_secret_told(suite: Suite, provider: IdentityProvider) -> None:
    told = "".join(service.log_text() for service in suite._services)
    told += str(suite.get("/events", limit=500)) + str(suite.get("/audit-log", limit=500))
    for secret in (*provider.book.given, SECRET, PASSWORD):
        assert secret not in told


@pytest.mark.timeout(180)
@pytest.mark.rule(48, 137, 138, 142, 166, 167, 168, 186, 189, 191, 192, 195)
def test_from_the_sign_in_to_the_revocation(
    suite: Suite,
    browser: Browser,
    identity_provider: IdentityProvider,
    oauth_dovecot: Dovecot,
    oauth_postfix: Postfix,
) -> None:
    support, customer = a_mailbox(oauth_dovecot), a_mailbox(oauth_dovecot, "customer")
    identity_provider.add_user(support, PASSWORD)
    application = _application(suite, identity_provider, oauth_dovecot, oauth_postfix)
    # Renewed after half of its life, so that the end need not be waited for.
    identity_provider.book.lifetimes.access = 20

    _sign_in(browser, _url(suite, application), support)
    _comes_back(suite, browser)
    assert "code=" not in browser.address, "the address bar keeps no code"
    code = browser.value("#code")
    assert browser.loaded() == [], "nothing is fetched from anywhere"

    department = suite.department()
    body = {"account_name": "Support", "oauth_application_id": application["id"], "authorization_code": code}
    account = suite.post(f"/departments/{department}/accounts", body)
    assert (account["authorization_state"], account["authorized_user_name"]) == ("authorized", support)

    suite.worker("retriever", "retriever-1").start()
    suite.worker("dispatcher", "dispatcher-1").start()
    basic = an_alias(suite, department, support, imap(oauth_dovecot, support), smtp(oauth_postfix.smtp))
    stranger = an_address("stranger")
    other = an_alias(
        suite, department, stranger, imap(oauth_dovecot, stranger), smtp(oauth_postfix.smtp), status="inactive"
    )
    chosen = {"alias_ids": [basic["id"], other["id"]]}
    results = suite.post(f"/accounts/{account['id']}/aliases/add-existing", chosen, expect=200)["results"]
    assert [one["outcome"] for one in results] == ["added", "refused"], results
    assert suite.get(f"/departments/{department}/aliases")["items"][0]["id"] == other["id"]

    test = suite.post(f"/accounts/{account['id']}/test-connection", expect=200)
    assert (test["ok"], test["message"]) == (True, OK), test

    _answered(suite, oauth_dovecot, basic, customer)
    _revoked(suite, identity_provider, account, basic)
    _no_secret_told(suite, identity_provider)


def _answered(suite: Suite, dovecot: Dovecot, basic: Json, customer: str) -> None:
    """A mail comes in by the account's token, and the answer goes out by it."""
    support = basic["email_address"]
    dovecot.deliver(support, a_mail(sender=customer, to=support, subject="Where is it?"))
    suite.wait_for(lambda: suite.activities(alias_id=basic["id"]) != [], "the mail")
    (mail,) = suite.activities(alias_id=basic["id"])
    suite.post(f"/activities/{mail['id']}/replies", {"text": "It arrives tomorrow.", "to": [customer]})
    suite.wait_for(lambda: dovecot.messages(customer) != [], "the answer in the customer's mailbox")


def _revoked(suite: Suite, provider: IdentityProvider, account: Json, alias: Json) -> None:
    """Within the time of one renewal the account and its alias say why they stopped."""
    provider.book.revoke(account["authorized_user_name"])
    provider.book.end_access_tokens()

    def stopped() -> bool:
        return suite.get(f"/aliases/{alias['id']}")["status"] == "inactive"

    suite.wait_for(stopped, "the alias to stop", 60)
    ended = suite.get(f"/accounts/{account['id']}")
    assert (ended["authorization_state"], ended["authorization_reason"]) == ("invalid", "invalid_grant")
    inactive = suite.get(f"/aliases/{alias['id']}")
    assert (inactive["status_changed_by"], inactive["status_reason"]) == ("system", "authentication_failed")
    events = [one["type"] for one in suite.get("/events", limit=500)["items"]]
    assert events.count("account.invalid") == 1
    test = suite.post(f"/accounts/{account['id']}/test-connection", expect=200)
    assert test["ok"] is False


@pytest.mark.rule(142, 167)
def test_a_declined_consent_and_a_page_opened_twice_say_what_to_do(
    suite: Suite,
    browser: Browser,
    identity_provider: IdentityProvider,
    oauth_dovecot: Dovecot,
    oauth_postfix: Postfix,
) -> None:
    user = an_address()
    identity_provider.add_user(user, PASSWORD)
    application = _application(suite, identity_provider, oauth_dovecot, oauth_postfix)
    _sign_in(browser, _url(suite, application), user, decision="cancel")
    _comes_back(suite, browser)
    declined = browser.text()
    assert "Access was not granted" in declined
    assert "Begin a new sign-in" in declined

    url = _url(suite, application)
    back = identity_provider.consent(url, user)
    page = f"{suite.url}/oauth/callback?code={back['code']}&state={back['state']}"
    browser.open(page)
    assert browser.value("#code") == back["code"]
    browser.open(page)
    assert back["code"] not in browser.text()
    assert "new sign-in" in browser.text()
    _no_secret_told(suite, identity_provider)
