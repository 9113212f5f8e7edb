"""The words of dates: months, days, units and parts of a day, as `crawler.clean.date` reads them.

English, Chinese, Russian, German, French, Spanish, Portuguese, Italian, Polish, Turkish and Ukrainian, in
lower case.
"""

from __future__ import annotations

#: Numbers of months.
MONTHS = {
    word: value
    for value, words in {
        1: (
            "january jan янв января jänner januar janvier janv enero ene janeiro gennaio stycznia "
            "styczeń sty ocak oca січня січ"
        ),
        2: (
            "february feb фев февраля februar février févr fév fevrier febrero fevereiro fev febbraio "
            "lutego luty lut şubat şub лютого лют"
        ),
        3: "march mar мар марта märz mrz mär maerz mars marzo março marca marzec mart березня бер",
        4: ("april apr апр апреля avril avr abril abr aprile kwietnia kwiecień kwi nisan nis квітня квіт"),
        5: "may мая май mai mayo maio maggio maja mayıs mayis травня трав",
        6: (
            "june jun июн июня juni juin junio junho giugno giu czerwca czerwiec cze haziran haz червня черв"
        ),
        7: (
            "july jul июл июля juli juillet juil julio julho luglio lug lipca lipiec lip temmuz tem липня лип"
        ),
        8: ("august aug авг августа août aout aoû agosto sierpnia sierpień sie ağustos ağu серпня серп"),
        9: (
            "september sep sept сен сентября septembre septiembre setiembre setembro settembre sett "
            "września wrzesień wrz eylül eyl вересня вер"
        ),
        10: (
            "october oct окт октября oktober okt octobre octubre outubro ottobre ott października "
            "październik paź ekim eki жовтня жовт"
        ),
        11: (
            "november nov ноя ноября novembre noviembre novembro listopada listopad lis kasım kasim "
            "kas листопада лист"
        ),
        12: (
            "december dec дек декабря dezember dez décembre déc decembre diciembre dic dezembro "
            "dicembre grudnia grudzień gru aralık aralik ara грудня груд"
        ),
    }.items()
    for word in words.split()
}
#: Short names that are words of another language, too: only before a year.
MONTHS_BEFORE_A_YEAR = {"gen": 1, "mag": 5, "ago": 8, "set": 9, "out": 10}
#: Monday is 0.
WEEKDAYS = {
    word: value
    for value, words in {
        0: (
            "monday mon 星期一 周一 понедельник montag lundi lunes segunda-feira lunedì poniedziałek "
            "pazartesi понеділок"
        ),
        1: ("tuesday tue 星期二 周二 вторник dienstag mardi martes terça-feira martedì wtorek salı вівторок"),
        2: (
            "wednesday wed 星期三 周三 среда mittwoch mercredi miércoles quarta-feira mercoledì środa "
            "çarşamba середа"
        ),
        3: (
            "thursday thu 星期四 周四 четверг donnerstag jeudi jueves quinta-feira giovedì czwartek "
            "perşembe четвер"
        ),
        4: (
            "friday fri 星期五 周五 пятница freitag vendredi viernes sexta-feira venerdì piątek cuma п'ятниця"
        ),
        5: "saturday sat 星期六 周六 суббота samstag samedi sábado sabato sobota cumartesi субота",
        6: (
            "sunday sun 星期日 周日 星期天 воскресенье sonntag dimanche domingo domenica niedziela pazar "
            "неділя"
        ),
    }.items()
    for word in words.split()
}
#: Days before today.
DAYS_AGO = {
    word: value
    for value, words in {
        0: "today 今天 今日 сегодня heute aujourd'hui hoy hoje oggi dziś dzisiaj bugün сьогодні",
        1: "yesterday 昨天 昨日 вчера gestern hier ayer ontem ieri wczoraj dün вчора",
        2: "前天 vorgestern avant-hier",
    }.items()
    for word in words.split()
}
#: The part of a day that Chinese names before an hour.
HALVES = {
    word: value
    for value, words in {
        "am": "凌晨 清晨 早上 早晨 上午",
        "noon": "中午",
        "pm": "下午 傍晚",
        "night": "晚上 晚间 夜里 夜间 深夜 半夜",
    }.items()
    for word in words.split()
}
#: Units of "3 hours ago": M is a month.
UNITS = {
    word: value
    for value, words in {
        "s": (
            "second seconds sec secs s 秒 秒钟 секунд секунду секунды sekunde sekunden seconde secondes "
            "segundo segundos secondo secondi sekund sekundy saniye"
        ),
        "m": (
            "minute minutes min mins m 分钟 分 минут минуту минуты minuten minuto minutos minuti minut "
            "minuty minutę dakika хвилин хвилину хвилини"
        ),
        "h": (
            "hour hours hr hrs h 小时 个小时 часов часа час stunde stunden heure heures hora horas ora ore "
            "godzin godziny godzinę saat годин годину години"
        ),
        "d": (
            "day days d 天 дней дня день tag tage tagen jour jours día días dia dias giorno giorni dni "
            "dzień gün дні днів"
        ),
        "w": (
            "week weeks w 周 个星期 星期 неделю недели недель woche wochen semaine semaines semana semanas "
            "settimana settimane tydzień tygodnie tygodni hafta тиждень тижні тижнів"
        ),
        "M": (
            "month months mo 个月 月 месяц месяца месяцев monat monate monaten mois mes meses mês mese "
            "mesi miesiąc miesiące miesięcy ay місяць місяці місяців"
        ),
        "y": (
            "year years y 年 год года лет jahr jahre jahren an ans année années año años ano anos anno "
            "anni rok lata lat yıl рік роки років"
        ),
    }.items()
    for word in words.split()
}
NUMERALS = {
    **dict.fromkeys(("a", "an", "one", "einer", "einem", "eine", "un", "une", "una", "um", "uma"), 1.0),
    "半": 0.5,
    "half a": 0.5,
    "half an": 0.5,
}
