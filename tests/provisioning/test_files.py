"""The files themselves: passwords, access lists, certificates, and plans that fail."""

import re
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from backstride.provisioning import names, passwords, roles
from backstride.provisioning.authority import Authority, expiry, utc_now
from backstride.provisioning.drafts import draft_init, draft_renew
from backstride.provisioning.house import House
from backstride.provisioning.mosquitto import Kind, Listeners
from backstride.provisioning.plan import Plan, ProvisioningError, Write
from backstride.provisioning.roles import Role


def test_a_password_entry_has_the_shape_of_mosquittos_own(tmp_path):
    path = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", path, "wall", "x"], check=True)
    shape = re.compile(r"wall:\$7\$(\d+)\$(\S{16})\$(\S{88})\n")

    assert shape.fullmatch(path.read_text())
    assert shape.fullmatch(passwords.write_entry("wall", "x"))


def test_passwords_are_chance_and_nothing_that_looks_alike():
    made = {passwords.make_password() for _ in range(1000)}

    assert len(made) == 1000
    assert set("".join(made)) - set("-") <= set("abcdefghjkmnpqrstuvwxyz23456789")
    assert {len(password) for password in made} == {19}


def paragraph(name, role=Role.WALL):
    return roles.write_paragraph(name, role, roles.rules(role, "backstride", ("a",)))


def test_taking_a_name_out_leaves_the_others_as_they_were():
    first = "# by hand\nuser zigbee\ntopic readwrite zigbee2mqtt/#\n"
    acl = roles.add_paragraph(first, paragraph("wall"))
    longer = roles.add_paragraph(acl, paragraph("wall-2"))

    assert roles.take_out(longer, "wall-2") == acl
    assert roles.take_out(acl, "wall") == first


def test_taking_a_name_out_takes_the_lines_that_were_added_to_it_by_hand():
    acl = "user a\ntopic read a/#\n\nuser b\ntopic read b/#\n\n# more for b\ntopic write everything/#\n"

    assert roles.take_out(acl, "b") == "user a\ntopic read a/#\n\n# more for b\n"


@pytest.mark.parametrize("role", list(Role))
def test_no_rule_is_a_pattern_or_reaches_beyond_its_topics(role):
    topics = {rule.topic for rule in roles.rules(role, "backstride", ("mill-1",))}

    assert {topic.split("/")[0] for topic in topics} <= {"backstride", "homeassistant"}
    assert all("mill-1" in topic or topic.startswith("homeassistant/") for topic in topics)


def test_a_clients_certificate_cannot_be_a_servers():
    now = utc_now()
    ca = Authority.make("test", now)
    purposes = {}
    for what, identity in (
        ("server", ca.issue_server(("broker.local", "10.0.0.1"), now)),
        ("client", ca.issue_client("mill-1", now)),
    ):
        certificate = x509.load_pem_x509_certificate(identity.certificate)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        purposes[what] = list(usage.value)

    assert purposes == {
        "server": [ExtendedKeyUsageOID.SERVER_AUTH],
        "client": [ExtendedKeyUsageOID.CLIENT_AUTH],
    }


def test_no_certificate_outlives_its_authority():
    now = utc_now()
    ca = Authority.make("test", now)
    late = now + timedelta(days=3600)

    assert expiry(ca.issue_client("mill-1", late).certificate) == now + timedelta(days=3650)


def test_an_authority_that_expired_signs_nothing_and_says_what_to_do(tmp_path):
    now = utc_now()
    house = House(
        directory=tmp_path, kind=Kind.GYM, hosts=("a",), prefix="backstride", listeners=Listeners()
    )
    draft_init(house, ("mill-1",), tmp_path, now - timedelta(days=3651)).plan.apply()

    with pytest.raises(ProvisioningError, match="makes a new one"):
        draft_renew(house, now)


def test_a_renewed_certificate_fits_the_old_key(tmp_path):
    now = utc_now()
    ca = Authority.make("test", now)
    old = ca.issue_client("mill-1", now - timedelta(days=790))
    new = ca.issue_client("mill-1", now, old.key)
    (tmp_path / "new.pem").write_bytes(new.certificate)
    (tmp_path / "old.key").write_bytes(old.key)

    ssl.create_default_context().load_cert_chain(tmp_path / "new.pem", tmp_path / "old.key")

    assert new.certificate != old.certificate


def test_a_plan_that_fails_takes_back_what_it_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    plan = Plan(
        writes=(
            Write(path=tmp_path / "new" / "a", content=b"a"),
            Write(path=tmp_path / "file" / "b", content=b"b"),
        )
    )

    with pytest.raises(ProvisioningError, match="cannot be written"):
        plan.apply()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_plan_overwrites_nothing_that_it_does_not_mean_to(tmp_path):
    (tmp_path / "b").write_text("mine")
    plan = Plan(
        writes=(
            Write(path=tmp_path / "a", content=b"a"),
            Write(path=tmp_path / "b", content=b"theirs"),
        )
    )

    with pytest.raises(ProvisioningError, match="never overwritten"):
        plan.apply()

    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (
            names.check_name,
            ["", "A", "a b", "a/b", "+", "#", "-a", "a\n", "a" * 65, "user\ntopic #"],
        ),
        (names.check_host, ["", "a b", "a_b", "-a", "a..b", "a\nb", 'a"', "x" * 65]),
        (names.check_prefix, ["", "+", "a/#", "$SYS", "a b", "a//b", "a/command", "a\n"]),
        (names.check_path, [Path("/a\nb"), Path("/a#b"), Path('/a"b'), Path("/a ")]),
    ],
    ids=["name", "host", "prefix", "path"],
)
def test_nothing_strange_gets_into_a_file_without_quotes(check, wrong):
    passed = []
    for text in wrong:
        try:
            check(text)
        except ProvisioningError:
            continue
        passed.append(text)

    assert passed == []


def test_an_address_is_a_host_and_stays_as_it_is_written():
    hosts = ["broker.local", "192.168.1.10", "fd00::1"]

    assert [names.check_host(host) for host in hosts] == hosts
