"""The configuration: what overrides what, where it is found, and how mistakes are reported."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

import pytest

from configuration.configuration import Configuration, load_configuration
from configuration.errors import ConfigurationMissing, ConfigurationRefused
from configuration.mistake_messages import Mistake
from configuration.settings import locate_settings, read_supervision

COMPANY = """
name = "Invented Lender"
[[terms]]
text = "inventedlender"
owner = "Fraud team"
reason = "Our name"
"""
SOURCE = """
kind = "html"
start = "https://market.example/list"
[list]
rows = "tr"
link = "a"
[row]
title = "a"
"""
SECRET = "whsec_" + "c3ludGhldGljLXN5bnRoZXRpYy1zeW50aGV0aWM="


CHANNEL = """
[alerts.channels.{}]
transport = "email"
host = "smtp.example"
from = "a@b.example"
to = ["c@d.example"]
"""


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"spillwatch.toml": "", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "spillwatch.toml"


def loaded(
    folder: Path, files: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> Configuration:
    return load_configuration(written(folder, files), environment or {})


def mistakes(
    folder: Path, files: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> list[Mistake]:
    with pytest.raises(ConfigurationRefused) as refused:
        loaded(folder, files, environment)
    return list(refused.value.mistakes)


def only(folder: Path, files: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Mistake:
    (mistake,) = mistakes(folder, files, environment)
    return mistake


def test_an_empty_file_is_a_whole_configuration(tmp_path: Path) -> None:
    """An empty spillwatch.toml gives every default, with paths beside it."""
    settings = loaded(tmp_path, {}).settings

    expected = f"sqlite:///{tmp_path}/var/spillwatch.db", tmp_path / "var/evidence"
    assert expected == (settings.storage.database_url.get_secret_value(), settings.storage.evidence_dir)


def test_a_bucket_for_the_evidence(tmp_path: Path) -> None:
    """Its keys come from files, in the configuration as in the environment, and are never shown."""
    (tmp_path / "secret").write_text("synthetic-secret\n")
    section = (
        '[storage]\nevidence = "s3://leaks/evidence"\n'
        '[storage.s3]\nendpoint = "https://s3.example"\nsecret_access_key_file = "secret"\n'
    )

    settings = loaded(
        tmp_path,
        {"spillwatch.toml": section},
        {"SPILLWATCH_STORAGE__S3__ACCESS_KEY_ID_FILE": str(tmp_path / "secret")},
    ).settings

    s3 = settings.storage.s3
    assert s3.access_key_id is not None
    assert s3.access_key_id.get_secret_value() == "synthetic-secret"
    assert s3.secret_access_key == s3.access_key_id
    assert "synthetic-secret" not in repr(settings) + str(settings.model_dump())
    assert settings.storage.evidence_store().place == "s3://leaks/evidence"


def test_a_relative_folder_for_the_evidence_begins_beside_the_file(tmp_path: Path) -> None:
    """As evidence_dir does."""
    settings = loaded(tmp_path, {"spillwatch.toml": '[storage]\nevidence = "file:shared"\n'}).settings

    store = settings.storage.evidence_store()
    assert (store.folder, store.earlier) == (tmp_path / "shared", tmp_path / "var/evidence")


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        ('evidence = "s3://Leaks:synthetic-pass@x"', "expected file:"),
        ('evidence = "shared"', "expected file:"),
        ('s3 = {endpoint = "http://s3.example"}', "allow_http"),
    ],
)
def test_a_place_for_the_evidence_that_cannot_be_used(tmp_path: Path, section: str, wanted: str) -> None:
    """Said by `check`, with what is expected, before a run needs it."""
    mistake = only(tmp_path, {"spillwatch.toml": f"[storage]\n{section}\n"})

    assert wanted in str(mistake)
    assert "synthetic-pass" not in str(mistake)


def test_a_misspelt_key_is_a_mistake_with_the_key_that_was_meant(tmp_path: Path) -> None:
    """An unknown key is reported with the most similar known key."""
    mistake = only(tmp_path, {"spillwatch.toml": "[daemon]\nlog_levle = 'info'\n"})

    assert mistake.key == "daemon.log_levle"
    assert '"log_level"' in mistake.hint
    assert "log_level" in mistake.wanted


def test_a_misspelt_section_is_a_mistake(tmp_path: Path) -> None:
    """An unknown section is reported with the most similar known section."""
    mistake = only(tmp_path, {"spillwatch.toml": "[crawlr]\n"})

    assert mistake.key == "crawlr"
    assert '"crawler"' in mistake.hint


def test_a_misspelt_key_of_a_channel_is_compared_with_that_transport_s_keys(tmp_path: Path) -> None:
    """In a union, the candidates are the keys of the model that the tag selects."""
    mistake = only(tmp_path, {"spillwatch.toml": CHANNEL.format("mail") + 'hots = "x"\n'})

    assert mistake.key == "alerts.channels.mail.hots"
    assert '"host"' in mistake.hint
    assert "recipients" not in mistake.wanted and "list_id" in mistake.wanted


@pytest.mark.parametrize(
    ("line", "found", "wanted"),
    [
        ('log_level = "loud"', "'loud'", ("debug", "info", "warning", "error")),
        ('match_workers = "many"', "'many'", ("whole number",)),
        ("match_workers = 0", "0", ("at least 1",)),
        ("deliver_workers = 65", "65", ("at most 64",)),
        ("stop_timeout_s = 0", "0", ("more than 0",)),
        ("upgrade_schema = 7", "7", ("true", "false")),
        ("log_format = 1", "1", ("json", "console")),
        ("log_level = ['info']", "list", ("debug", "info", "warning", "error")),
    ],
)
def test_a_wrong_value_says_what_was_found_and_what_was_wanted(
    tmp_path: Path, line: str, found: str, wanted: tuple[str, ...]
) -> None:
    """A mistake contains the wrong value and the allowed values or limits."""
    mistake = only(tmp_path, {"spillwatch.toml": f"[daemon]\n{line}\n"})

    assert found in mistake.found
    assert all(part in mistake.wanted for part in wanted)


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    """Mistakes in settings, sources, companies and the environment are reported together."""
    found = mistakes(
        tmp_path,
        {
            "spillwatch.toml": "[daemon]\nlog_levle = 'info'\n[storage]\nbusy_timeout_s = 'x'\n",
            "sources/a.toml": SOURCE.replace("start", "strat"),
            "sources/b.toml": "kind = 'html\n",
            "companies/c.toml": "name = 'C'\n[[terms]]\ntext = 'cccccc'\n",
        },
        {"SPILLWATCH_DAEMON__MATCH_WORKERS": "none"},
    )

    expected = {
        (tmp_path / "spillwatch.toml", "daemon.log_levle"),
        (tmp_path / "spillwatch.toml", "storage.busy_timeout_s"),
        ("environment variable SPILLWATCH_DAEMON__MATCH_WORKERS", "daemon.match_workers"),
        (tmp_path / "sources/a.toml", "start"),
        (tmp_path / "sources/a.toml", "strat"),
        (tmp_path / "sources/b.toml", ""),
        (tmp_path / "companies/c.toml", "terms[1].owner"),
        (tmp_path / "companies/c.toml", "terms[1].reason"),
    }
    assert {(str(file), key) for file, key in expected} == {(m.file, m.key) for m in found}


def test_a_toml_mistake_has_its_line(tmp_path: Path) -> None:
    """A TOML mistake is reported with its file and line."""
    mistake = only(tmp_path, {"sources/a.toml": "kind = 'html'\n\nstart = \n"})

    assert (str(tmp_path / "sources/a.toml"), 3) == (mistake.file, mistake.line)


def test_a_file_that_ends_too_early_has_its_last_line(tmp_path: Path) -> None:
    """A file that ends in the middle of a value is reported at its last line."""
    assert only(tmp_path, {"sources/a.toml": "a = 1\nb = [1,"}).line == 2


def test_a_file_that_is_not_utf_8_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    """A file in another charset is reported with the line of the first wrong byte."""
    written(tmp_path, {})
    (tmp_path / "spillwatch.toml").write_bytes("[daemon]\n# Überwachung\n".encode("latin-1"))
    with pytest.raises(ConfigurationRefused) as refused:
        load_configuration(tmp_path / "spillwatch.toml", {})

    assert refused.value.mistakes[0].line == 2


def test_a_term_without_owner_and_reason_is_refused(tmp_path: Path) -> None:
    """A watch term needs an owner and a reason."""
    found = mistakes(tmp_path, {"companies/c.toml": "name = 'C'\n[[terms]]\ntext = 'cccccc'\n"})

    assert [(m.key, m.found) for m in found] == [
        ("terms[1].owner", "nothing"),
        ("terms[1].reason", "nothing"),
    ]


def test_a_term_twice_in_a_company_is_a_mistake(tmp_path: Path) -> None:
    """A repeated term is reported with the place of the first one; case does not matter."""
    twice = COMPANY + COMPANY[COMPANY.index("[[") :].replace("inventedlender", "InventedLender")
    mistake = only(tmp_path, {"companies/c.toml": twice})

    assert mistake.key == "terms[2].text"
    assert "terms[1].text" in mistake.found


def test_two_companies_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    """Two companies cannot share a name, because alerts show it."""
    mistake = only(tmp_path, {"companies/a.toml": COMPANY, "companies/b.toml": COMPANY})

    assert (str(tmp_path / "companies/b.toml"), "name") == (mistake.file, mistake.key)


def test_a_file_name_that_is_no_name_is_a_mistake(tmp_path: Path) -> None:
    """A file name that is not a valid source name is reported."""
    assert "Not A Name.toml" in only(tmp_path, {"sources/Not A Name.toml": SOURCE}).found


def test_an_unknown_kind_of_source_names_the_kinds(tmp_path: Path) -> None:
    """An unknown kind is reported with the known kinds."""
    mistake = only(tmp_path, {"sources/a.toml": SOURCE.replace('"html"', '"htlm"')})

    assert (mistake.key, mistake.found) == ("kind", "'htlm'")
    assert all(kind in mistake.wanted for kind in ("html", "feed", "json", "paste"))


def test_an_unknown_transport_names_the_transports(tmp_path: Path) -> None:
    """An unknown transport is reported with the known transports."""
    mistake = only(tmp_path, {"spillwatch.toml": '[alerts.channels.x]\ntransport = "pigeon"\n'})

    assert mistake.key == "alerts.channels.x.transport"
    assert all(transport in mistake.wanted for transport in ("email", "webhook"))


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """SPILLWATCH_SECTION__KEY overrides spillwatch.toml."""
    settings = loaded(
        tmp_path,
        {"spillwatch.toml": '[daemon]\nlog_level = "error"\nlog_format = "console"\n'},
        {"SPILLWATCH_DAEMON__LOG_LEVEL": "debug", "UNRELATED": "x"},
    ).settings

    assert (settings.daemon.log_level, settings.daemon.log_format) == ("debug", "console")


def test_a_misspelt_variable_is_a_mistake(tmp_path: Path) -> None:
    """A variable with an unknown section or key is reported, not ignored."""
    section = only(tmp_path / "a", {}, {"SPILLWATCH_STROAGE__EVIDENCE_DIR": "x"})
    key = only(tmp_path / "b", {}, {"SPILLWATCH_STORAGE__EVIDENCE_DRI": "x"})
    single = only(tmp_path / "c", {}, {"SPILLWATCH_STORAGE_EVIDENCE_DIR": "x"})

    assert '"storage"' in section.hint
    assert key.key == "storage.evidence_dri"
    assert '"evidence_dir"' in key.hint
    assert "SPILLWATCH_SECTION__KEY" in single.wanted


def test_a_list_in_the_environment_is_json(tmp_path: Path) -> None:
    """A list is given as JSON, and invalid JSON is reported with the variable's name."""
    channel = CHANNEL.format("soc-mail")
    name = "SPILLWATCH_ALERTS__CHANNELS__SOC_MAIL__TO"
    settings = loaded(tmp_path, {"spillwatch.toml": channel}, {name: '["e@f.example"]'}).settings
    mistake = only(tmp_path, {"spillwatch.toml": channel}, {name: "[e@f.example"})

    assert settings.alerts.channels["soc-mail"].to == ("e@f.example",)  # type: ignore[union-attr]  # of this kind
    assert mistake.file == f"environment variable {name}"


