"""Real servers for tests, each a subprocess or thread on loopback ports of its own.

    def test_a_mail_arrives(dovecot: Dovecot, postfix: Postfix) -> None:   # fixtures: one per test run
        dovecot.add_user("box@rig.test", "secret")
        with smtplib.SMTP("127.0.0.1", postfix.smtp) as client:
            client.sendmail("anna@customer.test", ["box@rig.test"], a_mail("plain"))
        wait_until(lambda: dovecot.messages("box@rig.test") != [])

    with Dovecot(DovecotOptions(max_connections=1)) as own, FaultProxy(own.ports.imap) as proxy:
        proxy.stall()                         # connect to proxy.port; own.freeze(), own.crash(), own.start()

Nothing is left over, even when the tests are killed: see processes.py.
"""
