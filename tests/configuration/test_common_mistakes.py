"""Settings as people write them: each message names the key, what was wanted and the way to write it."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from configuration.configuration import load_configuration
from configuration.errors import ConfigurationRefused
from configuration.mistake_messages import Mistake
from tests.configuration.test_settings import SECRET, SOURCE

MAIL = {
    "transport": '"email"',
    "host": '"smtp.lender.example"',
    "from": '"a@lender.example"',
    "to": '["soc@lender.example"]',
}
HOOK = {"transport": '"webhook"', "url": '"https://siem.lender.example/in"', "secrets": f'["{SECRET}"]'}


def refused(folder: Path, name: str, content: str | bytes) -> Mistake:
    """Return the only mistake of a configuration with this file."""
    (folder / "spillwatch.toml").touch()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationRefused) as caught:
        load_configuration(folder / "spillwatch.toml", {})
    (mistake,) = caught.value.mistakes
    return mistake


def table(keys: dict[str, str], **changes: str) -> str:
    lines = (f"{key} = {value}" for key, value in {**keys, **changes}.items())
    return "\n".join(["[alerts.channels.soc]", *lines])


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (table(MAIL, host='"smtps://smtp.lender.example:465"'), "host", "without a scheme"),
        (table(MAIL, host='"smtp.lender.example:587"'), "host", "port = 587"),
        (table(MAIL, host='"smtp.lender.example "'), "host", "without a blank"),
        (table(MAIL, to='"soc@lender.example"'), "to", 'Write ["soc@lender.example"].'),
        (table(MAIL, to='"a@b.example, c@d.example"'), "to", 'Write ["a@b.example", "c@d.example"].'),
        (table(MAIL, to='["SOC <soc@lender.example>"]'), "to[1]", "write soc@lender.example"),
        (table(MAIL, to='["soc@lender.example "]'), "to[1]", "without a blank"),
        (table(MAIL, security='"STARTTLS"'), "security", 'Did you mean "starttls"?'),
        (table(MAIL, min_severity='"High"'), "min_severity", 'Did you mean "high"?'),
        (table(MAIL, kinds='"finding"'), "kinds", 'Write ["finding"].'),
        (table(MAIL, timeout_s='"30s"'), "timeout_s", "Write 30"),
        (table(MAIL, username='"a"'), "", "username and password belong together"),
        (table(MAIL, username='"a"', password='"${SMTP_PASSWORD}"'), "password", "CHANNELS__SOC__PASSWORD"),
        (table(MAIL, username='"a"', password_file='"~/no-such-file"'), "password_file", "can be read"),
        (table(HOOK, url='"siem.lender.example/in"'), "url", "https://HOST/..."),
        (table(HOOK, url='"https://siem.lender.example/in "'), "url", "without a blank"),
        (table(HOOK, url='"https://u:synthetic@siem.lender.example/"'), "url", "Authorization"),
        (table(HOOK, url='"slack://A/B/synthetic"'), "url", 'transport = "apprise"'),
        (table({"transport": '"apprise"', "url": '"slack://a /b"'}), "url", "without a blank"),
        (table({"transport": '"emial"'}), "transport", 'Did you mean "email"?'),
        (table(MAIL).replace(".soc]", '."SOC Mail"]'), "SOC Mail", "a-z, 0-9, - and _"),
    ],
)
def test_a_wrong_channel_names_its_key_and_the_way_to_write_it(
    tmp_path: Path, text: str, key: str, said: str
) -> None:
    """There is one mistake for one slip, and no secret in it."""
    mistake = refused(tmp_path, "spillwatch.toml", text)

    place = "alerts.channels" if key == "SOC Mail" else "alerts.channels.soc"
    assert mistake.key == ".".join(part for part in (place, key) if part)
    assert said in f"{mistake.wanted}. {mistake.hint}"
    assert "synthetic" not in str(mistake)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("[daemon]\nlog_level = info\n", 2, "quotes"),
        ("[crawler]\nresponse_limit_mb = 2,5\n", 2, "2.5"),
        (
            "[daemon]\nlog_level = \u201cinfo\u201d\n",
            2,
            "straight",
        ),
        ("[crawler]\nautothrottle = True\n", 2, "lower case"),
        ("daemon:\n  log_level: info\n", 1, "key = value"),
        ('{"daemon": {}}\n', 1, "JSON"),
        ('[storage]\nevidence_dir = "C:\\spill"\n', 2, "backslash"),
        ("[daemon]\n[daemon]\n", 2, "once in a file"),
        ('[daemon]\nlog_level = "info"\nlog_level = "debug"\n', 3, "once in its table"),
        ("[alerts.channels.SOC Mail]\n", 1, "no blanks"),
    ],
)
def test_a_slip_in_toml_has_its_line_and_a_hint(tmp_path: Path, text: str, line: int, hint: str) -> None:
    """The parser's words are for people who know TOML; the hint is for the others."""
    mistake = refused(tmp_path, "spillwatch.toml", text)

    assert (mistake.line, hint in mistake.hint) == (line, True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("sources/a.toml", codecs.BOM_UTF16_LE + SOURCE.encode("utf-16-le"), "UTF-8"),
        ("sources/a.toml", SOURCE.encode("utf-16-le"), "UTF-8"),
        ("sources/a.toml", SOURCE.replace('"a"', '"Käufer"').encode("latin-1"), "UTF-8"),
        ("sources/a.TOML", SOURCE, "ends in .toml"),
        ("sources/a.toml.txt", SOURCE, "ends in .toml"),
        ("companies/k.toml", 'name = "K"\n[terms]\ntext = "Kelbridge"\n', "[[terms]]"),
        ("spillwatch.toml", '[daemon]\nhealth_address = "0.0.0.0:99999"\n', "65535"),
    ],
)
def test_a_file_that_would_not_be_read_as_meant_is_a_mistake(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    """Encodings, endings that are not .toml, one table where a list of tables is meant."""
    mistake = refused(tmp_path, name, content)

    assert said in f"{mistake.wanted}. {mistake.hint}"


def test_what_is_right_stays_right(tmp_path: Path) -> None:
    """Notes and backups beside the sources, tabs, a number in quotes, a password with $, ~ in a path."""
    (tmp_path / "sources").mkdir()
    for name in ("README.md", "a.toml.bak", "a.toml~", "cookies.txt", ".a.toml.swp"):
        (tmp_path / "sources" / name).write_text("anything")
    text = table(MAIL, port='"587"', username='"a"', password='"$2y$10$Synthetic"')
    (tmp_path / "spillwatch.toml").write_text(
        f'{text}\n[storage]\n\tdatabase_url\t=\t"sqlite:///~/spillwatch.db"\n'
    )

    settings = load_configuration(tmp_path / "spillwatch.toml", {}).settings

    url = settings.storage.database_url.get_secret_value()
    assert url == f"sqlite:///{Path('~/spillwatch.db').expanduser()}"