@pytest.mark.parametrize("layer", ["toml", "environment", "credential"])
def test_a_secret_comes_from_a_file(tmp_path: Path, layer: str) -> None:
    """A secret can be a file named in spillwatch.toml or in the environment, or a systemd credential."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    channel = '[alerts.channels.siem]\ntransport = "webhook"\nurl = "https://siem.example/"\n'
    environment = {}
    if layer == "toml":
        channel += 'secrets_file = "secret"\n'
    elif layer == "environment":
        environment["SPILLWATCH_ALERTS__CHANNELS__SIEM__SECRETS_FILE"] = str(tmp_path / "secret")
    else:
        (credentials / "spillwatch_alerts__channels__siem__secrets").write_text(SECRET)
        environment["CREDENTIALS_DIRECTORY"] = str(credentials)
    settings = loaded(tmp_path, {"spillwatch.toml": channel}, environment).settings

    (secret,) = settings.alerts.channels["siem"].secrets  # type: ignore[union-attr]  # of this kind
    assert secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("content", "found"),
    [(None, "No such file or directory"), ("\n", "empty"), ("x" * 70_000, "65536 bytes")],
)
def test_a_secret_s_file_that_cannot_be_used_is_a_mistake(
    tmp_path: Path, content: str | None, found: str
) -> None:
    """A missing, an empty and a too large file get different messages without the file's content."""
    if content is not None:
        (tmp_path / "url").write_text(content)
    mistake = only(tmp_path, {"spillwatch.toml": '[storage]\ndatabase_url_file = "url"\n'})

    assert mistake.key == "storage.database_url_file"
    assert found in mistake.found and "xxx" not in mistake.found


