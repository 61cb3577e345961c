"""An account as anyone may see it: without code and tokens."""

from config_api.accounts import mail_access
from config_api.accounts.tables import AccountRow
from config_api.oauth_applications.tables import ApplicationRow
from ece_common.contracts.accounts import Account


def shown(account: AccountRow, application: ApplicationRow) -> Account:
    given = {"address", "authentication_type"}
    return Account(
        **{name: getattr(account, name) for name in Account.model_fields if name not in given},
        address=mail_access.address(application, account.server_type),
        authentication_type="oauth_2_0",
    )
