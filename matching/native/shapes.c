/* Finds places where a wallet, a passport's machine-readable zone or a driving licence may be. They are few, and the
 * specification decides about each (native_scanner.py), so a place too many costs time only; none may be missing. */
#include "digits.h"

#define SHORTEST_WALLET 14

static void add_place(struct sw_scanner *scanner, enum sw_field field, size_t start, size_t end) {
    if (sw_room(scanner, field)) sw_add(scanner, field, 0, start, end);
}

/* identifiers/wallets.py: base58 that begins as some chain's addresses do, a prefix of bech32, or 0x and 40 hexadecimal
 * digits with small and capital letters; with `one_case` in any case. */
static bool may_be_wallet(const uint8_t *word, size_t length, bool one_case) {
    if (length >= 25 && length <= 35 && strchr("1379ADLMTXrt", word[0])) {
        size_t i = 1;
        while (i < length && word[i] != '0' && word[i] != 'O' && word[i] != 'I' && word[i] != 'l') i++;
        if (i == length) return true;
    }
    if (!memcmp(word, "bc1", 3) || !memcmp(word, "BC1", 3)) return length <= 74;
    if (!memcmp(word, "ltc1", 4) || !memcmp(word, "LTC1", 4)) return length <= 75;
    if (length != 42 || word[0] != '0' || word[1] != 'x') return false;
    bool small = false, capital = false;
    for (size_t i = 2; i < length; i++) {
        small |= word[i] >= 'a';
        capital |= word[i] >= 'A' && word[i] < 'a';
    }
    return one_case || (small && capital);
}

/* Looks at every fourteenth character only: a word of fourteen characters or more has one of them. */
void sw_wallets(struct sw_scanner *scanner, const uint8_t *text, size_t length, bool one_case) {
    size_t before = 0; /* the end of the previous word */
    for (size_t at = SHORTEST_WALLET - 1; at < length; at += SHORTEST_WALLET) {
        if (at < before || !is_word(text[at])) continue;
        size_t start = at, end = at + 1;
        while (start > before && is_word(text[start - 1])) start--;
        while (end < length && is_word(text[end])) end++;
        before = end;
        if (end - start >= SHORTEST_WALLET && may_be_wallet(text + start, end - start, one_case))
            add_place(scanner, SW_WALLET, start, end);
    }
}

#define DATE 7            /* digits, with the check digit */
#define BEFORE_SEX 64     /* bytes: two lines of 30 characters, and four characters between them */
#define BEHIND_SEX 32
#define MOST_BEHIND_LEAD 3 /* continuation bytes of one character */

static bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* identifiers/documents.py: each zone has a date, a sex and a date in its middle. `sex` is the place behind the first
 * date. The span is widened to whole characters. */
static void find_passport(struct sw_scanner *scanner, const uint8_t *text, size_t length, size_t sex) {
    if (sex + 1 + DATE > length || !memchr("MFX<", text[sex], 4)) return;
    for (size_t i = 1; i <= DATE; i++)
        if (!is_digit(text[sex + i])) return;
    size_t start = sex > BEFORE_SEX ? sex - BEFORE_SEX : 0;
    size_t end = length - sex > BEHIND_SEX ? sex + BEHIND_SEX : length;
    for (int i = 0; i < MOST_BEHIND_LEAD && start > 0 && is_continuation(text[start]); i++) start--;
    for (int i = 0; i < MOST_BEHIND_LEAD && end < length && is_continuation(text[end]); i++) end++;
    add_place(scanner, SW_PASSPORT, start, end);
}

static bool may_be_japanese(const uint8_t *digits) {
    static const uint8_t weights[10] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    unsigned total = 0;
    for (int i = 0; i < 10; i++) total += weights[i] * (unsigned)(digits[i] - '0');
    return (unsigned)(digits[10] - '0') == (11 - total % 11) % 10;
}

static bool may_be_brazilian(const uint8_t *digits) {
    unsigned first = 0, second = 0;
    for (unsigned i = 0; i < 9; i++) {
        first += (9 - i) * (unsigned)(digits[i] - '0');
        second += (1 + i) * (unsigned)(digits[i] - '0');
    }
    first %= 11, second %= 11;
    if (first == 10) second = (second + 9) % 11; /* the first check digit is two off then */
    return (unsigned)(digits[9] - '0') == first % 10 && (unsigned)(digits[10] - '0') == second % 10;
}

/* identifiers/licences.py: a word of eleven or twelve digits, or of eight digits (the first may be X, Y or Z) and a
 * capital. */
static void find_licence(struct sw_scanner *scanner, const uint8_t *text, size_t length, struct group digits) {
    size_t start = digits.start, end = digits.end, count = end - start;
    if (count == 7 && start > 0 && text[start - 1] >= 'X' && text[start - 1] <= 'Z') start--, count++;
    if (start > 0 && is_word(text[start - 1])) return;
    if (count == 8) {
        if (end < length && text[end] == '-') end++;
        if (end == length || text[end] < 'A' || text[end] > 'Z') return;
        end++;
    } else if (!(count == 11 && may_be_brazilian(text + start)) && !(count == 12 && may_be_japanese(text + start))) {
        return;
    }
    if (end == length || !is_word(text[end])) add_place(scanner, SW_LICENCE, start, end);
}

void sw_shapes(struct sw_scanner *scanner, const uint8_t *text, size_t length) {
    if (wanted(scanner, SW_WALLET)) sw_wallets(scanner, text, length, false);
    bool passports = wanted(scanner, SW_PASSPORT), licences = wanted(scanner, SW_LICENCE);
    if (!passports && !licences) return;
    struct digit_search search = begin_search(text, length);
    struct group digits = next_digits(&search, 0);
    for (; digits.start < length; digits = next_digits(&search, digits.end)) {
        if (digits.end - digits.start < DATE) continue;
        if (passports) find_passport(scanner, text, length, digits.end);
        if (licences) find_licence(scanner, text, length, digits);
    }
}