def test_a_secret_given_twice_is_a_mistake(tmp_path: Path) -> None:
    """Giving both a value and its file is reported, because one of them would be ignored silently."""
    (tmp_path / "url").write_text("sqlite:///a.db")
    text = '[storage]\ndatabase_url = "sqlite:///b.db"\ndatabase_url_file = "url"\n'
    mistake = only(tmp_path, {"spillwatch.toml": text})

    assert mistake.key == "storage.database_url_file"
    assert "database_url" in mistake.found


def test_no_secret_s_value_is_ever_shown(tmp_path: Path) -> None:
    """No mistake shows the value of a secret."""
    found = mistakes(
        tmp_path,
        {
            "spillwatch.toml": '[storage]\ndatabase_url = "mysql://u:hunter2@db.example/x"\n'
            '[alerts.channels.siem]\ntransport = "webhook"\n'
            'url = "http://h.example/hunter2"\nsecrets = ["hunter2"]\n'
            + CHANNEL.format("mail")
            + 'password = "hunter2"\n'
        },
        {"SPILLWATCH_ALERTS__CHANNELS__MAIL__PASSWORD": '["hunter2"]'},
    )

    assert len(found) >= 3
    assert "hunter2" not in "".join(map(str, found))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("socks5://tor:Wren/Robin@127.0.0.1:9050", "socks5://***@127.0.0.1:9050"),
        ("socks5://tor:Wren@Robin@127.0.0.1:9050", "socks5://***@127.0.0.1:9050"),
        ("socks5://tor:Wr en@127.0.0.1:9050", "socks5://***@127.0.0.1:9050"),
        ("socks5://Wren@127.0.0.1:9050", "socks5://***@127.0.0.1:9050"),
        ("tor:Wren@127.0.0.1:9050", "***@127.0.0.1:9050"),
        ("127.0.0.1:9050", "127.0.0.1:9050"),
        ("https://proxy.example/@tor", "https://proxy.example/@tor"),
    ],
)
def test_a_login_in_a_wrong_address_is_not_shown(tmp_path: Path, value: str, shown: str) -> None:
    """A message repeats nothing of what stands before the last @ of a login. An @ in a path is no login."""
    mistake = only(tmp_path, {"spillwatch.toml": f"[crawler]\ntor_proxy = '{value}'\n"})

    assert mistake.found == repr(shown)


