"""Names, birth dates and street addresses that look like those of customers.

Names are frequent ones, so that none of them stands out; a name alone never shows a canary. Words are
separated by spaces; a Han name is written with its pinyin, from which the e-mail address is made.
"""

import random
import re
import unicodedata
from datetime import date, timedelta
from typing import NamedTuple

_HAN_FAMILIES = """
王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu 胡hu 郭guo 何he
林lin 罗luo 高gao 梁liang 郑zheng 谢xie 宋song 唐tang 许xu 韩han 邓deng 冯feng 曹cao 彭peng 肖xiao
田tian 董dong 潘pan 袁yuan 蔡cai 蒋jiang 余yu 于yu 杜du 叶ye 程cheng 魏wei 苏su 吕lv 丁ding 任ren 沈shen
姚yao
"""
_HAN_MEN = """
伟wei 强qiang 磊lei 军jun 勇yong 杰jie 涛tao 明ming 超chao 辉hui 刚gang 平ping 志zhi 国guo 建jian 文wen
海hai 俊jun 宏hong 振zhen 立li 永yong 东dong 成cheng 松song 庆qing 德de 鹏peng 宇yu 浩hao 林lin 峰feng
斌bin 波bo
"""
_HAN_WOMEN = """
芳fang 娜na 敏min 静jing 丽li 艳yan 秀xiu 娟juan 霞xia 玲ling 桂gui 兰lan 英ying 华hua 玉yu 萍ping
红hong 雪xue 梅mei 琳lin 婷ting 慧hui 莹ying 倩qian 欣xin 雅ya 晓xiao 春chun 云yun 月yue 燕yan 凤feng
洁jie 瑞rui
"""
_ENGLISH_MEN = """
James Robert John Michael David William Richard Joseph Thomas Christopher Charles Daniel Matthew Anthony
Mark Steven Andrew Paul Joshua Kevin Brian George Edward Ronald Timothy Jason Jeffrey Ryan Gary Nicholas
Eric Stephen
"""
_ENGLISH_WOMEN = """
Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Lisa Nancy Margaret Sandra
Ashley Kimberly Emily Donna Michelle Carol Amanda Melissa Deborah Stephanie Rebecca Laura Helen Sharon
Amy Kathleen
"""
_ENGLISH_FAMILIES = """
Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White
Roberts Green Hall Wood Jackson Clarke Harris Lewis Martin Cooper King Ward Baker Morris Hughes Edwards
Hill Moore Clark Harrison Scott Young Morgan Allen Mitchell Anderson Phillips Campbell Parker Bell Kelly
Turner Collins Stewart Murphy Reed
"""
_FRENCH = (
    """Jean Pierre Michel Philippe Alain Nicolas Christophe Patrick Laurent Frédéric Stéphane Éric Julien
    David Thierry Olivier Sébastien Vincent Guillaume Antoine Thomas Mathieu""",
    """Marie Nathalie Isabelle Sylvie Catherine Martine Christine Valérie Sandrine Véronique Céline
    Stéphanie Sophie Julie Aurélie Caroline Camille Laure Hélène Claire Anne Élodie""",
    """Martin Bernard Robert Richard Durand Dubois Moreau Laurent Simon Michel Leroy Roux David Bertrand
    Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefèvre Faure Mercier
    Blanc Guérin""",
)
_GERMAN = (
    """Peter Michael Thomas Andreas Wolfgang Klaus Jürgen Stefan Christian Uwe Werner Frank Markus Matthias
    Jan Alexander Sebastian Tobias Florian Daniel Jörg Holger""",
    """Maria Ursula Monika Petra Sabine Renate Karin Andrea Claudia Susanne Anna Julia Katrin Nicole
    Stefanie Birgit Martina Heike Silke Anja Katharina Ulrike""",
    """Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein
    Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Werner Krause Lehmann
    Köhler Huber""",
)
_SWEDISH = (
    """Lars Karl Anders Johan Per Nils Mikael Jan Hans Peter Erik Fredrik Magnus Stefan Mattias Henrik
    Daniel Björn Jonas Göran""",
    """Anna Eva Maria Karin Kristina Lena Sara Emma Kerstin Marie Ingrid Malin Jenny Annika Linda Susanne
    Elin Monica Hanna Åsa""",
    """Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson Pettersson
    Jonsson Jansson Hansson Bengtsson Lindberg Lindström Lindqvist Axelsson Bergström Lundberg Lindgren
    Berg Nyström""",
)
_ENGLISH = (_ENGLISH_MEN, _ENGLISH_WOMEN, _ENGLISH_FAMILIES)
_LATIN = {
    "GB": _ENGLISH,
    "US": _ENGLISH,
    "AU": _ENGLISH,
    "FR": _FRENCH,
    "DE": _GERMAN,
    "SE": _SWEDISH,
}
_STREETS = {
    "CN": "{0}{1}号{2}室",
    "GB": "{1} {0}",
    "US": "{1} {0}",
    "AU": "{1} {0}",
    "FR": "{1} {0}",
    "DE": "{0} {1}",
    "SE": "{0} {1}",
}
_STREET_NAMES = {
    "CN": "人民路 中山路 建设路 解放路 新华路 和平路 文化路 育才路 东风路 光明路",
    "GB": "High_Street Station_Road Church_Lane Victoria_Road Mill_Lane Park_Avenue Manor_Road Kings_Road",
    "US": "Maple_Ave Oak_St Washington_St Park_Ave Cedar_Ln Lake_Dr Hillcrest_Rd Walnut_St",
    "AU": "Church_St Victoria_St George_St Railway_Pde Park_Rd Albert_St King_St Queen_St",
    "FR": "rue_de_l'Église rue_Victor_Hugo avenue_de_la_Gare rue_du_Moulin rue_des_Écoles rue_Pasteur",
    "DE": "Hauptstraße Schulstraße Gartenstraße Bahnhofstraße Dorfstraße Bergstraße Lindenstraße Ringstraße",
    "SE": "Storgatan Kungsgatan Drottninggatan Skolgatan Järnvägsgatan Parkgatan Ringvägen Björkvägen",
}
_OLDEST, _YOUNGEST = 76, 21  # years
_WITHOUT_MARK = str.maketrans({"ß": "ss", "ø": "o", "ä": "ae", "ö": "oe", "ü": "ue", "å": "a"})


