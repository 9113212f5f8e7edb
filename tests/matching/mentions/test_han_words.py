"""Han names beside words of Chinese and Japanese that have the same characters."""

import pytest

from matching.mentions.han_words import common_words, exclusion_phrases, expected_noise
from matching.mentions.terms import Terms, WatchTerm, folded_term


def found(term: str, text: str) -> list[str]:
    mentions = Terms.build([WatchTerm(1, 1, term, "name")]).find(text)
    return [text[mention.start : mention.end] for mention in mentions]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("中通", "在传输过程中通过加密"),
        ("中通", "在傳輸過程中通過加密"),
        ("中信", "文件中信息丢失"),
        ("中兴", "其中兴趣最大"),
        ("平安", "水平安全可靠"),
        ("平安", "平安夜快乐"),
        ("中行", "在其中行为"),
        ("三星", "入住三星级酒店"),
        ("国泰", "中国泰国关系"),
        ("国泰", "祝国泰民安"),
        ("国美", "中国美国关系"),
        ("美的", "优美的风景"),
        ("京东", "北京东城区"),
        ("趣店", "有趣店铺"),
        ("移動", "ファイルを移動する"),
        ("移动", "メニュー: 移動"),
        ("平安", "平安時代の貴族"),
    ],
)
def test_a_part_of_common_words_is_no_name(term: str, text: str) -> None:
    """Where two words meet, in longer words, and in Japanese."""
    assert found(term, text) == []


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("中通", "中通快递客户数据"),
        ("中通", "中通信息泄露"),
        ("中通", "售中通用户"),
        ("移动", "中国移动用户数据"),
        ("三星", "三星手机用户"),
        ("国泰", "国泰君安客户"),
        ("平安", "平安银行客户"),
        ("平安", "平安全国客户"),
        ("美的", "美的集团数据"),
        ("华为", "收购华为了解到"),
        ("京东", "京东商城订单"),
        ("国美", "国美电器"),
        ("百度", "百度网盘"),
        ("滴滴", "滴滴出行"),
        ("招商", "招商银行"),
        ("光大", "光大银行"),
        ("趣店", "出售趣店用户"),
        ("趣店", "来趣店借款"),
        ("趣店", "趣店员工数据"),
        ("趣店", "趣店的数据"),
        ("拍拍贷", "拍拍贷款逾期"),
        ("饿了么", "饿了么用户数据"),
        ("宜信", "宜信"),
    ],
)
def test_the_name_itself_is_found_beside_other_words(term: str, text: str) -> None:
    """Common words before and behind a name do not hide it."""
    assert found(term, text) == [term]


def test_the_shipped_phrases_contain_their_names() -> None:
    """Each phrase is a longer word than the name, and both are in simplified characters."""
    for name, phrases in exclusion_phrases().items():
        assert phrases
        assert all(name in phrase and name != phrase for phrase in phrases)
        assert folded_term(name) == name


def test_the_noise_of_a_common_word() -> None:
    """A frequent word has an expected number per MB, and a name that is no word has none."""
    noise = expected_noise(folded_term("移動"))

    assert noise is not None
    assert 10 < noise < 20
    assert expected_noise("趣店") is None
    assert len(common_words()) == 13_785
