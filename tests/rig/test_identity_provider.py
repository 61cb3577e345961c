"""The identity provider keeps to its protocol, and real mail servers believe it about its tokens."""

import base64
import imaplib
import re
import smtplib
import socket
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msal
import pytest
import requests
import trustme

from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot
from tests.rig.fixtures import SHARED_MAILBOX
from tests.rig.identity_provider import CLIENT, SECRET, IdentityProvider, Outage
from tests.rig.postfix import Postfix

REDIRECT = "https://mail.shop.test/oauth/callback"
ANNA, BOB = "anna@rig.test", "bob@rig.test"
SCOPES = ["https://mail.test/IMAP.AccessAsUser.All", "https://mail.test/SMTP.Send"]


@pytest.fixture
def provider(identity_provider: IdentityProvider) -> IdentityProvider:
    identity_provider.register(REDIRECT)
    for address in (ANNA, BOB):
        identity_provider.add_user(address, "correct horse")
    return identity_provider


@pytest.fixture
def browser(certificates: Certificates) -> Iterator[httpx.Client]:
    with httpx.Client(verify=certificates.client_context(), trust_env=False) as client:
        yield client


@pytest.fixture
def application(provider: IdentityProvider, certificates: Certificates) -> Any:
    return an_application(provider, certificates, SECRET)


def an_application(provider: IdentityProvider, certificates: Certificates, credential: Any) -> Any:
    session = requests.Session()
    session.trust_env = False  # or REQUESTS_CA_BUNDLE would stand above `verify`
    session.verify = str(certificates.ca_file)
    return msal.ConfidentialClientApplication(
        CLIENT,
        client_credential=credential,
        oidc_authority=provider.issuer,
        http_client=session,
        instance_discovery=False,
    )


