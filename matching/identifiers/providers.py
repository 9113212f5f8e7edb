"""Mail providers: which addresses reach the same mailbox, as the providers themselves document it.

A customer who gave `j.doe+bank` at gmail.com is in the leak as `jdoe`. Both become the second. A rule is
applied only where the provider owns the domain and says so; a company's own domain keeps every sign.

    domains    all that the provider gives out addresses under
    mailbox    the domain that all of them are read as, where one name is one person's under all of them
    tag        the sign behind which everything is the owner's own addition
    ignored    signs that make no difference
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
    # Center, "task-specific addresses". googlemail.com is what gmail.com was called in Germany and Britain.
    # Domains that companies have at Google are not meant: there, dots count.
    MailProvider("gmail.com googlemail.com", mailbox="gmail.com", tag="+", ignored="."),
    # Tags: learn.microsoft.com, "Plus addressing in Exchange Online"; Outlook.com has had them since 2013.
    # Dots count, and the same name under two domains is two people's.
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
    # Dots, hyphens and underscores do not matter, tags do neither; a name belongs to one account under all
    # four domains: proton.me/support/addresses-and-aliases, proton.me/support/creating-aliases.
    MailProvider("proton.me protonmail.com protonmail.ch pm.me", mailbox="proton.me", tag="+", ignored=".-_"),
    # A name belongs to one account under all three: support.apple.com/118230. Tags: nowhere written by Apple;
    # delivered all the same, and no name can have a plus sign.
    MailProvider("icloud.com me.com mac.com", mailbox="icloud.com", tag="+"),
    # Tags and subdomains: fastmail.help/hc/en-us/articles/360060591053. The same name under two domains may
    # be two people's.
    MailProvider(
        "fastmail.com fastmail.fm fastmail.net fastmail.org fastmail.us fastmail.uk fastmail.co.uk "
        "fastmail.de fastmail.es fastmail.fr fastmail.in fastmail.jp fastmail.nl fastmail.se fastmail.to "
        "fastmail.cn fastmail.com.au fastmail.mx fastmailbox.net sent.com",
        tag="+",
        subdomain=True,
    ),
    # Disposable addresses are BASE-KEYWORD: help.yahoo.com, "AddressGuard". No name has a hyphen of its own.
    # The base is the account's, though it need not be its name.
    MailProvider(
        "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.at yahoo.be yahoo.bg yahoo.ca yahoo.ch "
        "yahoo.cl yahoo.co.id yahoo.co.il yahoo.co.in yahoo.co.kr yahoo.co.nz yahoo.co.th yahoo.co.uk "
        "yahoo.co.za yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.co yahoo.com.hk yahoo.com.mx "
        "yahoo.com.my yahoo.com.pe yahoo.com.ph yahoo.com.sg yahoo.com.tr yahoo.com.tw yahoo.com.ua "
        "yahoo.com.ve yahoo.com.vn yahoo.cz yahoo.de yahoo.dk yahoo.es yahoo.fi yahoo.fr yahoo.gr yahoo.hr "
        "yahoo.hu yahoo.ie yahoo.in yahoo.it yahoo.nl yahoo.no yahoo.pl yahoo.pt yahoo.ro yahoo.se",
        tag="-",
    ),
    # Every mailbox has its name under all of these: yandex.com/support/domain/additional/mailbox-alias.xml.
    MailProvider(
        "yandex.ru ya.ru yandex.com yandex.by yandex.kz yandex.ua yandex.com.tr", mailbox="yandex.ru", tag="+"
    ),
)
_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains.split()}
_PARENTS = {domain for domain, provider in _BY_DOMAIN.items() if provider.subdomain}


def mailbox(address: str) -> str:
    """The address of the mailbox that an address in small letters reaches."""
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
