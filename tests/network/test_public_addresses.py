"""Which addresses a crawler, a webhook or a proxy may reach without being told so."""

from __future__ import annotations

import ipaddress

import pytest

from network.public_addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "2606:2800:220:1::1%eth0",
        "fc00::1",
        "fd00::1",
        "ff02::1",
        "4000::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "not an address",
        "",
    ],
)
def test_no_address_of_a_private_network_is_public(address: str) -> None:
    """Private, shared, link-local, multicast and reserved addresses are not public, however wrapped."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "::ffff:93.184.216.34",
        "64:ff9b::5db8:d822",
        "2002:5db8:d822::1",
    ],
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Plain or wrapped, as text or as a value, a public address may be dialled."""
    assert is_public(address)
    assert is_public(ipaddress.ip_address(address))