def begun(application: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # msal prefers form_post
        return application.initiate_auth_code_flow(SCOPES, redirect_uri=REDIRECT)


def signed_in(browser: httpx.Client, url: str, decision: str = "accept") -> dict[str, str]:
    """By the pages, as a person would; what the browser takes along to the redirect URI."""
    page = _sent(browser, url, browser.get(url), user_name=ANNA, password="correct horse")
    assert "IMAP.AccessAsUser.All" in page.text
    back = _sent(browser, url, page, decision=decision)
    assert back.status_code == 303
    assert back.headers["location"].startswith(REDIRECT + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}


def _sent(browser: httpx.Client, url: str, page: httpx.Response, **fields: str) -> httpx.Response:
    action, request = (
        re.search(r'action="([^"]+)"', page.text),
        re.search(r'name="request" value="([^"]+)"', page.text),
    )
    assert action is not None
    assert request is not None
    return browser.post(httpx.URL(url).join(action[1]), data={"request": request[1], **fields})


def test_a_person_signs_in_by_plain_forms_and_msal_redeems_the_code_once(
    provider: IdentityProvider, browser: httpx.Client, application: Any
) -> None:
    flow = begun(application)
    assert "code_challenge_method=S256" in flow["auth_uri"]
    wrong = _sent(browser, flow["auth_uri"], browser.get(flow["auth_uri"]), user_name=ANNA, password="guess")
    assert "User name or password is wrong" in wrong.text
    back = signed_in(browser, flow["auth_uri"])
    tokens = application.acquire_token_by_auth_code_flow(dict(flow), back, scopes=SCOPES)
    assert tokens["id_token_claims"]["preferred_username"] == ANNA
    assert provider.book.introspect(tokens["access_token"], None)["username"] == ANNA
    assert {tokens["access_token"], tokens["refresh_token"], back["code"]} <= set(provider.book.given)
    again = application.acquire_token_by_auth_code_flow(dict(flow), back, scopes=SCOPES)
    assert again["error"] == "invalid_grant"
    assert "AADSTS54005" in again["error_description"]


def test_a_declined_consent_comes_back_as_an_error_with_the_state(browser: httpx.Client, application: Any) -> None:
    flow = begun(application)
    back = signed_in(browser, flow["auth_uri"], "cancel")
    assert (back["error"], back["state"]) == ("access_denied", flow["state"])


def test_a_strange_redirect_or_client_is_told_on_a_page_and_never_sent_back(
    provider: IdentityProvider, browser: httpx.Client
) -> None:
    url = f"{provider.base}/oauth2/v2.0/authorize"
    query = {"client_id": CLIENT, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid"}
    assert browser.get(url, params=query).status_code == 200
    for changed in ({"client_id": "stranger"}, {"redirect_uri": REDIRECT + "/"}, {"response_type": "token"}):
        page = browser.get(url, params=query | changed)
        assert page.status_code == 400
        assert "AADSTS" in page.text
    plain = browser.get(url, params=query | {"code_challenge": "x", "code_challenge_method": "plain"})
    assert plain.status_code == 400


@pytest.mark.parametrize(
    ("changed", "error", "number"),
    [
        ({"code_verifier": "another"}, "invalid_grant", 501481),
        ({"redirect_uri": REDIRECT + "/"}, "invalid_grant", 50011),
        ({"client_id": "other", "client_secret": "other"}, "invalid_grant", 70000),
        ({"client_secret": "guess"}, "invalid_client", 7000215),
        ({"client_id": "stranger"}, "unauthorized_client", 700016),
        ({"code": "guess"}, "invalid_grant", 70000),
        ({"scope": "https://mail.test/POP.AccessAsUser.All"}, "invalid_grant", 65001),
    ],
)
def test_a_code_is_bound_to_client_redirect_and_verifier(
    provider: IdentityProvider, browser: httpx.Client, changed: dict[str, str], error: str, number: int
) -> None:
    provider.register(REDIRECT, client_id="other", secret="other")
    # RFC 7636 appendix B.
    verifier, challenge = (
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    )
    asked = {"client_id": CLIENT, "redirect_uri": REDIRECT, "response_type": "code", "scope": SCOPES[0],
             "code_challenge": challenge, "code_challenge_method": "S256"}  # fmt: skip
    back = provider.consent(str(httpx.URL("https://x/", params=asked)), ANNA)
    form = {"grant_type": "authorization_code", "client_id": CLIENT, "client_secret": SECRET,
            "redirect_uri": REDIRECT, "code": back["code"], "code_verifier": verifier}  # fmt: skip
    refused = browser.post(provider.token_endpoint, data=form | changed)
    assert refused.json()["error"] == error
    assert refused.json()["error_codes"] == [number]
    assert browser.post(provider.token_endpoint, data=form).is_success == ("scope" not in changed)


def test_refresh_tokens_rotate_and_a_revoked_user_gets_no_more(provider: IdentityProvider, application: Any) -> None:
    flow = begun(application)
    back = provider.consent(flow["auth_uri"], ANNA)
    first = application.acquire_token_by_auth_code_flow(dict(flow), back, scopes=SCOPES)["refresh_token"]
    second = application.acquire_token_by_refresh_token(first, SCOPES)["refresh_token"]
    assert second != first
    assert application.acquire_token_by_refresh_token(first, SCOPES)["error"] == "invalid_grant"
    provider.book.revoke(ANNA)
    assert "AADSTS50173" in application.acquire_token_by_refresh_token(second, SCOPES)["error_description"]


def test_a_refresh_token_that_comes_back_after_its_rotation_ends_the_grant(
    provider: IdentityProvider, application: Any
) -> None:
    flow = begun(application)
    back = provider.consent(flow["auth_uri"], ANNA)
    first = application.acquire_token_by_auth_code_flow(dict(flow), back, scopes=SCOPES)
    assert first["id_token_claims"]["tid"] == provider.tenant
    assert first["id_token_claims"]["oid"]
    second = application.acquire_token_by_refresh_token(first["refresh_token"], SCOPES)
    reused = application.acquire_token_by_refresh_token(first["refresh_token"], SCOPES)
    assert (reused["error"], reused["error_codes"]) == ("invalid_grant", [70000])
    assert reused["trace_id"] in reused["error_description"]
    ended = application.acquire_token_by_refresh_token(second["refresh_token"], SCOPES)
    assert ended["error_codes"] == [50173]


def test_an_application_proves_itself_with_the_certificate_it_registered(
    provider: IdentityProvider, certificates: Certificates
) -> None:
    issuer = trustme.CA()
    registered, other = (issuer.issue_cert("app.test", key_type=trustme.KeyType.RSA) for _ in range(2))
    provider.book.clients[CLIENT].certificate = registered.cert_chain_pems[0].bytes().decode()

    def asked(shown: trustme.LeafCert, signing: trustme.LeafCert) -> dict[str, Any]:
        pem = {
            "private_key": signing.private_key_pem.bytes().decode(),
            "public_certificate": shown.cert_chain_pems[0].bytes().decode(),
        }
        return an_application(provider, certificates, pem).acquire_token_for_client(["https://mail.test/.default"])

    assert "access_token" in asked(registered, registered)
    for shown, signing in ((other, other), (registered, other), (other, registered)):
        assert asked(shown, signing)["error_codes"] == [700027]


def test_an_unknown_tenant_is_told_by_its_number(provider: IdentityProvider, browser: httpx.Client) -> None:
    place = f"https://localhost:{provider.port}/nowhere"
    for answer in (
        browser.get(f"{place}/v2.0/.well-known/openid-configuration"),
        browser.post(f"{place}/oauth2/v2.0/token"),
    ):
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])


