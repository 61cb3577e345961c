"""What a rootless, single-user Dovecot 2.3 must be told; pure text."""

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal
from urllib.parse import quote

from tests.rig.certificates import Certificate


@dataclass(frozen=True, slots=True)
class DovecotOptions:
    """Everything a test may want different. `certificate` None means the instance makes its own."""

    ssl: Literal["yes", "no", "required"] = "yes"
    certificate: Certificate | None = None
    uidl_format: str = "%08Xu%08Xv"
    fsync: Literal["always", "optimized", "never"] = "never"
    max_connections: int = 100  # per user and protocol
    # Dovecot calls a connection from its own address secure, so this moves the instance to 127.0.0.2
    disable_plaintext_auth: bool = False
    # RFC 7662 endpoint, may carry user:password@; None leaves XOAUTH2 and OAUTHBEARER out
    introspection_url: str | None = None
    introspection_scope: str = ""
    introspection_ca_file: Path | None = None  # who issued the certificate of an https endpoint
    # may be opened with another user's token, when the endpoint, asked with ?mailbox=, says so
    shared_mailboxes: tuple[str, ...] = ()
    extra: str = ""  # more lines for dovecot.conf, last so that they win


@dataclass(frozen=True, slots=True)
class DovecotPorts:
    """imap and pop3 offer STARTTLS/STLS; sasl is for Postfix."""

    imap: int
    imaps: int
    pop3: int
    pop3s: int
    lmtp: int
    sasl: int


@dataclass(frozen=True, slots=True)
class DovecotPlace:
    """Where an instance lives and as whom."""

    folder: Path
    user: str
    group: str
    host: str
    ports: DovecotPorts
    certificate: Certificate


_MAIN = Template("""\
base_dir = $folder/run
state_dir = $folder/state
log_path = $folder/dovecot.log
instance_name = $name
listen = $host
protocols = imap pop3 lmtp

# one unprivileged user for every process, and no chroot anywhere
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
service anvil {
  chroot =
  # failed logins from one address are otherwise answered later and later
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service auth {
  inet_listener sasl {
    port = $sasl
  }
}
service auth-worker {
  user = $user
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = $imaps
    ssl = yes
  }
}
service pop3-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {
    port = $pop3
  }
  inet_listener pop3s {
    port = $pop3s
    ssl = yes
  }
}
service lmtp {
  user = $user
  inet_listener lmtp {
    port = $lmtp
  }
}
service imap {
  process_limit = 1024
}
service pop3 {
  process_limit = 1024
}

ssl = $ssl
ssl_cert = <$chain
ssl_key = <$key
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = $disable_plaintext

auth_mechanisms = plain login$oauth_mechanisms
auth_failure_delay = 0
auth_username_format = %Lu
auth_cache_size = 0
$oauth_passdb
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = username_format=%Lu $folder/users/%Lu
}
userdb {
  driver = passwd-file
  args = username_format=%Lu $folder/users/%Lu
  override_fields = uid=$user gid=$group home=$folder/mail/%Lu
}

first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = $fsync
mail_max_userip_connections = $max_connections
namespace inbox {
  inbox = yes
  separator = /
}
protocol imap {
  mail_max_userip_connections = $max_connections
}
protocol pop3 {
  mail_max_userip_connections = $max_connections
  pop3_lock_session = yes
  pop3_uidl_format = $uidl_format
}
protocol lmtp {
  auth_username_format = %Lu
}
recipient_delimiter = +
hostname = mx.rig.test
postmaster_address = postmaster@rig.test
$extra
""")

_OAUTH_PASSDB = Template("""
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $folder/oauth2.conf
}
""")

# Dovecot does not tell the endpoint which mailbox is wanted: each shared one has an address of its own there.
_SHARED_PASSDB = Template("""
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  username_filter = $mailbox
  args = $folder/oauth2-$mailbox.conf
}
""")

_OAUTH = Template("""\
introspection_mode = post
introspection_url = $url
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
timeout_msecs = 3000
scope = $scope
$ca
""")


def dovecot_conf(place: DovecotPlace, options: DovecotOptions) -> str:
    oauth = options.introspection_url is not None
    ports = place.ports
    return _MAIN.substitute(
        folder=place.folder,
        name=place.folder.name,
        host=place.host,
        user=place.user,
        group=place.group,
        imap=ports.imap,
        imaps=ports.imaps,
        pop3=ports.pop3,
        pop3s=ports.pop3s,
        lmtp=ports.lmtp,
        sasl=ports.sasl,
        ssl=options.ssl,
        chain=place.certificate.chain_file,
        key=place.certificate.key_file,
        disable_plaintext="yes" if options.disable_plaintext_auth else "no",
        oauth_mechanisms=" xoauth2 oauthbearer" if oauth else "",
        oauth_passdb=_oauth_passdbs(place.folder, options) if oauth else "",
        fsync=options.fsync,
        max_connections=options.max_connections,
        uidl_format=options.uidl_format,
        extra=options.extra,
    )


def _oauth_passdbs(folder: Path, options: DovecotOptions) -> str:
    shared = (_SHARED_PASSDB.substitute(folder=folder, mailbox=each) for each in options.shared_mailboxes)
    return "".join((*shared, _OAUTH_PASSDB.substitute(folder=folder)))


def oauth2_confs(options: DovecotOptions) -> dict[str, str]:
    """By file name."""
    if options.introspection_url is None:
        return {}
    ca = f"tls_ca_cert_file = {options.introspection_ca_file}" if options.introspection_ca_file else ""
    urls = {"oauth2.conf": options.introspection_url}
    for mailbox in options.shared_mailboxes:
        urls[f"oauth2-{mailbox}.conf"] = f"{options.introspection_url}?mailbox={quote(mailbox)}"
    return {name: _OAUTH.substitute(url=url, scope=options.introspection_scope, ca=ca) for name, url in urls.items()}
