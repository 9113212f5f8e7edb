"""Names of columns that say nothing about where a list is from, because any list may have them.

They are the null of the comparison with a declared schema. A name is common if it is a known name of an
identifier (`phone`, `correo del cliente`), if it consists of ordinary words only (`created_at`), or if many
sites have it because they run one program (`user_nicename` of WordPress). One other word makes it unusual:
`cust_lvl_cd`.
"""

import re

from matching.inputs.formats.columns import is_known_name, role_of

_ORDINARY = """
    a account acct activation active add addr address adresse age agence agent alter amount amt annual
    anschrift apartment app application apply approval approved area at bairro bal balance bank begin
    beruf bic birth birthplace block bool branch brand browser building by calle campaign category cd
    channel charge child children church cidade citizenship city ciudad claim client cliente close
    closed code codigo color comment comments commune company compte conseiller consent contact contract
    contractnr cookie count country county created creation cty cur currency cust customer cvv daily
    data date day days db default del deleted department dept desc description detail device direccion
    discount district dob domain dt edad education email emailaddress emergency emp employee employer
    enabled end ended endereco entry estado etat exp expires expiry extra father fax fecha file filename
    finish firm firma first firstname flag flags floor form from full gdpr geboorteplaats gender
    geschlecht given grade group guid has hash height holder home host house huisnummer iban id ident
    identifier idx image imei imsi in income index industry info installment installments int ip is
    issue issued issuer item job join joined key klant klantnummer kod kunde kunden kundennummer label
    land lang language last lastlogin lastname lat latitude level limit line link list loan locale
    location log login lon longitude mac maiden mail main manager marital member memo message miasto
    middle mobile mod modified month monthly mother mr mrs mtime my naissance name nation nationality
    new newsletter nick no nota note notes nr nr. num number numer numero occupation of office on open
    opened optin optout order org organisation organization ort os other owner ownership page pais
    parent partner pass password path pay payment pays person phone phonenumber photo pic picture pid
    pin place plan platform plz policy pop portable position post postal postalcode postcode preference
    preferred prefix price product prof profession profile province provincia purchase purpose qq qty
    quantity rank rate real reason rec record ref reference referral referrer reg region register
    registered registration relation relationship remark remarks residence resident risk role row rows
    rue salary salt score second seq sequence session sex sexe sexo short sign signed signup sim since
    site size skype sort source spouse ssn sso st stadt start started state status straat straatnaam
    strada strasse straße street street1 style sub subscribed subscription suffix sum sur surname swift
    tag tags tax tel telegram telephone term text time timestamp timezone title to token total town ts
    twitter typ type udid uid ulica unit until upd update updated url user user_id userid usr uuid valid
    value vat ver verification verified version village ville vip vorname web website wechat weight
    whatsapp when woonplaats year yearly zip zipcode адрес город дата индекс код комментарий номер
    область пол примечание регион статус страна сумма тип улица
"""
_HAN_ORDINARY = """
    申请 合同 风险 天数 经理 网点 分类 通讯录 通讯 批准 审批 审核 金 额 率 日 次数 累计 总 最近 首次
    末次 是 否 家庭 紧急 亲属 年 月 学校 专业 头像 推荐 认证 实名 借款 放款 还款 逾期 信用 评分 产品
    交易 支付 收货 下单 快递 时长 用户 客户 会员 姓名 名称 名字 性别 年龄 出生 日期 时间 创建 更新
    修改 注册 登录 地址 住址 详细 省份 省 城市 市 区县 区 县 街道 邮编 邮政 编码 国家 民族 籍贯 户籍
    学历 职业 职务 职位 单位 公司 工作 部门 行业 婚姻 状况 状态 类型 种类 类别 编号 序号 号码 号
    备注 说明 描述 金额 余额 收入 工资 贷款 期限 利率 额度 来源 渠道 标签 等级 级别 积分 分数 电话
    手机 联系 方式 联系人 邮箱 微信 密码 账号 帐号 银行 开户 行 卡 身份证 证件 是否 有效 开始 结束
    数量 订单 商品 价格
"""
_OF_PROGRAMS = """
    user_login user_pass user_nicename user_email user_url user_registered user_activation_key user_status
    display_name umeta_id meta_key meta_value
    uid usergroup usergroupid additionalgroups displaygroup displaygroupid membergroupids usertitle
    customtitle regdate joindate lastactive lastactivity lastvisit lastpost lastpostid posts postnum
    threadnum reputation passworddate loginkey regip lastip longregip longlastip styleid icq aim yahoo msn
    homepage showvbcode daysprune timezoneoffset pmpopup avatarid avatarrevision profilepicrevision
    sigpicrevision options birthday_search maxposts startofweek referrerid languageid emailstamp
    threadedmode autosubscribe pmtotal pmunread parentemail showbirthday ipoints infractions
    username_clean user_password user_passchg user_email_hash user_birthday user_lastvisit user_lastmark
    user_regdate user_timezone user_dateformat user_posts user_lang user_style user_rank user_colour
    user_avatar user_sig user_type user_permissions user_ip group_id user_form_salt
    groupid adminid regdate emailstatus avatarstatus videophotostatus groupexpiry extgroupids credits
    timeoffset newpm newprompt accessmasks allowadmincp onlyacceptfriendpm conisbind secques salt
    user_group_id secondary_group_ids display_style_group_id permission_combination_id message_count
    conversations_unread register_date last_activity trophy_points alerts_unread avatar_date gravatar
    entity_id website_id increment_id store_id attribute_set_id created_in group_id default_billing
    default_shipping taxvat password_hash rp_token rp_token_created_at confirmation dob firstname lastname
    id_customer id_shop_group id_shop id_gender id_default_group id_lang id_risk siret ape passwd
    last_passwd_gen newsletter ip_registration_newsletter newsletter_date_add optin outstanding_allow_amount
    show_public_prices max_payment_days secure_key deleted date_add date_upd
    customer_id customer_group_id address_id custom_field safe approved date_added fax wishlist cart
    registerdate lastvisitdate activation params lastresettime resetcount otpkey otep requirereset
    sendemail block usertype
    accountid ownerid lastmodifieddate lastmodifiedbyid createdbyid createddate systemmodstamp isdeleted
    mailingstreet mailingcity mailingstate mailingpostalcode mailingcountry otherstreet othercity leadsource
    reportstoid masterrecordid lastactivitydate photourl jigsaw hasoptedoutofemail
    billing_address_1 billing_postcode shipping_address_1 shipping_postcode accepts_email_marketing
    total_spent total_orders tax_exempt accepts_sms_marketing
    remember_token email_verified_at is_superuser is_staff date_joined encrypted_password
    reset_password_token reset_password_sent_at remember_created_at sign_in_count current_sign_in_at
    last_sign_in_at current_sign_in_ip last_sign_in_ip confirmation_token confirmed_at unconfirmed_email
    failed_attempts unlock_token locked_at provider two_factor_secret two_factor_recovery_codes
    security_stamp concurrency_stamp securitystamp concurrencystamp normalizedusername normalizedemail
    emailconfirmed phonenumberconfirmed twofactorenabled lockoutend lockoutenabled accessfailedcount
"""
_WORDS = frozenset(_ORDINARY.split())
#: WordPress, MyBB, vBulletin, phpBB, Discuz!, XenForo, Magento, PrestaShop, OpenCart, Joomla, Salesforce,
#: Shopify, WooCommerce, Laravel, Django, Devise, ASP.NET Identity.
_PROGRAM_NAMES = frozenset(name.replace("_", "") for name in _OF_PROGRAMS.split())
_HAN = re.compile(r"[\u3400-\u9fff]")
_BY_LENGTH = re.compile("|".join(sorted(_HAN_ORDINARY.split(), key=len, reverse=True)))
_DIGITS = re.compile(r"\d+")


def is_common_name(name: str) -> bool:
    """Return whether the name says nothing. `name`: folded (`folded_name`), or as it is written."""
    if not name or is_known_name(name) or is_known_name(name.replace("_", " ")):
        return True
    return name.replace("_", "") in _PROGRAM_NAMES or all(map(_is_common_word, name.split("_")))


def _is_common_word(word: str) -> bool:
    bare = _DIGITS.sub("", word)
    if len(bare) < 2 or bare in _WORDS or role_of(bare):
        return True
    return bool(_HAN.search(bare)) and len(_BY_LENGTH.sub("", bare)) < 2