def test_a_channel_for_a_company_that_is_not_declared_is_a_mistake(tmp_path: Path) -> None:
    """A channel for an unknown company is reported, because it would never send anything."""
    text = CHANNEL.format("mail") + 'companies = ["invented_lendr"]\n'
    mistake = only(tmp_path, {"spillwatch.toml": text, "companies/invented_lender.toml": COMPANY})

    assert mistake.key == "alerts.channels.mail.companies"
    assert '"invented_lender"' in mistake.hint


def test_paths_count_from_the_file_that_names_them(tmp_path: Path) -> None:
    """A relative path starts at the folder of the file that contains it; an absolute path is unchanged."""
    company = COMPANY.replace("[[terms]]", '[fingerprints]\nkey_file = "../keys/c.key"\n[[terms]]')
    found = loaded(
        tmp_path,
        {
            "companies/c.toml": company,
            "spillwatch.toml": f'[storage]\nevidence_dir = "{tmp_path}/elsewhere"\n',
        },
    )

    assert found.companies[0].value.fingerprints.key_file == tmp_path / "companies/../keys/c.key"
    assert found.settings.storage.evidence_dir == tmp_path / "elsewhere"


def test_the_configuration_is_looked_for_in_order(tmp_path: Path) -> None:
    """The order is --config, SPILLWATCH_CONFIG, the working directory."""
    for name in ("option", "variable", "here"):
        written(tmp_path / name, {})
    variable = {"SPILLWATCH_CONFIG": str(tmp_path / "variable/spillwatch.toml")}

    assert (
        locate_settings(tmp_path / "option/spillwatch.toml", variable) == tmp_path / "option/spillwatch.toml"
    )
    assert locate_settings(None, variable) == tmp_path / "variable/spillwatch.toml"
    with chdir(tmp_path / "here"):
        assert locate_settings(None, {}) == tmp_path / "here/spillwatch.toml"


