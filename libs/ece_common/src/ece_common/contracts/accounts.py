"""E-mail accounts: a mailbox owner's consent, kept alive, for the aliases inside it (R158 to R171)."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from ece_common.contracts import alias_words, oauth_examples, oauth_words
from ece_common.contracts.aliases import AfterRetrieval, AliasStatus, OneAddress, Redirections
from ece_common.contracts.base import Address, Id, Line, Name, Note, Pasted, Sent, Strict
from ece_common.contracts.jobs import ConnectionStep, ConnectionTest

AccountStatus = Literal["active", "inactive"]
AccountServerType = Literal["pop3_and_smtp", "imap_and_smtp"]
AuthenticationFlow = Literal["authorization_code", "client_credentials"]
AuthorizationState = Literal["not_authorized", "authorized", "invalid"]


def _code_alone(pasted: SecretStr) -> SecretStr:
    """The code, also out of the address that a browser was sent back to."""
    value = pasted.get_secret_value()
    if not value.startswith(("https://", "http://")):
        return pasted
    parts = urlsplit(value)
    found = parse_qs(parts.query, max_num_fields=50).get("code") or parse_qs(parts.fragment).get("code")
    if not found:
        raise ValueError("is an address without a code: paste what the page after the sign-in shows")
    return SecretStr(found[0])


AuthorizationCode = Annotated[Pasted, AfterValidator(_code_alone)]
_ADDRESS = Field(default=None, description="Given by the OAuth application: another value is refused.")
_CODE = Field(
    default=None,
    description="What the sign-in page ended with. Redeemed on save, so within ten minutes. Write-only.",
)


class NewAccount(Strict, words=oauth_words.ACCOUNT):
    model_config = oauth_examples.NEW_ACCOUNT

    account_name: Name
    account_description: Note = ""
    status: AccountStatus = "active"
    oauth_application_id: Id
    server_type: AccountServerType = "imap_and_smtp"
    address: Line | None = _ADDRESS
    authentication_type: Literal["oauth_2_0"] = "oauth_2_0"
    authentication_flow: AuthenticationFlow = "authorization_code"
    authorization_code: AuthorizationCode | None = _CODE


class AccountChange(Strict, words=oauth_words.ACCOUNT):
    """RFC 7396 merge patch: a field left out stays. Another application, server type or flow needs a new
    `authorization_code`, unless the account was never authorized.
    """

    model_config = oauth_examples.ACCOUNT_CHANGE

    account_name: Name | None = None
    account_description: Note | None = None
    status: AccountStatus | None = None
    oauth_application_id: Id | None = None
    server_type: AccountServerType | None = None
    address: Line | None = _ADDRESS
    authentication_type: Literal["oauth_2_0"] | None = None
    authentication_flow: AuthenticationFlow | None = None
    authorization_code: AuthorizationCode | None = _CODE


class Account(Sent, words=oauth_words.ACCOUNT):
    """An account as anyone may see it: no code and no token in it."""

    model_config = oauth_examples.ACCOUNT

    id: int
    department_id: int
    account_name: str
    account_description: str
    status: AccountStatus
    oauth_application_id: int
    server_type: AccountServerType
    address: str
    authentication_type: Literal["oauth_2_0"]
    authentication_flow: AuthenticationFlow
    authorization_state: AuthorizationState
    authorization_reason: str | None
    """Why it is not authorized, or why the last renewal failed: the provider's `error`, or one of ours."""
    authorization_detail: str | None
    """In the provider's own words, with a hint."""
    authorization_changed_at: datetime
    authorized_user_name: str | None
    access_token_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NewAccountAlias(Strict, words=alias_words.ALIAS):
    """An alias whose servers and login are the account's."""

    model_config = oauth_examples.NEW_ACCOUNT_ALIAS

    email_address: Address
    name: Name | None = Field(default=None, description="The address when left out.")
    description: Note = ""
    status: AliasStatus = "active"
    automatic_bcc: OneAddress | None = None
    send_mail_to: OneAddress | None = None
    default_alias: bool = False
    redirection_email_addresses: Redirections = []
    shared_mailbox: bool = Field(default=False, description="The account's user may open this mailbox of another.")
    folder: Name = Field(default="inbox", description="Another one only with IMAP.")
    after_retrieval: AfterRetrieval = "delete"
    move_to: Name | None = None
    retriever_instance: Name | None = None


class AddExistingAliases(Strict, words=oauth_words.ADDING):
    """Basic aliases of the account's department, to be opened by the account from now on."""

    model_config = oauth_examples.ADD_EXISTING_ALIASES

    alias_ids: Annotated[list[Id], Field(min_length=1, max_length=20)]
    add_as_shared_mailbox: bool = Field(default=False, description="They belong to a shared account.")


class AddedAlias(Sent, words=oauth_words.ADDING):
    """What became of one of them. `refused`: it is as it was, for the reason in `message`."""

    alias_id: int
    outcome: Literal["added", "refused"]
    message: str
    steps: list[ConnectionStep] = []
    """What the retriever saw when it opened the mailbox as this account."""


class AddedAliases(Sent, words=oauth_words.ADDING):
    model_config = oauth_examples.ADDED_ALIASES

    results: list[AddedAlias]


class AliasConnectionTest(ConnectionTest, words=alias_words.CONNECTION):
    model_config = oauth_examples.ALIAS_CONNECTION_TEST

    alias_id: int
    email_address: str


class AccountConnectionTest(Sent, words=alias_words.CONNECTION):
    """`message` is "Connection established successfully" when all is well, else what failed."""

    model_config = oauth_examples.ACCOUNT_CONNECTION_TEST

    ok: bool
    message: str
    aliases: list[AliasConnectionTest]