class PersonName(NamedTuple):
    family: str
    given: str
    mail: tuple[str, str]  # given and family name as an address has them

    @property
    def whole(self) -> str:
        """The name as the country writes it."""
        if "\u4e00" <= self.family[0] <= "\u9fff":
            return self.family + self.given
        return f"{self.given} {self.family}"


def invented_name(region: str, *, man: bool, choice: random.Random) -> PersonName:
    if region == "CN":
        family = _han(choice.choice(_HAN_FAMILIES.split()))
        given = [_han(one) for one in choice.sample((_HAN_MEN if man else _HAN_WOMEN).split(), 2)]
        return PersonName(family[0], given[0][0] + given[1][0], (given[0][1] + given[1][1], family[1]))
    men, women, families = _LATIN[region]
    first, last = choice.choice((men if man else women).split()), choice.choice(families.split())
    return PersonName(last, first, (_in_ascii(first), _in_ascii(last)))


def _han(entry: str) -> tuple[str, str]:
    return entry[0], entry[1:]


def _in_ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().translate(_WITHOUT_MARK))
    return re.sub(r"[^a-z]", "", plain)


def invented_birth_date(today: date, place: int, places: int, choice: random.Random) -> date:
    """Return a day in part `place` of `places` equal parts of the ages of customers.

    So the canaries of a set are of all ages, and a copy that was cut by age still holds some.
    """
    first = today - timedelta(days=_OLDEST * 365)
    span = (_OLDEST - _YOUNGEST) * 365
    return first + timedelta(days=(place * span + choice.randrange(span)) // places)


def invented_street(region: str, choice: random.Random) -> str:
    street = choice.choice(_STREET_NAMES[region].split()).replace("_", " ")
    return _STREETS[region].format(street, choice.randint(2, 160), choice.randint(1, 18) * 100 + 1)


def mail_name(name: PersonName, choice: random.Random) -> str:
    """Return the part of an address before the @: a name, and digits that nobody guesses."""
    given, family = name.mail
    start = choice.choice(
        (f"{given}.{family}", f"{family}{given}", f"{given}{family}", f"{given[0]}{family}")
    )
    return f"{start}{choice.randint(100, 99_999)}"
