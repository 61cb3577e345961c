"""A real, private Postfix in front of Dovecot, and Postfix's own sink that swallows mail."""

import grp
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Self

from tests.rig.certificates import Certificate, Certificates
from tests.rig.dovecot import Dovecot
from tests.rig.ports import free_port, greets
from tests.rig.processes import (
    IS_ROOT,
    Process,
    RigError,
    ServerFolder,
    find_program,
    unprivileged_user,
)
from tests.rig.server import SubprocessServer

# "user@" matches that local part in every domain, access(5)
REPLIES: Mapping[str, str] = MappingProxyType(
    {
        "grey@": "450 4.2.0 Greylisted, come back later",
        "busy@": "421 4.7.0 Too busy, try again later",
        "blocked@": "550 5.7.1 Blocked by policy",
        "ghost@": "550 5.1.1 User unknown",
    }
)


@dataclass(frozen=True, slots=True)
class PostfixOptions:
    """Recipients of `domains` are handed to Dovecot; one it does not know comes back as a bounce."""

    domains: tuple[str, ...] = ("rig.test", "customer.test")
    replies: Mapping[str, str] = field(default_factory=lambda: REPLIES)
    message_size_limit: int = 10 * 1024 * 1024  # bytes
    certificate: Certificate | None = None
    auth_only_with_tls: bool = False
    extra: str = ""  # more lines for main.cf


_MAIN = Template("""\
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = $folder/log/postfix.log
maillog_file_prefixes = $folder/log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.rig.test
myorigin = rig.test
mydestination =
mynetworks =
alias_maps =
alias_database =
smtputf8_enable = yes
in_flow_delay = 0
virtual_mailbox_domains = $domains
virtual_mailbox_maps = static:known
virtual_mailbox_limit = 0
virtual_transport = lmtp:inet:$dovecot_host:$lmtp
message_size_limit = $size
# nothing leaves the machine
default_transport = error:5.1.2 This test server relays nothing
relay_transport = $$default_transport
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:$dovecot_host:$sasl
smtpd_sasl_security_options = noanonymous
smtpd_tls_security_level = may
smtpd_tls_auth_only = $tls_auth
smtpd_tls_chain_files = $key, $chain
# a token as initial response is longer than the 2048 that one line may have otherwise
line_length_limit = 16384
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access inline:{ $replies },
    permit_sasl_authenticated, reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
$extra
""")

_MASTER = Template("""\
127.0.0.1:$smtp inet n - n - - smtpd
127.0.0.1:$smtps inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
""")


class Postfix(SubprocessServer):
    """`with Postfix(dovecot) as server:` listens on `smtp` (STARTTLS) and `smtps`; root only."""

    def __init__(self, dovecot: Dovecot, options: PostfixOptions | None = None) -> None:
        if not IS_ROOT:
            raise RigError("Postfix must be started as root: its master process changes to the user postfix")
        self.options = options or PostfixOptions()
        self.smtp, self.smtps = free_port(), free_port()
        self._master = find_program("/usr/lib/postfix/sbin/master")
        self._own_certificates = Certificates() if self.options.certificate is None else None
        self._home = ServerFolder("postfix", "root")
        _make_queue(self.folder)
        self._write_config(dovecot)

    @property
    def folder(self) -> Path:
        return self._home.path

    @property
    def ca_file(self) -> Path:
        """What a client must trust, when the instance made its own certificate."""
        if self._own_certificates is None:
            raise RigError("this Postfix was given a certificate; trust the CA that issued it")
        return self._own_certificates.ca_file

    def _write_config(self, dovecot: Dovecot) -> None:
        options = self.options
        certificate = options.certificate or (self._own_certificates or Certificates()).good
        main = _MAIN.substitute(
            folder=self.folder,
            domains=" ".join(options.domains),
            dovecot_host=dovecot.host,
            lmtp=dovecot.ports.lmtp,
            sasl=dovecot.ports.sasl,
            size=options.message_size_limit,
            tls_auth="yes" if options.auth_only_with_tls else "no",
            key=certificate.key_file,
            chain=certificate.chain_file,
            replies=" ".join(f"{{{who} = {reply}}}" for who, reply in options.replies.items()),
            extra=options.extra,
        )
        for name, text in (
            ("main.cf", main),
            ("master.cf", _MASTER.substitute(smtp=self.smtp, smtps=self.smtps)),
        ):
            path = self.folder / name
            path.write_text(text)
            os.utime(path, (10**9, 10**9))  # Postfix waits until a young configuration has settled

    def start(self) -> Self:
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": str(self.folder)}
        argv = [self._master, "-d", "-s", "-c", str(self.folder)]
        self._process = Process(argv, log=self.folder / "log" / "stderr.log", env=env)
        self._await(lambda: greets(self.smtp))
        return self

    def log_text(self) -> str:
        return "".join(log.read_text(errors="replace") for log in (self.folder / "log").glob("*.log"))

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._home.remove()
        if self._own_certificates is not None:
            self._own_certificates.remove()


_QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush"),
    *("hold", "incoming", "private", "saved", "trace"),
)


def _make_queue(folder: Path) -> None:
    """What `postfix check` would create, without its look at the machine's own instance."""
    owner = pwd.getpwnam("postfix")
    drop = grp.getgrnam("postdrop").gr_gid
    for part in ("queue", "queue/pid", "data", "log"):
        (folder / part).mkdir()
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    groups = [(name, 0o700, 0) for name in _QUEUES]
    for name, mode, group in [*groups, ("maildrop", 0o1730, drop), ("public", 0o2710, drop)]:
        part = folder / "queue" / name
        part.mkdir()
        os.chown(part, owner.pw_uid, group)
        part.chmod(mode)


class SmtpSink(SubprocessServer):
    """smtp-sink(1): accepts and forgets, fast; `args` are its own options. Needs no root."""

    def __init__(self, *args: str, backlog: int = 1000) -> None:
        self.port = free_port()
        self._home = ServerFolder("sink")
        self._argv = [find_program("smtp-sink"), *args, f"127.0.0.1:{self.port}", str(backlog)]

    def start(self) -> Self:
        self._process = Process(self._argv, log=self._home.path / "stderr.log", user=unprivileged_user())
        self._await(lambda: greets(self.port))
        return self

    def log_text(self) -> str:
        return self._running().log_text()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._home.remove()
