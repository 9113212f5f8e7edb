"""Mail providers: which addresses reach the same mailbox, according to the providers' own documentation.

A customer who gave `j.doe+bank` at gmail.com is in the leak as `jdoe`. Both become `jdoe`. A rule is applied
only to domains that the provider owns, and only if it documents the rule. In other domains every character
counts.

    domains    all domains in which the provider gives out addresses
    mailbox    the domain that replaces all of them, if a name belongs to one person in all of them
    tag        the character after which everything is the owner's own addition
    ignored    characters that make no difference
    subdomain  whether `anything` at `name.DOMAIN` reaches `name` at `DOMAIN`
"""

from typing import NamedTuple


class MailProvider(NamedTuple):
    domains: str  # separated by spaces
    mailbox: str | None = None
    tag: str | None = None
    ignored: str = ""
    subdomain: bool = False


PROVIDERS = (
    # Dots do not matter: Gmail Help, support.google.com/mail/answer/7436150. Tags: Google Workspace Learning
    # Center, "task-specific addresses". googlemail.com was the name of gmail.com in Germany and Britain. Not
    # for the domains of companies at Google: there, dots count.
    MailProvider("gmail.com googlemail.com", mailbox="gmail.com", tag="+", ignored="."),
    # Tags: learn.microsoft.com, "Plus addressing in Exchange Online"; Outlook.com has had them since 2013.
    # Dots count, and the same name in two domains can belong to two people.
    MailProvider(
        "outlook.com hotmail.com live.com msn.com passport.com windowslive.com "
        "outlook.at outlook.be outlook.cl outlook.co.id outlook.co.il outlook.co.th outlook.com.ar "
        "outlook.com.au outlook.com.br outlook.com.gr outlook.com.tr outlook.com.vn outlook.cz outlook.de "
        "outlook.dk outlook.es outlook.fr outlook.hu outlook.ie outlook.in outlook.it outlook.jp outlook.kr "
        "outlook.lv outlook.my outlook.ph outlook.pt outlook.sa outlook.sg outlook.sk "
        "hotmail.be hotmail.ca hotmail.ch hotmail.cl hotmail.co.id hotmail.co.il hotmail.co.jp hotmail.co.kr "
        "hotmail.co.nz hotmail.co.th hotmail.co.uk hotmail.co.za hotmail.com.ar hotmail.com.au "
        "hotmail.com.br hotmail.com.hk hotmail.com.tr hotmail.com.tw hotmail.com.vn hotmail.cz hotmail.de "
        "hotmail.dk hotmail.es hotmail.fi hotmail.fr hotmail.gr hotmail.hu hotmail.it hotmail.my hotmail.nl "
        "hotmail.no hotmail.ph hotmail.pt hotmail.rs hotmail.se hotmail.sg hotmail.sk "
        "live.at live.be live.ca live.ch live.cl live.cn live.co.kr live.co.uk live.co.za live.com.ar "
        "live.com.au live.com.mx live.com.my live.com.pt live.com.sg live.de live.dk live.fi live.fr live.hk "
        "live.ie live.in live.it live.jp live.nl live.no live.ru live.se",
        tag="+",
    ),
    # Dots, hyphens, underscores and tags do not matter; a name belongs to one account in all four domains:
    # proton.me/support/addresses-and-aliases, proton.me/support/creating-aliases.
    MailProvider("proton.me protonmail.com protonmail.ch pm.me", mailbox="proton.me", tag="+", ignored=".-_"),
    # A name belongs to one account in all three: support.apple.com/118230. Apple does not document tags, but
    # delivers them, and no name can have a plus sign.
    MailProvider("icloud.com me.com mac.com", mailbox="icloud.com", tag="+"),
    # Tags and subdomains: fastmail.help/hc/en-us/articles/360060591053. The same name in two domains can
    # belong to two people.
    MailProvider(
        "fastmail.com fastmail.fm fastmail.net fastmail.org fastmail.us fastmail.uk fastmail.co.uk "
        "fastmail.de fastmail.es fastmail.fr fastmail.in fastmail.jp fastmail.nl fastmail.se fastmail.to "
        "fastmail.cn fastmail.com.au fastmail.mx fastmailbox.net sent.com",
        tag="+",
        subdomain=True,
    ),
    # Disposable addresses are BASE-KEYWORD: help.yahoo.com, "AddressGuard". No name has a hyphen of its own.
    # The base belongs to one account, but can differ from the account's name.
    MailProvider(
        "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.at yahoo.be yahoo.bg yahoo.ca yahoo.ch "
        "yahoo.cl yahoo.co.id yahoo.co.il yahoo.co.in yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.co.uk "
        "yahoo.co.za yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.co yahoo.com.hk yahoo.com.mx "
        "yahoo.com.my yahoo.com.pe yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.ua "
        "yahoo.com.ve yahoo.com.vn yahoo.cz yahoo.de yahoo.dk yahoo.es yahoo.fi yahoo.fr yahoo.gr yahoo.hr "
        "yahoo.hu yahoo.ie yahoo.in yahoo.it yahoo.nl yahoo.no yahoo.pl yahoo.pt yahoo.ro yahoo.se",
        tag="-",
    ),
    # Every mailbox has its name in all of these: yandex.com/support/domain/additional/mailbox-alias.xml.
    MailProvider(
        "yandex.ru ya.ru yandex.com yandex.by yandex.kz yandex.ua yandex.com.tr", mailbox="yandex.ru", tag="+"
    ),
)
_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains.split()}
_PARENTS = {domain for domain, provider in _BY_DOMAIN.items() if provider.subdomain}


def mailbox(address: str) -> str:
    """Return the address of the mailbox that an address in lower case reaches."""
    local, _, domain = address.partition("@")
    provider = _BY_DOMAIN.get(domain)
    if provider is None:
        name, _, parent = domain.partition(".")
        if parent not in _PARENTS:
            return address
        local, domain, provider = name, parent, _BY_DOMAIN[parent]
    name = local.partition(provider.tag)[0] if provider.tag else local
    if provider.ignored:
        name = "".join(character for character in name if character not in provider.ignored)
    return f"{name or local}@{provider.mailbox or domain}"