def test_a_verifier_without_a_challenge_is_refused(provider: IdentityProvider, browser: httpx.Client) -> None:
    asked = {"client_id": CLIENT, "redirect_uri": REDIRECT, "response_type": "code", "scope": SCOPES[0]}
    back = provider.consent(str(httpx.URL("https://x/", params=asked)), ANNA)
    form = {"grant_type": "authorization_code", "client_id": CLIENT, "client_secret": SECRET,
            "redirect_uri": REDIRECT, "code": back["code"]}  # fmt: skip
    refused = browser.post(provider.token_endpoint, data=form | {"code_verifier": "x" * 43})
    assert refused.json()["error_codes"] == [501481]
    assert browser.post(provider.token_endpoint, data=form).is_success


def test_a_provider_that_is_gone_refuses_connections_and_comes_back_on_its_port(
    provider: IdentityProvider, browser: httpx.Client
) -> None:
    provider.refuse()
    with pytest.raises(httpx.ConnectError):
        browser.post(provider.token_endpoint)
    provider.listen()
    assert browser.post(provider.token_endpoint).json()["error"] == "unauthorized_client"


def test_the_application_alone_gets_a_token_too_and_an_expired_secret_gets_none(
    provider: IdentityProvider, application: Any
) -> None:
    token = application.acquire_token_for_client(["https://mail.test/.default"])["access_token"]
    assert provider.book.introspect(token, None)["username"] == CLIENT
    provider.book.clients[CLIENT].secret_expired = True
    application.remove_tokens_for_client()
    refused = application.acquire_token_for_client(["https://mail.test/.default"])
    assert "AADSTS7000222" in refused["error_description"]


def test_outage_throttling_and_slowness_are_switches(provider: IdentityProvider, browser: httpx.Client) -> None:
    provider.outage = Outage(429, retry_after=7)
    throttled = browser.post(provider.token_endpoint)
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")
    provider.outage = None
    provider.hold()
    with pytest.raises(httpx.ReadTimeout):
        browser.post(provider.token_endpoint, timeout=0.2)
    provider.release()
    assert browser.post(provider.token_endpoint).json()["error"] == "unauthorized_client"
    assert provider.token_requests >= 2


