"""What the label before a value, or the name of its column, says that the value is."""

import re
from enum import StrEnum
from functools import lru_cache

from matching.inputs.formats.columns import role_of
from matching.masked_samples.numbers import is_national_label


class LabelKind(StrEnum):
    """What a label names. OTHER: something that is no value of a sample row."""

    PHONE = "phone"
    RESIDENT_ID = "resident_id"
    NATIONAL_ID = "national_id"
    CARD = "card"
    CARD_TAIL = "card_tail"
    PHONE_TAIL = "phone_tail"
    IBAN = "iban"
    EMAIL = "email"
    NAME = "name"
    FAMILY_NAME = "family_name"
    GIVEN_NAME = "given_name"
    BIRTH_DATE = "birth_date"
    OTHER = "other"


_WORDS = {
    LabelKind.PHONE: """
        mob dt đt mobno mobilenum cellno hp handphone telp phoneno1 phone1 phone2 phonemasked maskedphone
        mobilemasked 手机号 手机号码 电话号码 联系电话 手機號 手機號碼 電話號碼 聯絡電話 联系手机 预留手机
        预留手机号 绑定手机 电话 手机 電話 手機 телефон тел номер мобтел điệnthoại sđt sốđt nohp nomorhp
        เบอร์ เบอร์โทร โทร โทรศัพท์ रफोन फोन मोबाइल मोबाइलनंबर 휴대폰 전화번호 연락처 携帯 携帯番号 الهاتف
        رقمالهاتف الجوال teléfono móvil telemóvel whatsapp wa viber telegramphone callme
        """,
    LabelKind.RESIDENT_ID: """
        身份证 身份证号 身份证号码 身份證 身份證號 身份證號碼 证件号码 证件号 证件 公民身份号码 sfz sfzh
        idcardno
        """,
    LabelKind.NATIONAL_ID: """
        cccd cmnd cccdcmnd idno idnum idnumber govid governmentid taxid ssn sin idmasked maskedid docid
        documento cédula identidad dnicedula паспорт снилс
        """,
    LabelKind.CARD: """
        卡 卡号 银行卡 银行卡号 银行卡号码 信用卡 信用卡号 储蓄卡 借记卡 卡號 銀行卡 銀行卡號 信用卡號 visa
        mastercard amex unionpay 银联 maestro cc ccnumber ccno ccnum cardmasked maskedcard maskedpan pan
        cardnum debitcard bankcardno карта номеркарты картасбер tarjeta cartão cartao nºtarjeta số thẻ sốthẻ
        kartu nomorkartu บัตร หมายเลขบัตร कार्ड कार्डनंबर 카드번호 카드 カード番号 カード البطاقة رقمالبطاقة
        """,
    LabelKind.CARD_TAIL: """
        last4 lastfour last4digits lastfourdigits cardlast4 cclast4 last4card cardlastfour cardending 卡尾号
        卡末四位 银行卡尾号 卡后四位 银行卡后四位 尾号卡 cardtail cardendingin visaending visaendingin
        mastercardendingin cardendingwith cardendswith debitcardendingin creditcardendingin
        """,
    LabelKind.PHONE_TAIL: """
        手机尾号 手机后四位 手机号后四位 电话尾号 phonelast4 phoneending phoneendingin mobilelast4
        phoneendswith phonenumberendingin mobileendingin 手機尾號 手机末四位
        """,
    LabelKind.EMAIL: """
        邮箱 电子邮箱 郵箱 電子郵箱 почта эпочта 이메일 メール อีเมล ईमेल البريد mailmasked emailmasked
        maskedemail
        """,
    LabelKind.NAME: """
        姓名 客户姓名 客戶姓名 名字 用户名称 联系人 持卡人 户名 借款人 客户名称 收件人 收货人 fio фио имя
        ten họtên tên cardholder holder owner customer client customername clientname accountname
        cardholdername namemasked maskedname nombre nome nama ชื่อ ชื่อสกุล नाम 이름 성명 氏名 お名前 الاسم
        اسم имяфамилия клиент
        """,
    LabelKind.FAMILY_NAME: "ln lname surname 姓 фамилия",
    LabelKind.GIVEN_NAME: "fn fname forename",
    LabelKind.BIRTH_DATE: """
        生日 出生日期 出生年月 出生 生年月日 出生年 dob yob yearofbirth birthyear born birth дата
        датарождения др годрождения рожд ngàysinh nămsinh tgllahir tanggallahir วันเกิด जन्मतिथि जन्म
        생년월일 생년 nascimento nacimiento geb geburtsjahr jahrgang añodenacimiento
        """,
    LabelKind.OTHER: """
        order orderno orderid ordernumber invoice invoiceno ticket tracking trackingno sku upc ean isbn
        serial serialno serialnumber licence license licensekey licencekey key token apikey api secret hash
        md5 sha sha1 sha256 uuid guid version ver build price amount total sum cost balance qty quantity
        size count page pages line lines error code status ip ipaddress mac port host url link date time
        timestamp updated created id uid userid session sessionid pin otp cvv cvc exp expiry expires valid
        password passwd pass pwd login ref reference transaction txid txn wallet btc address zip zipcode
        postcode plz case caseno model part partno product imei imsi vin plate passport passportno po batch
        lot room flat score rating member memberid points level chapter section figure table 住址 地址 住所
        家庭住址 单位 公司 工作单位 职业 开户行 город dirección endereço endereco adresse alamat địachỉ 주소
        住所 street city company 用户名 昵称 登录名 网名 暱稱 订单 订单号 訂單 单号 快递 快递单号 运单号
        密码 密碼 编号 編號 版本 序列号 价格 金额 余额 数量 验证码 车牌 车牌号 型号 流水号 护照 护照号 邮编
        地址 日期 时间 时间戳 积分 会员号 会员卡号 qq qq号 微信 微信号 wechat 工号 学号 заказ пароль цена
        сумма версия код счет адрес паспорт контракт договор pedido contraseña precio senha preço harga
        sandi mậtkhẩu giá 비밀번호 주문번호 パスワード 注文番号
        """,
}
_LETTERS = re.compile(r"[\W_]+")
_ROLE_OF = {_LETTERS.sub("", word): role for role, words in _WORDS.items() for word in words.split()}
_OF_COLUMNS = {
    **{
        role: LabelKind(role)
        for role in ("phone", "resident_id", "national_id", "card", "iban", "email", "name", "family_name",
                     "given_name", "birth_date")
    },
    **dict.fromkeys(("password", "wallet", "passport", "driving_licence"), LabelKind.OTHER),
}  # fmt: skip
_HAN_END = re.compile(r"[\u3400-\u9fff\uac00-\ud7af\u3040-\u30ff]{1,10}$")
_CONNECTED = re.compile(r"[\s:：=>\"'“\-–—(\[（【#]+$")