def test_a_configuration_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """A named file that does not exist is an error and is not replaced by another place."""
    with pytest.raises(ConfigurationMissing, match=r"absent\.toml"):
        locate_settings(tmp_path / "absent.toml", {})


def test_systemd_s_watchdog_is_ours_only_if_it_names_us() -> None:
    """WATCHDOG_USEC applies only to the process that WATCHDOG_PID names."""
    environment = {"WATCHDOG_USEC": "20000000", "NOTIFY_SOCKET": "/run/n"}

    assert (read_supervision(environment).watchdog_s, read_supervision(environment).notify_socket) == (
        20.0,
        "/run/n",
    )
    assert read_supervision({**environment, "WATCHDOG_PID": "1"}).watchdog_s is None


def test_a_byte_order_mark_at_the_beginning_is_ignored(tmp_path: Path) -> None:
    """Each TOML file, and the file of a secret, may begin with the BOM that editors on Windows write."""
    secret = "[storage]\ndatabase_url_file = 'url'\n"
    files = {"spillwatch.toml": secret, "sources/a.toml": SOURCE, "companies/c.toml": COMPANY}
    files["url"] = "sqlite:////srv/watch.db\r\n"

    found = loaded(tmp_path, {name: "\ufeff" + text for name, text in files.items()})

    assert (found.sources[0].name, found.companies[0].name) == ("a", "c")
    assert found.settings.storage.database_url.get_secret_value() == "sqlite:////srv/watch.db"


def test_a_byte_order_mark_inside_a_file_is_named(tmp_path: Path) -> None:
    """A BOM elsewhere, as after joining two files, is a mistake that says what the invisible character is."""
    mistake = only(tmp_path, {"spillwatch.toml": "[daemon]\nlog_level = 'info'\n\ufeff[storage]\n"})

    assert ("BOM" in mistake.found, mistake.line) == (True, 3)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_named(tmp_path: Path, encoding: str) -> None:
    """A file in UTF-16 with its mark is a mistake that names the encoding."""
    file = written(tmp_path, {})
    file.write_bytes("\ufeff[daemon]\n".encode(encoding))

    with pytest.raises(ConfigurationRefused, match="UTF-16") as refused:
        load_configuration(file, {})

    assert "UTF-8" in refused.value.mistakes[0].wanted


