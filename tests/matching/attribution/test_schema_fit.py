"""Whether a leak's columns are the company's own, and which names are too common to say so."""

import pytest

from matching.attribution.common_names import is_common_name
from matching.attribution.leak_tables import LeakTable
from matching.attribution.schema_fit import SchemaVerdict, compare_schema
from matching.fingerprints.segments.declared_schema import DeclaredColumn, DeclaredSchema, folded_name
from matching.inputs.formats.columns import _WORDS as KNOWN_NAMES

DECLARED = DeclaredSchema(
    columns=(
        DeclaredColumn(name="cust_no", style="padded 10"),
        DeclaredColumn(name="name"),
        DeclaredColumn(name="phone"),
        DeclaredColumn(name="cust_lvl_cd", shapes=("A9", "A99")),
        DeclaredColumn(name="open_dt", style="DD-MON-YY"),
        DeclaredColumn(name="src_sys_id"),
        DeclaredColumn(name="email"),
        DeclaredColumn(name="gender", shapes=("A",)),
    )
)

ORDINARY = """
    phone mobile_phone email name created_at updated_at id user_id customer_id first_name last_name
    gender address city zip_code country date_of_birth birth_date status remark password last_login_ip
    ip_address registration_date phone1 address2 customer_name cust_name acct_no order_id is_active
    job_title company_name postal_code state_province 手机号 身份证号码 姓名 性别 客户姓名 注册时间
    出生日期 家庭住址 开户银行 银行卡号 备注 工作单位 贷款金额 用户编号 strasse plz ort telefonnummer
    geschlecht email_adresse customer_since correo_electronico ciudad fecha адрес телефон город
"""
OF_PROGRAMS = "user_nicename usergroupid userGroupId rp_token LastModifiedById NormalizedUserName secques"
UNUSUAL = """
    cust_lvl_cd src_sys_id kyc_refresh_dt wf_prog_flag mob_no_enc lnk_id fnl_dcsn_rsn cif_no xyb_score
    授信批次 进件渠道码 kred_limit_neu sntndr bdl_nr
"""


def table(names: str, *columns: list[str]) -> LeakTable:
    rows = list(zip(*columns, strict=True)) if columns else []
    return LeakTable(names.split(",") if names else [], rows)


def test_unusual_names_fit() -> None:
    """Two unusual names are enough; common ones agree, too, and do not count."""
    found = compare_schema(DECLARED, table("PHONE,custLvlCd,Src-Sys-Id,email"))

    assert found.verdict is SchemaVerdict.FITS
    assert [(fit.name, fit.number, fit.declared, fit.unusual_name) for fit in found.fits] == [
        ("phone", 1, 3, False),
        ("cust_lvl_cd", 2, 4, True),
        ("src_sys_id", 3, 6, True),
        ("email", 4, 7, False),
    ]
    assert "Unusual enough to count: cust_lvl_cd; src_sys_id." in found.sentence


def test_common_names_say_nothing() -> None:
    """A list of name, phone and e-mail has columns of any company, in whatever order."""
    found = compare_schema(DECLARED, table("Name,Phone,E-mail,gender"))

    assert (found.verdict, len(found.fits)) == (SchemaVerdict.ONLY_COMMON_NAMES, 4)
    assert "says nothing" in found.sentence


def test_one_unusual_name_fits_in_part() -> None:
    """One unusual name may be chance."""
    assert compare_schema(DECLARED, table("phone,cust_lvl_cd")).verdict is SchemaVerdict.FITS_IN_PART


def test_one_unusual_name_with_its_codes_fits() -> None:
    """The codes of the column have the declared shapes as well."""
    leak = table("phone,cust_lvl_cd", ["1"] * 20, ["P1", "S2", "P10", "P1"] * 5)

    found = compare_schema(DECLARED, leak)

    assert (found.verdict, found.fits[1].shapes) == (SchemaVerdict.FITS, ("A9", "A99"))
    assert "cust_lvl_cd (codes such as A9, A99)" in found.sentence


def test_other_codes_under_the_same_name_are_said() -> None:
    """The name agrees and the codes do not: that is stated, and does not count as an agreement."""
    leak = table("cust_lvl_cd", ["gold-1", "gold-2"] * 10)

    found = compare_schema(DECLARED, leak)

    assert (found.verdict, found.fits[0].other_style) == (SchemaVerdict.FITS_IN_PART, True)