def test_only_mail_servers_may_introspect(provider: IdentityProvider, browser: httpx.Client) -> None:
    url = httpx.URL(provider.introspection_url)
    token = provider.book.issue(ANNA)
    assert browser.post(url.copy_with(userinfo=b""), data={"token": token}).status_code == 401
    assert browser.post(url, data={"token": token}).json()["active"] is True
    assert browser.post(url, data={"token": "guess"}).json() == {"active": False}


def _bearer(user: str, token: str) -> str:
    return f"user={user}\1auth=Bearer {token}\1\1"


def _imap(server: Dovecot, user: str, token: str) -> bool:
    client = imaplib.IMAP4(server.host, server.ports.imap, timeout=5)
    try:
        client.authenticate("XOAUTH2", lambda challenge: b"" if challenge else _bearer(user, token).encode())
    except imaplib.IMAP4.error:
        return False
    finally:
        client.shutdown()
    return True


def test_dovecot_takes_tokens_of_their_user_until_they_end(
    provider: IdentityProvider, oauth_dovecot: Dovecot
) -> None:
    for address in (ANNA, BOB):
        oauth_dovecot.add_user(address)
    token = provider.book.issue(ANNA)
    assert _imap(oauth_dovecot, ANNA, token)
    assert not _imap(oauth_dovecot, BOB, token)
    provider.book.padding = 2500
    assert _imap(oauth_dovecot, ANNA, provider.book.issue(ANNA))
    assert not _imap(oauth_dovecot, ANNA, provider.book.issue(ANNA, lifetime=-1))
    provider.book.end_access_tokens(ANNA)
    assert not _imap(oauth_dovecot, ANNA, token)


def test_a_shared_mailbox_opens_for_whom_the_provider_names(
    provider: IdentityProvider, oauth_dovecot: Dovecot
) -> None:
    for address in (ANNA, BOB):
        oauth_dovecot.add_user(address)
    provider.share(SHARED_MAILBOX, ANNA)
    assert _imap(oauth_dovecot, SHARED_MAILBOX, provider.book.issue(ANNA))
    assert not _imap(oauth_dovecot, SHARED_MAILBOX, provider.book.issue(BOB))


def test_pop3_takes_tokens_in_two_lines(provider: IdentityProvider, oauth_dovecot: Dovecot) -> None:
    oauth_dovecot.add_user(ANNA)
    encoded = base64.b64encode(_bearer(ANNA, provider.book.issue(ANNA)).encode())
    with socket.create_connection((oauth_dovecot.host, oauth_dovecot.ports.pop3), 5) as client:
        answers = client.makefile("rb")
        assert answers.readline().startswith(b"+OK")
        client.sendall(b"AUTH XOAUTH2\r\n")
        assert answers.readline().startswith(b"+")
        client.sendall(encoded + b"\r\n")
        assert answers.readline().startswith(b"+OK")


def test_postfix_takes_tokens_by_way_of_dovecot(
    provider: IdentityProvider, oauth_dovecot: Dovecot, oauth_postfix: Postfix
) -> None:
    oauth_dovecot.add_user(ANNA)
    provider.book.padding = 1500
    with smtplib.SMTP("127.0.0.1", oauth_postfix.smtp, timeout=5) as client:
        client.ehlo()
        assert {"XOAUTH2", "OAUTHBEARER"} <= set(client.esmtp_features["auth"].split())
        token = provider.book.issue(ANNA)
        assert client.auth("XOAUTH2", _answers(ANNA, token), initial_response_ok=False)[0] == 235
    with smtplib.SMTP("127.0.0.1", oauth_postfix.smtp, timeout=5) as client:
        provider.book.end_access_tokens(ANNA)
        client.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.auth("XOAUTH2", _answers(ANNA, token), initial_response_ok=False)
        assert refused.value.smtp_code == 535


def _answers(user: str, token: str) -> Callable[..., str]:
    """The token to the first challenge, which is empty; nothing to the one that tells the error."""

    def answer(challenge: bytes | None = None) -> str:
        return "" if challenge else _bearer(user, token)

    return answer
