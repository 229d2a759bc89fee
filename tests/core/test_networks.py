"""ORG-5: which addresses lists of networks admit."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.core.networks import OPEN, Network, rules


@pytest.mark.parametrize(
    ("allowed", "denied", "address", "admitted"),
    [
        ([], [], "anything", True),
        (["192.0.2.0/24"], [], "192.0.2.255", True),
        (["192.0.2.0/24"], [], "192.0.3.0", False),
        (["192.0.2.0/24"], ["192.0.2.7/32"], "192.0.2.7", False),
        ([], ["192.0.2.0/24"], "192.0.2.7", False),
        ([], ["192.0.2.0/24"], "198.51.100.1", True),
        (["2001:db8::/32"], [], "2001:db8:ffff::1", True),
        (["2001:db8::/32"], [], "2001:db9::1", False),
        (["2001:db8::/32"], [], "192.0.2.1", False),
        ([], ["192.0.2.0/24"], "::ffff:192.0.2.7", False),  # IPv4 by way of IPv6 is IPv4
        (["192.0.2.0/24"], [], "::ffff:192.0.2.7", True),
        (["fe80::/10"], [], "fe80::1%eth0", True),
        (["0.0.0.0/0"], [], "203.0.113.9", True),
        (["0.0.0.0/0"], [], "2001:db8::1", False),
        ([], ["0.0.0.0/0", "::/0"], "203.0.113.9", False),
        (["192.0.2.0/24"], [], "", False),
        ([], ["192.0.2.0/24"], "not an address", False),
        ([], ["192.0.2.0/24"], "192.0.2.7, 198.51.100.1", False),
    ],
)
def test_an_address_is_admitted_or_not(allowed: list[str], denied: list[str], address: str, admitted: bool) -> None:
    assert rules(allowed, denied).admit(address) is admitted


def test_rules_are_made_once() -> None:
    assert rules(["192.0.2.0/24"], []) is rules(["192.0.2.0/24"], [])
    assert rules([], []) is OPEN


def test_networks_are_read_and_written_in_one_way() -> None:
    read = TypeAdapter(Network).validate_python
    assert read("192.0.2.7") == "192.0.2.7/32"
    assert read("192.0.2.7/24") == "192.0.2.0/24"
    assert read("2001:DB8::1/32") == "2001:db8::/32"
    for bad in ("", "x", "192.0.2", "192.0.2.0/33", "2001:db8::/129", "192.0.2.1-9", "0x7f.1"):
        with pytest.raises(ValidationError):
            read(bad)
