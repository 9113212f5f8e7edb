"""Settings in force: each one with its value and where it was set; no secret is written out."""

from __future__ import annotations

from pathlib import Path

from configuration.settings import Settings, read_settings
from configuration.settings_in_force import setting_origins, settings_in_force
from tests.docs.models import keys

TOML = """
[storage]
database_url_file = "url"
[daemon]
match_workers = 2
[web]
trusted_proxies = ["10.0.0.0/8"]
[alerts.channels.soc-mail]
transport = "email"
host = "smtp.lender.example"
from = "spillwatch@lender.example"
to = ["soc@lender.example"]
username = "spillwatch"
password = "hunter2"
[alerts.channels.hook]
transport = "webhook"
url = "https://siem.lender.example/t0ken"
secrets = ["whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"]
headers = { X-Key = "headersecret" }
"""


def test_each_setting_says_where_it_was_set(tmp_path: Path) -> None:
    file, url, credentials = tmp_path / "spillwatch.toml", tmp_path / "url", tmp_path / "credentials"
    file.write_text(TOML)
    url.write_text("postgresql://spillwatch:dbsecret@db.lender.example/spillwatch\n")
    credentials.mkdir()
    (credentials / "spillwatch_crawler__proxy").write_text("http://me:proxysecret@proxy.lender.example:3128")
    environment = {
        "SPILLWATCH_DAEMON__LOG_LEVEL": "debug",
        "SPILLWATCH_DAEMON__MATCH_WORKERS": "3",
        "SPILLWATCH_ALERTS__CHANNELS__SOC_MAIL__PORT": "587",
        "CREDENTIALS_DIRECTORY": str(credentials),
    }

    found = settings_in_force(read_settings(file, environment), setting_origins(file, environment))

    by_name = {f"{each.section}.{each.key}": each for each in found}
    written = " ".join(f"{each.value} {each.default}" for each in found)
    assert {
        name: (by_name[name].value, by_name[name].origin)
        for name in (
            "daemon.match_workers",
            "daemon.log_level",
            "daemon.lease_s",
            "web.trusted_proxies",
            "storage.database_url",
            "crawler.proxy",
            "alerts.channels.soc-mail.from",
            "alerts.channels.soc-mail.port",
            "alerts.channels.hook.headers",
        )
    } == {
        "daemon.match_workers": ("3", "environment variable SPILLWATCH_DAEMON__MATCH_WORKERS"),
        "daemon.log_level": ("debug", "environment variable SPILLWATCH_DAEMON__LOG_LEVEL"),
        "daemon.lease_s": ("30.0", None),
        "web.trusted_proxies": ("[10.0.0.0/8]", str(file)),
        "storage.database_url": ("***", "url"),
        "crawler.proxy": ("***", "credential spillwatch_crawler__proxy"),
        "alerts.channels.soc-mail.from": ("spillwatch@lender.example", str(file)),
        "alerts.channels.soc-mail.port": (
            "587",
            "environment variable SPILLWATCH_ALERTS__CHANNELS__SOC_MAIL__PORT",
        ),
        "alerts.channels.hook.headers": ("{ X-Key = *** }", str(file)),
    }
    assert not [
        each
        for each in ("hunter2", "dbsecret", "proxysecret", "t0ken", "whsec_", "headersecret")
        if each in written
    ]
    assert by_name["daemon.match_workers"].default == "1"


def test_no_setting_is_left_out() -> None:
    shown = {(each.section, each.key) for each in settings_in_force(Settings(), {})}
    missing = {
        (".".join(section), key)
        for section, key in keys(Settings)
        if "NAME" not in section and (".".join(section), key) not in shown
    }

    parts = ("storage.s3", "matching", "web.oidc.grants")  # shown as one value, or not read without S3
    assert {each for each in missing if not each[0].startswith(parts)} == set()
