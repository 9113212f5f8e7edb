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
# The next most frequent ones, by the frequency of the words that hold them (wordfreq 3.1).
_SIMPLIFIED_USUAL = (
    "吗网怎斯战影爱组选府议车视持站始快图改划亚际单尔需布片历每广党游城办球觉级师专约集技团参克史服调包请"
    "拉乐造吧收称语死线示像流根近济京英士推标举友干支委续况准男官失言备容观华港质案钱查整未费转较众商风字"
    "香啊首州料育创织照亲消研离具算欢哪型注护连节周投获音增供孩项构省律演农究器步喜局医象写除境赛装谁跟杀"
    "击响职助易版希属洲巴星企引找考列罗复存须越态群县功纪超害戏显族维深责值买足环模极协花断警吃百段验往早"
    "终另远够独精习营括革岁曾评随例黑错继米林预玩故速闻效致火妈阿呢拿兰采热房病限艺严仅录江势控察满优兴绝"
    "土施宣武止负尼谢食简叫欧画古母低帮留积志虽朋否令读伤夫眼置播底域频派居监飞晚策尽刚讲苏股谈送诉河落半"
    "念剧村依湾印哥破编待初双防普围愿红轻承青免室范修压石状排率险福父适担六角层判卫财占园络奖阳执假席仍突"
    "班旅升配停似笑审歌般铁换均千养博威富黄移罪票岛择奇紧韩久抗汉副犯亿波乎八甚检馆油著差斗销购救坚讨庭镇"
    "药景章陆介益纳朝宝俄述央素哈脑拍互乡按坏兵怕核善酒激细拥街载钟临享释背婚伊血充货您龙攻降射恶危略败奥"
    "弹付帝毛刻某减冲输永媒秘遇靠答座典征访筑短析训胜疗温弟异阶劳退穿束倒七航姐夜云厂疑词九藏毒额左楼牌补"
    "杂亡康材健练盟妇沙届课乱软板索追湖暴融登困圣授误梦缺督操味顾页遗礼签遭枪牙吸础毕封币宗讯稳宁辑恐托努"
    "曲李块爆灵守余右怀亦伦季烈衣舞皇草坐若扩幸逐序迎竟午妹禁肯澳搞脸鲜亮苦船概贵附摄跑鱼轮顿翻良旧狗急寻"
    "套综掉顺童迫庆丽木春吉竞虑架呼端违含皮堂怪尚抓汽挥归骗诺肉招探培睡献针饭敢野惊透避智痛既啦牛税洋谓敌"
    "申巨慢炸忘句渐唯损弃彩借阅散绍漫洛休塔伯厅冷染召佛诗鲁刑雷笔萨汇楚延松予坦妻裁丰促脚贝森唱译启树赢幕"
    "爸贸障泽熟混蒙固宪毁勒顶侵丝餐静赶篇懂闭纸浪荣醒夏桥订陈灭绿迷暗援尤宫盖谋聚塞雨尊秀拜盘贴估挑屋恩田"
    "嘛泰赞逃绩乌喝阻川涉捕震鼓兄蛋植床距佳键鸡洗狱途魔雄奶哦邦卷励末跳替链搜伙纽夺灾岸废刺弱烟兼麻旗署瓦"
    "狂遍辆莱忙驻麦残莫逼触姆拒符隐籍盛描册沉娘徒丹坛津冠掌胡毫宾抵婆冰迹祖伴污抱泛阴粉纷朗杯菜累鬼恋偷纯"
    "潮勇昨倍镜罚阵暂伟摩径默抢菲曼档贫埃惯仪蓝允挂折烧祝坡奋疯零缩矿艾袭租彻映耳谷宽瑞刊虚圈幅询棒邀措辖"
    "悲潜叶烦雅撤甲欲漂墙旁硬截刘骨雪奴黎忆诚粮症倾忍赚宜爷迪嘴呀握伍览灯锁乏拟舰邮摆钢隔丁胁沿侧偏殖扬贡"
    "恢械陷缘患戴净迅惠杰圆缓搭繁详迁刀齐殊扰绪乘赏债娱券冒诸峰旦孙涨饮荐跨趋腐衡茶剩弄鸟俗怖猫猪玛骑龄疾"
)
_TRADITIONAL_USUAL = (
    "爲嗎裏着網怎斯戰影愛組選府議臺車視持站始快圖改亞劃際單爾需片每廣黨歷城辦球覺級師專約集技團史參服克調"
    "包請拉樂遊造吧收稱語死線示像流根近濟京英士推標舉友支委續況男官失言備容觀華港質案錢查整未費轉較衆商風"
    "字香啊首州育創佈織照親消研離算歡哪型護連節具準投音增供孩項息構獲省律演農究器步喜醫象寫除境賽裝誰跟殺"
    "擊響職局助易版希屬洲巴星企引找考列羅存越須態羣縣功紀超害戲顯族維深責值買足環注幹模極協花斷警喫百段驗"
    "往早終另遠夠獨精習營括革歲曾評隨例黑錯繼米林預玩故速聞效里火媽阿呢拿蘭熱係房病限藝嚴僅錄江勢控察滿採"
    "致優興絕土施宣武止負尼謝食簡叫歐畫古母低幫留積雖朋否令讀傷眼置播底夫域頻派居監飛晚策製剛講股談送訴河"
    "落半劇村依灣印哥破編待蘇念初雙防普圍願紅輕承青免週室修壓石狀排率險福父範適擔六角層判衛財園獎陽執假佔"
    "仍席突班旅配停似笑審歌般鐵換均升千養博威富黃移罪票島擇奇緊韓久抗漢副犯億波乎八復甚檢館油差銷購救堅討"
    "庭鎮藥景店章陸介益納鬥朝寶俄述央素哈腦拍互鄉布按壞兵怕善酒激細擁街載臨享釋婚伊血充貨您龍攻降射座危略"
    "敗奧周彈付帝毛刻瞭某減輸永媒祕遇靠背答典訪築志短析訓勝療溫弟異階勞退穿束倒七航姐夜廠衝疑惡詞九藏毒額"
    "左樓牌雲補雜亡康材健練盟婦沙屆課亂軟索追鐘湖暴融登困聖授誤夢缺督操味顧頁遺禮遭槍牙吸礎畢封幣宗穩寧輯"
    "恐努李曲塊爆靈守右懷餘亦倫季烈衣舞皇草儘若徵擴逐序迎竟午妹禁肯核澳搞臉鮮亮苦船概貴附趣攝坐跑魚輪頓翻"
    "良舊狗急尋套綜掉順童迫慶麗木春吉盡脫競慮架呼端違含皮堂怪尚抓汽複揮歸騙幸諾肉招探培睡獻飯敢野驚透避智"
    "痛既啦牛稅針洋謂敵申慢炸忘句漸唯損棄彩閱散紹簽漫洛休塔伯廳冷染召詩魯刑雷筆薩楚延予坦妻誌裁促腳豐貝森"
    "唱譯啓樹贏幕爸貿障澤熟混固憲勒頂侵巨絲餐靜趕篇板懂閉紙浪榮佛醒夏橋訂陳滅蒙綠迷託暗援尤宮蓋謀聚塞雨尊"
    "秀拜盤貼估挑屋恩田嘛泰逃績烏喝阻川涉捕震鼓兄蛋植牀距佳鍵雞洗獄途魔雄奶哦邦勵末跳替紐奪災岸廢刺弱兼麻"
    "旗署瓦狂遍輛萊鏈忙駐麥殘莫逼觸姆拒符隱籍盛描毀冊沉徒丹壇津冠掌毫賓婆冰祖伴污抱陰粉紛朗菜累註鬼戀偷純"
    "潮勇抵昨搜倍覆鏡罰陣暫偉摩徑默搶菲曼檔貧埃慣儀泛藍允掛娘燒祝坡奮瘋零縮礦艾襲干租徹映耳寬瑞刊虛圈幅詢"
    "棒邀措轄悲乾潛煩葉雅匯撤甲卷漂牆旁胡硬截劉骨雪奴黎憶誠糧傾忍賺折宜爺迪嘴呀握伍覽燈鎖借乏擬艦谷郵症鋼"
    "隔丁脅沿側偏擺殖揚貢恢械陷緣患戴淨迅惠圓緩搭繁詳遷刀齊殊夥擾緒乘賞債娛券冒諸峯髮旦准孫漲飲薦跨趨贊腐"
)
_KOREAN_USUAL = (
    "거했마야되트드러습분저입계치월같회년바음더명학네영당작좋방려않합래발건된단재며각운금람행남알차등통르"
    "타후프겠체크랑식히너산역버임포예결반잘님함심속업본레파직디감처런카못노군받배출양표피살든많른법달난집"
    "민설였최형또불력키천걸강날울테싶청루종언약애코점워토추준께질외근태올참격렇친초늘권온린따록목복새료편"
    "능열별맞변메머티항필왜술누절확느특먹줄평씨럼브길급란돌박증송손뭐죽독죠좀즈론활막찾존곳될순환페품투얼"
    "향냐석봐및잡병광왔혼담져엔족볼짜글령책플녀완승축베육립총갈망쪽색백악북접앞긴커험끝쓰빠블류범침됐검힘"
    "응림김황희눈엄냥벌련창억움패겨클졌충뒤채릴케째셨왕첫견놓규협츠취렸끼션슨답럽뉴삼퍼폭획락써착찰큰돼팀"
    "잠밀닌돈량극봤쳐택랜뿐밤귀몇몰넘먼떤십놀쟁둘탄났줘떻허셔죄밖철얘쿠떠램캐갖굴갔탈듯혹뜻높몸잖슬센곡널"
    "켜링싸빨싫측릭웃갑홍농틀떨골쉬넷념득탁맛혀팔찬홈꺼깨녕꾸례휴효벽듣폰풀얻찮징엘뭔찍논짓괜익텐믿암욕읽"
    "큼맨꿈즐꼭웨쇼넣벤붙콘봉풍숨팅숙솔층앨염델궁컴멋슈액척괴압맡밝겁률템폐곤앙빈덕됩율뮤싱딸잔렌옷뛰겼끌"
    "빌헤콜텔삶빛컬퇴흥랐헌냈쳤칠혁훈엇좌롭씀컨즘즉멀씩맥턴늦꽃롯낮칭웠룹팬젠낸쉽털놈혈픽럴킹벨닥킨쁜딱핵"
)
_JAPANESE_USUAL = (
    "気子月来何女全最無目後発定当理感地回画使下実私物体知力家度良多持開代金関変数戦要外以取化現食結心世不"
    "好俺楽味考能小立機書初面期少様田付違先員車山市解問連近安記加公仕神教界特主表信東品聞選終題悪必正二強"
    "男続真死道料決語他可野確文相美水向切愛身受円集別始達彼元在活買着重三引位過有次海保経送点原利調制万白"
    "式第屋限設民直起待勝組得果店込運色放県指約流予置認読状参京政川応音誰口校島系残件産配天平想進常計素優"
    "欲由空議説際像風落士止然足単伝映線消早務演声格友係反殺質夫頭葉木和飲北乗供治転僕撃登交半広台親夜都帰"
    "共張形録完存価基支願覚増投判王示害念術顔呼態失笑型絶難返育構容命朝告再写権試追影等検観量備工週太軍探"
    "義装緒断光曲企種収器町論験査石歳営古西君任役土周字護職病段婚技奴嫌院版視超注毎歌普十速望母資花非側馬"
    "値更団歩園魔載区村求象飛未急効離規済福科製師族提例割働移撮黒証細居警英丈休球低負満介率識類室米父駅火"
    "異攻接改統官訳程争頃去井隊復深藤派医展総造抜助門寝研皆与星比赤突了岡為催故処守打頼除千局換座専編建管"
    "施敵察興府宮減若差破漫準怖走阪案服精簡援域忘許降費況南両夢防倒究似商末薬各武党曜我壊習協青罪首痛恋路"
    "戻郎評谷修夏史肉導苦松館幸横歴遊被逃極枚響図帯熱激退材含策独弾兵遠巻条軽沢適囲渡勢答春描般銀姿階具犯"
    "絵申根詳境遅久御危絡便振崎担右越旅療焼血険仲温寄払挙戸環酒娘印労司賞希城頂佐兄捕爆韓領逆射敗紙弁左街"
    "辺級健香脱談橋芸雑冷替倍余給疑毛散聴船障困昔補整頑昨茶密監裏森掛衛丸紹及恐謝模四貴州波息祭舞端将株覧"
    "髪触犬圧迎乳押因席布児背玉途練属板晴責税秋鉄索秘標震症妻宅腹従禁織艦算奈暴傷継遺裁礼百扱並怒届眠弟推"
    "隠略積短額喜惑複避闘弱携鹿雨景功宿亡迷盛乱吉省五駄宇刑浜脳染財稼静悲掲源操嬉博卒片列巨徒庫創猫救凄嘘"
    "吸授鳥滅納姉志疲災八互暗洗誘草抗稿課択採誌純劇致洋富池固驚麗筋勤契飯順聖輪角混誕勉怪陽捨令泉競徴沖留"
)
# The letters of Russian from the most frequent one to the rare ones. They tell KOI8-R from windows-1251, for
# each reads the other's capitals as small letters.
_RUSSIAN = {
    **dict.fromkeys("оеаинтсрвл", 0.95),
    **dict.fromkeys("кмдпуя", 0.85),
    **dict.fromkeys("ыьгзбчй", 0.6),
    **dict.fromkeys("хжшюц", 0.45),
    **dict.fromkeys("щэфёіїєґ", 0.2),
}
_WESTERN = "àâäçéèêëîïôöùûüñáíóúßåøæãõœÀÄÇÉÈÖÜÑÅØÁÂÃÊÍÎÓÔÕÚ"
_CENTRAL = "ąćęłńóśźżčďěňřšťůžýőűșțăĄĆĘŁŃŚŹŻČĎĚŇŘŠŤŮŽÝŐŰ"
_PUNCTUATION = "，。！？：；、（）【】《》“”‘’…—·～￥＋－／「」『』 \u3000–€£¥©®°«»•№№±×"