def test_a_line_is_counted_behind_a_byte_order_mark(tmp_path: Path) -> None:
    """The line of bytes that are not UTF-8 is right in a file that begins with a BOM."""
    file = written(tmp_path, {})
    file.write_bytes(b"\xef\xbb\xbf#\n\n\xff\n")

    with pytest.raises(ConfigurationRefused) as refused:
        load_configuration(file, {})

    assert refused.value.mistakes[0].line == 3


def tor_source(start: str, *lines: str) -> str:
    return "\n".join((*lines, SOURCE.replace('"https://market.example/list"', start)))


@pytest.mark.parametrize(
    "start",
    [
        '"http://invented-market.onion/list"',
        '"http://Shop.Invented-Market.ONION:8080/"',
        '["https://market.example/list", "http://invented-market.onion/list"]',
        '"http://invented-market.onion./"',
    ],
)
@pytest.mark.parametrize("lines", [(), ('via = "direct"',), ("enabled = false",)])
def test_an_onion_without_tor_is_a_mistake(tmp_path: Path, start: str, lines: tuple[str, ...]) -> None:
    """A source with an onion address that is fetched directly is reported: it would never be requested."""
    mistake = only(tmp_path, {"sources/a.toml": tor_source(start, *lines)})

    assert (mistake.file, mistake.key) == (str(tmp_path / "sources/a.toml"), "via")
    assert ".onion" in mistake.found.lower()
    assert 'via = "tor"' in mistake.wanted


@pytest.mark.parametrize(
    "start",
    ['"https://invented-market.onion.example/"', '"https://market.example/x.onion"', '"https://onion.test/"'],
)
def test_a_name_that_only_contains_onion_needs_no_tor(tmp_path: Path, start: str) -> None:
    """Only names that end in .onion need Tor."""
    assert loaded(tmp_path, {"sources/a.toml": tor_source(start)}).sources[0].value.via == "direct"


def test_sources_through_tor_without_a_proxy_are_one_mistake(tmp_path: Path) -> None:
    """`via = "tor"` without `tor_proxy` is one mistake of the settings that names the sources."""
    through_tor = tor_source('"http://invented-market.onion/list"', 'via = "tor"')
    mistake = only(tmp_path, {f"sources/{name}.toml": through_tor for name in "abcde"})

    assert (mistake.file, mistake.key) == (str(tmp_path / "spillwatch.toml"), "crawler.tor_proxy")
    assert "sources a, b, c and 2 more" in mistake.found
    assert "socks5://" in mistake.wanted


@pytest.mark.parametrize(
    ("settings", "line"),
    [("[crawler]\ntor_proxy = 'socks5://127.0.0.1:9050'\n", "enabled = true"), ("", "enabled = false")],
)
def test_a_complete_or_disabled_source_through_tor_is_no_mistake(
    tmp_path: Path, settings: str, line: str
) -> None:
    """A source with a proxy is complete. A disabled one needs no proxy, because it is not crawled."""
    through_tor = tor_source('"http://invented-market.onion/list"', 'via = "tor"', line)

    assert loaded(tmp_path, {"spillwatch.toml": settings, "sources/a.toml": through_tor}).sources


def test_the_proxy_may_come_from_the_environment(tmp_path: Path) -> None:
    """The mistake is judged by the merged settings, not by the file."""
    through_tor = tor_source('"http://invented-market.onion/list"', 'via = "tor"')
    environment = {"SPILLWATCH_CRAWLER__TOR_PROXY": "socks5://tor:9050"}

    assert loaded(tmp_path, {"sources/a.toml": through_tor}, environment).sources


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[daemon]\nengine = "procrastinate"\n', "PostgreSQL"),
        ('[daemon]\nroles = ["crawl"]\n', "every role"),
        (
            '[storage]\ndatabase_url = "postgresql://watch@/spill"\n'
            '[daemon]\nengine = "procrastinate"\nroutes = ["tor"]\n',
            "tor_proxy",
        ),
    ],
)
def test_nodes_need_what_they_share(tmp_path: Path, text: str, wanted: str) -> None:
    """procrastinate needs PostgreSQL, a daemon that works alone every role, and the route tor a proxy."""
    mistake = only(tmp_path, {"spillwatch.toml": text})

    assert wanted in mistake.wanted
