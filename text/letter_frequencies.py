"""How likely each character is in real text, as far as that tells one charset from another.

A wrong charset turns common characters into rare ones. The classes are coarse on purpose: the few hundred
most frequent characters of each script, characters that a text may well hold, and characters that nobody
writes. The frequent ones include the words of the trade in personal data, because those pages are read here.
"""

from __future__ import annotations

import unicodedata

_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体政美"
    "相见被利什二等产或新己制身果加西月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水"
    "名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期"
    "市直德资命山金指许统区保至队形社便空决治展马科司五基书非则听白却界达光放强即难且权思王完设式色路记南"
    "品住告类求据程北边张该交规万取格望术领共确传清今切院让识候带导争运售出卖身份证件姓名号码客户贷款银行"
    "卡账户密码泄露私聊联系微电报价格元最新一手资源批量脱库样本测试学生学校趣店平台用户信息数据库地址"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
    "用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實"
    "日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應向頭文體政美"
    "相見被利什二等產或新己制身果加西月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水"
    "名真論處走義各入幾口認條平系氣題活更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期"
    "市直德資命山金指許統區保至隊形社便空決治展馬科司五基書非則聽白卻界達光放強即難且權思王完設式色路記南"
    "品住告類求據程北邊張該交規萬取格望術領共確傳清今切院讓識候帶導爭運售出賣身份證件姓名號碼客戶貸款銀行"
    "卡帳戶密碼洩露私聊聯繫微價格元最新資源批量樣本測試學生學校平台用戶資訊資料庫地址聯絡電話"
)
_KOREAN = (
    "이다는의에을를가한고하지로서은도기사시인정어자대그일나리수것있해아보제들전주와원부여장상구과동만성스"
    "조면적없으게라도할신문았었니까요우선모연경생국관세비교물화무안오개정때내말소진실위미현중간용공유던데"
    "두번호판매고객데이터개인보름전화주소"
)
_JAPANESE = (
    "日一人年大本中会出国上生時者分行事手間前場合方見学自社業内同対明部新長的入今性高通言思動作用話意法成"
    "報情個客顧氏名電番号住所販売"
)
_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюц"
_WESTERN = "àâäçéèêëîïôöùûüñáíóúßåøæãõœÀÄÇÉÈÖÜÑÅØ"
_CENTRAL = "ąćęłńóśźżčďěňřšťůžýőűșțăĄŁŚŻČŘŠŽ"
_PUNCTUATION = "，。！？：；、（）【】《》“”‘’…—·～￥＋－／「」『』 \u3000–€£¥©®°«»•№№±×"

#: How many characters' weights are kept in memory.
MAX_KNOWN = 32_768

_COMMON = frozenset(_SIMPLIFIED + _TRADITIONAL + _KOREAN + _JAPANESE)


class _Weights(dict[str, float]):
    """Computes a weight once, because one page may need 100,000 of them. Hostile pages cannot fill memory."""

    def __missing__(self, character: str) -> float:
        found = weight(character)
        if len(self) < MAX_KNOWN:
            self[character] = found
        return found


#: The result of `weight` by character.
WEIGHTS = _Weights()


def weight(character: str) -> float:
    """Return a weight between 1 (frequent) and -3 (nobody writes it) for a character beyond ASCII."""
    code = ord(character)
    if character in _COMMON:
        return 1.0
    if character in _PUNCTUATION:
        return 0.6
    if character in _WESTERN:
        return 0.75
    if character in _CENTRAL:
        return 0.6
    if 0x3041 <= code <= 0x30FE:  # kana
        return 0.8
    if 0x4E00 <= code <= 0x9FFF:
        return 0.3 if _in_level_one(character) else -0.6
    if 0xAC00 <= code <= 0xD7A3:
        return 0.3 if _has_code_in(character, "euc_kr") else -1.0
    if 0x0400 <= code <= 0x045F:
        return 0.9 if character in _RUSSIAN else 0.5 if character.lower() in _RUSSIAN else -0.4
    if 0xFF10 <= code <= 0xFF5A:  # full-width letters and digits
        return 0.4
    return -3.0 if unicodedata.category(character) in ("Cc", "Co", "Cn", "Cs") or code == 0xFFFD else -0.8


def _in_level_one(character: str) -> bool:
    """Return whether a Chinese character is in the everyday half of GB 2312 or Big5."""
    return any(
        first <= character.encode(codec, "ignore")[:1] <= last
        for codec, first, last in (("gb2312", b"\xb0", b"\xd7"), ("big5", b"\xa4", b"\xc6"))
    )


def _has_code_in(character: str, codec: str) -> bool:
    return bool(character.encode(codec, "ignore"))