#: How many characters' weights are kept in memory, per language.
MAX_KNOWN = 32_768

#: Frequent and usual characters by the language of a charset; "any" is that of Unicode's own charsets.
_FREQUENT = {
    "simplified": frozenset(_SIMPLIFIED),
    "traditional": frozenset(_TRADITIONAL),
    "korean": frozenset(_KOREAN),
    "japanese": frozenset(_JAPANESE),
    "any": frozenset(_SIMPLIFIED + _TRADITIONAL + _KOREAN + _JAPANESE),
}
_USUAL = {
    "simplified": frozenset(_SIMPLIFIED_USUAL),
    "traditional": frozenset(_TRADITIONAL_USUAL),
    "korean": frozenset(_KOREAN_USUAL),
    "japanese": frozenset(_JAPANESE_USUAL),
    "any": frozenset(_SIMPLIFIED_USUAL + _TRADITIONAL_USUAL + _KOREAN_USUAL + _JAPANESE_USUAL),
}
_LANGUAGES = {
    "gb18030": "simplified",
    "big5hkscs": "traditional",
    "big5": "traditional",
    "cp949": "korean",
    "cp932": "japanese",
    "euc_jp": "japanese",
}


class _Weights(dict[str, float]):
    """Computes a weight once, because one page may need 100,000 of them. Hostile pages cannot fill memory."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __missing__(self, character: str) -> float:
        found = weight(character, self._language)
        if len(self) < MAX_KNOWN:
            self[character] = found
        return found


#: The result of `weight` by language and character.
WEIGHTS = {language: _Weights(language) for language in _FREQUENT}


def weights_of(codec: str) -> _Weights:
    """Return the weights of the characters in the language that a charset is made for."""
    return WEIGHTS[_LANGUAGES.get(codec, "any")]


def weight(character: str, language: str = "any") -> float:
    """Return a weight between 1 (frequent) and -3 (nobody writes it) for a character beyond ASCII."""
    code = ord(character)
    if character in _FREQUENT[language]:
        return 1.0
    if character in _USUAL[language]:
        return 0.8
    if character in _PUNCTUATION:
        return 0.6
    if character in _WESTERN:
        return 0.75
    if character in _CENTRAL:
        return 0.6
    if 0x3041 <= code <= 0x30FE:  # kana
        return 1.0 if language == "japanese" else 0.8
    if 0x4E00 <= code <= 0x9FFF:
        if language == "korean":  # few Koreans write them
            return -0.8
        return 0.3 if _in_level_one(character, language) else -0.6
    if 0xAC00 <= code <= 0xD7A3:
        return 0.3 if _has_code_in(character, "euc_kr") else -1.0
    if 0x0400 <= code <= 0x045F:
        small = character.lower()
        return _RUSSIAN.get(small, -0.4) - (0.1 if small != character else 0.0)
    if 0xFF10 <= code <= 0xFF5A:  # full-width letters and digits
        return 0.4
    return -3.0 if unicodedata.category(character) in ("Cc", "Co", "Cn", "Cs") or code == 0xFFFD else -0.8


#: The everyday half of a charset: its codec, and the first bytes of that half.
_LEVEL_ONE = {
    "simplified": ("gb2312", b"\xb0", b"\xd7"),
    "traditional": ("big5", b"\xa4", b"\xc6"),
    "japanese": ("euc_jp", b"\xb0", b"\xcf"),
}


def _in_level_one(character: str, language: str) -> bool:
    """Return whether a Chinese character is in the everyday half of its language's charset."""
    return any(
        first <= character.encode(codec, "ignore")[:1] <= last
        for name, (codec, first, last) in _LEVEL_ONE.items()
        if language in (name, "any")
    )


def _has_code_in(character: str, codec: str) -> bool:
    return bool(character.encode(codec, "ignore"))
