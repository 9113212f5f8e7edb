"""Family names of Chinese and Korean names, and where a name in these scripts is divided."""

import re

#: Chinese family names of two characters.
_COMPOUND = """
    欧阳 歐陽 太史 端木 上官 司马 司馬 东方 東方 独孤 獨孤 南宫 南宮 万俟 闻人 聞人 夏侯 诸葛 諸葛 尉迟 尉遲
    公羊 赫连 赫連 澹台 澹臺 皇甫 宗政 濮阳 濮陽 公冶 太叔 申屠 公孙 公孫 慕容 仲孙 仲孫 钟离 鍾離 长孙 長孫
    宇文 司徒 鲜于 鮮于 司空 令狐 呼延 拓跋 轩辕 軒轅 百里 东郭 東郭 南门 南門 西门 西門 第五 公良 纳兰 納蘭
"""
COMPOUND = frozenset(_COMPOUND.split())
#: Chinese family names of one character: the common ones, simplified and traditional.
_SINGLE = (
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林罗羅高郑鄭梁谢謝宋唐许許邓鄧冯馮韩韓曹曾彭"
    "萧蕭肖蔡潘田董袁于余餘叶葉蒋蔣杜苏蘇魏程吕呂丁沈任姚卢盧傅钟鍾鐘姜崔谭譚廖范範汪陆陸金石戴贾賈韦"
    "韋夏邱丘方侯邹鄒熊孟秦白江阎閻闫閆薛尹段雷黎史龙龍陶贺賀顾顧毛郝龚龔邵万萬钱錢严嚴赖賴覃洪武莫孔"
    "汤湯向常温溫康施文牛樊葛邢安齐齊易乔喬伍庞龐颜顏倪庄莊聂聶章鲁魯岳嶽翟殷詹申欧歐耿关關兰蘭焦俞左"
    "柳甘祝包宁寧尚符舒阮柯纪紀梅童凌毕畢单單季裴霍涂塗成苗谷盛曲翁冉骆駱蓝藍路游辛靳管柴蒙鲍鮑华華喻"
    "祁蒲房滕屈饶饒解牟艾尤阳陽时時穆农農司卓古吉缪繆简簡车車项項连連芦蘆麦麥褚娄婁窦竇戚岑景党黨宫宮"
    "费費卜冷晏席卫衛米柏宗瞿桂全佟应應臧闵閔苟邬鄔边邊卞姬师師和仇栾欒隋商刁沙荣榮巫寇桑郎甄丛叢仲虞"
    "敖巩鞏明佘池查麻苑迟遲邝鄺封官谈談伏保匡鞠惠荆荊乐樂冀郁胥南班储儲原栗燕楚鄢劳勞谌諶奚皮粟冼蔺藺"
    "楼樓盘盤满滿闻聞位厉厲伊仝区區郜海阚闞花权權强強帅帥屠豆朴盖蓋练練廉禹井祖漆巴丰豐支卿国國狄平计"
    "計索宣晋晉相初门門云雲容敬来來扈晁芮都普阙闕浦戈伦倫邸危竺蹇暴尧堯幸母苍蒼衣赫亓银銀由缑赏卻郤郦"
    "酈宓蓬嵇"
)
SINGLE = frozenset(_SINGLE)
#: Korean family names in Hangul.
_KOREAN = (
    "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민나진지엄채원천방"
    "공현함변염여추도소석선설마길연위표명기반"
)
KOREAN = frozenset(_KOREAN)
KOREAN_COMPOUND = frozenset(["남궁", "황보", "제갈", "선우", "독고", "사공", "서문"])
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
HANGUL = "\uac00-\ud7af"
_ALL_HAN = re.compile(f"[{HAN}]+")


def family_name(name: str) -> str:
    """Return the family name that a name in Han or Hangul begins with: its first character, or two.

    "" where the name does not begin with a known family name.
    """
    if name[:2] in COMPOUND or (name[:2] in KOREAN_COMPOUND and len(name) > 2):
        return name[:2]
    return name[:1] if name[:1] in SINGLE or name[:1] in KOREAN else ""


def is_han(text: str) -> bool:
    return _ALL_HAN.fullmatch(text) is not None
