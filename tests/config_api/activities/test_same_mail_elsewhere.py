"""A mail that stays on the server is brought in once, however its mailbox is written or read from now on."""

import httpx

from tests.config_api.mail_in import a_mail, a_mailbox, lying_at
from tests.config_api.replicas import Replica

_BY_UIDL = {"uidl": "abc", "fingerprint": "f"}


async def test_another_spelling_of_the_servers_name_is_no_other_mailbox(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    mailbox = await a_mailbox(admin, worker, after_retrieval="keep", incoming={"server_name": "Mail.Shop.test"})
    changed = await admin.patch(f"/aliases/{mailbox.id}", json={"incoming": {"server_name": "mail.shop.TEST"}})
    assert changed.json()["incoming"]["server_name"] == "mail.shop.TEST"
    replica = Replica(worker, name="r1", incarnation="first-one")
    await replica.beat()
    assert (await replica.assigned())[mailbox.id]["mailbox_generation"] == 1


async def test_mail_kept_on_the_server_is_known_when_the_protocol_changes_and_when_it_changes_back(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    mailbox = await a_mailbox(admin, worker, after_retrieval="keep")
    activity = await mailbox.activity_of(a_mail(b"kept", source=_BY_UIDL))
    for source in (lying_at(5), _BY_UIDL, lying_at(5)):
        (result,) = await mailbox.hand_in(a_mail(b"kept", source=source))
        assert (result["outcome"], result["activity_id"]) == ("duplicate", activity)


async def test_two_equal_mails_of_one_pop3_mailbox_are_two(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient
) -> None:
    mailbox = await a_mailbox(admin, worker, after_retrieval="keep")
    both = [a_mail(b"same", source={"uidl": uidl, "fingerprint": "f"}) for uidl in ("a", "b")]
    assert [one["outcome"] for one in await mailbox.hand_in(*both)] == ["stored", "stored"]