@lru_cache(maxsize=4096)
def role_of_label(label: str) -> LabelKind | None:
    """Return what a whole label or name of a column says; None: it is unknown."""
    letters = _LETTERS.sub("", label.casefold())
    if not letters or len(letters) > 60:
        return None
    if role := _ROLE_OF.get(letters):
        return role
    bare = letters.rstrip("0123456789")
    if role := _ROLE_OF.get(bare):
        return role
    if is_national_label(label):
        return LabelKind.NATIONAL_ID
    if (known := role_of(label)) is not None:
        return _OF_COLUMNS.get(known)
    return None


def role_before(context: str) -> LabelKind | None:
    """Return what the words at the end of a text say of the value behind them."""
    return label_before(context)[0]


def label_before(context: str) -> tuple[LabelKind | None, int]:
    """Return what the words at the end of a text say of the value behind them, and where they begin."""
    words = _CONNECTED.sub("", context)
    borders = list(_BORDER.finditer(words))
    first = borders[-1].end() if borders else 0
    words = words[first:]
    first += len(words) - len(words.lstrip())
    words = words.lstrip()
    if not words:
        return None, len(context)
    joined = " " not in words or _SOME_HAN.search(words) is None
    if joined and len(words) < _LABEL_LENGTH and (role := role_of_label(words)):
        return role, first
    if han := _HAN_END.search(words):
        for start in range(len(han[0])):
            if role := role_of_label(han[0][start:]):
                return role, first + han.start() + start
        return None, len(context)
    for start in [match.start() for match in _PART.finditer(words)][-4:]:
        if role := role_of_label(words[start:]):
            return role, first + start
    return None, len(context)


_BORDER = re.compile(r"[,;|。、،؛*@:=]|\d{3,}")
_SOME_HAN = re.compile("[\u3400-\u9fff]")
_LABEL_LENGTH = 32  # characters
_PART = re.compile(r"[^\s,;|()]+")