def test_the_order_of_five_columns_counts() -> None:
    """One unusual name and five columns in the declared order fit; in another order only in part."""
    names = "cust_no,name,phone,cust_lvl_cd,email"

    in_order = compare_schema(DECLARED, table(names))
    reversed_order = compare_schema(DECLARED, table(",".join(reversed(names.split(",")))))

    assert (in_order.verdict, in_order.order_counts, in_order.in_order) == (SchemaVerdict.FITS, True, 5)
    assert (reversed_order.verdict, reversed_order.in_order) == (SchemaVerdict.FITS_IN_PART, 1)


def test_columns_without_names_are_compared_by_position() -> None:
    """A leak of as many columns agrees in unusual styles at the same places."""
    rows = [
        (f"00000{number:05}", "x", f"138{number:08}", f"P{number % 3}", "03-JUN-17", f"{number}", "", "M")
        for number in range(40)
    ]

    found = compare_schema(DECLARED, LeakTable([], rows))

    assert (found.verdict, found.by_position) == (SchemaVerdict.FITS, True)
    assert [(fit.number, fit.style or fit.shapes) for fit in found.fits] == [
        (1, "padded 10"),
        (4, ("A9",)),
        (5, "DD-MON-YY"),
        (8, ("A",)),
    ]
    narrower = compare_schema(DECLARED, LeakTable([], [row[1:] for row in rows]))
    assert (narrower.verdict, narrower.fits) == (SchemaVerdict.NO_COLUMNS, ())


def test_another_list_does_not_fit() -> None:
    """Unusual names of somebody else, and common names of everybody."""
    found = compare_schema(DECLARED, table("phone,email,uplay_tier,is_whitelisted_flg"))

    assert (found.verdict, found.unknown_unusual) == (SchemaVerdict.DOES_NOT_FIT, 2)


def test_nothing_to_compare_is_said() -> None:
    """Without a declared schema, and without a table, the answer says which is missing."""
    verdicts = [
        compare_schema(None, table("phone")).verdict,
        compare_schema(DECLARED, None).verdict,
        compare_schema(DECLARED, LeakTable([], [])).verdict,
    ]

    assert verdicts == [SchemaVerdict.NO_SCHEMA, SchemaVerdict.NO_COLUMNS, SchemaVerdict.NO_COLUMNS]


def test_no_name_of_the_leak_is_shown() -> None:
    """A list without a header has a person in its first line: only the company's own names are shown."""
    found = compare_schema(DECLARED, table("Zhang Wei,13800001234,cust_lvl_cd"))

    shown = str(found.as_dict())
    assert ("Wei" in shown, "zhang" in shown, "1380" in shown, "cust_lvl_cd" in shown) == (
        False,
        False,
        False,
        True,
    )


def test_a_repeated_name_agrees_once() -> None:
    """A stranger's header that repeats one name a thousand times is one agreement."""
    found = compare_schema(DECLARED, LeakTable(["cust_lvl_cd"] * 1_000, []))

    assert (found.verdict, len(found.fits), found.columns) == (SchemaVerdict.FITS_IN_PART, 1, 500)


@pytest.mark.parametrize("name", ORDINARY.split())
def test_ordinary_names_are_common(name: str) -> None:
    """What any list may have counts for nobody."""
    assert is_common_name(folded_name(name))


def test_every_known_name_is_common() -> None:
    """All names by which columns are recognised, in all languages."""
    words = [word for names in KNOWN_NAMES.values() for word in names]

    assert [word for word in words if not is_common_name(folded_name(word))] == []


@pytest.mark.parametrize(
    "name",
    [
        *[
            "user_nicename",
            "usergroupid",
            "userGroupId",
            "rp_token",
            "LastModifiedById",
            "NormalizedUserName",
            "secques",
        ]
    ],
)
def test_names_of_well_known_programs_are_common(name: str) -> None:
    """Any site that runs the same program has them."""
    assert is_common_name(folded_name(name))


@pytest.mark.parametrize("name", UNUSUAL.split())
def test_unusual_names_count(name: str) -> None:
    """One word that is not ordinary makes a name unusual."""
    assert not is_common_name(folded_name(name))
