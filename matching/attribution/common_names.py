"""Names of columns that say nothing about where a list is from, because any list may have them.

They are the null of the comparison with a declared schema. A name is common if it is a known name of an
identifier (`phone`, `correo del cliente`), or if it consists of ordinary words only (`created_at`). One other
word makes it unusual: `cust_lvl_cd`.
"""

import re

from matching.inputs.formats.columns import is_known_name, role_of

_ORDINARY = """
    a account acct active add addr address adresse age alter amount amt anschrift area at bal balance bank
    beruf birth birthplace bool branch by calle category cd channel charge church city ciudad client cliente
    code codigo color comment comments commune company compte contact count country county created creation
    cty cur currency cust customer data date day days db default del deleted department dept desc
    description detail district dob domain dt edad education email emailaddress emp employee employer
    enabled end entry estado etat expires expiry extra fax fecha file filename firm firma first firstname
    flag flags form from full gender geschlecht given group guid has hash height home host house id ident
    identifier idx image in income index industry info int ip is issue issued job key kunde kunden
    kundennummer label land lang language last lastlogin lastname lat latitude level limit line link list
    loan location log login lon longitude mail main marital member memo message middle mobile mod modified
    month mr mrs mtime my name nation nationality new nick no nota note notes nr nr. num number numero
    occupation of office on opened order org organisation organization ort other owner page pais parent pass
    password path pay payment pays person phone phonenumber photo pic picture pid pin place plz pop position
    post postal postalcode postcode prefix price prof profession profile province provincia qq qty quantity
    rank rate real reason rec record ref reference reg region register registered registration remark
    remarks role row rows salary salt score second seq sequence sex sexe sexo short site size skype sort
    source ssn sso st stadt start state status strasse straße street street1 style sub sum sur surname tag
    tags tax tel telegram text time timestamp title to token total town ts twitter typ type uid unit upd
    update updated url user user_id userid usr uuid valid value vat ver version village ville vip vorname
    web website wechat weight whatsapp when year zip zipcode адрес город дата индекс код комментарий номер
    область пол примечание регион статус страна сумма тип улица
"""
_HAN_ORDINARY = """
    家庭 紧急 亲属 年 月 学校 专业 头像 推荐 认证 实名 借款 放款 还款 逾期 信用 评分 产品 交易 支付 收货 下单
    快递 时长
    用户 客户 会员 姓名 名称 名字 性别 年龄 出生 日期 时间 创建 更新 修改 注册 登录 地址 住址 详细 省份 省
    城市 市 区县 区 县 街道 邮编 邮政 编码 国家 民族 籍贯 户籍 学历 职业 职务 职位 单位 公司 工作 部门 行业
    婚姻 状况 状态 类型 种类 类别 编号 序号 号码 号 备注 说明 描述 金额 余额 收入 工资 贷款 期限 利率 额度
    来源 渠道 标签 等级 级别 积分 分数 电话 手机 联系 方式 联系人 邮箱 微信 密码 账号 帐号 银行 开户 行 卡
    身份证 证件 是否 有效 开始 结束 数量 订单 商品 价格
"""
_WORDS = frozenset(_ORDINARY.split())
_HAN = re.compile(r"[\u3400-\u9fff]")
_BY_LENGTH = re.compile("|".join(sorted(_HAN_ORDINARY.split(), key=len, reverse=True)))
_DIGITS = re.compile(r"\d+")


def is_common_name(name: str) -> bool:
    """Return whether the name says nothing. `name`: folded (`folded_name`), or as it is written."""
    if not name or is_known_name(name) or is_known_name(name.replace("_", " ")):
        return True
    return all(map(_is_common_word, name.split("_")))


def _is_common_word(word: str) -> bool:
    bare = _DIGITS.sub("", word)
    if len(bare) < 2 or bare in _WORDS or role_of(bare):
        return True
    return bool(_HAN.search(bare)) and len(_BY_LENGTH.sub("", bare)) < 2
