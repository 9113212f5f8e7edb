/* Payment cards and resident IDs: their check digits (identifiers/cards.py, resident_ids.py). */
#include "inside.h"

/* Returns the length where the digits are a card number, else 0. */
size_t sw_card(const struct sw_rules *rules, const uint8_t *digits, size_t length) {
    static const uint8_t doubled[10] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    if (length < 13 || length > 19) return 0;
    if (!(rules->issuers[number(digits, 4)] >> (length - 13) & 1)) return 0;
    unsigned total = length % 2 ? (unsigned)(digits[0] - '0') : 0;
    for (size_t i = length % 2; i < length; i += 2)
        total += doubled[digits[i] - '0'] + (unsigned)(digits[i + 1] - '0');
    return total % 10 ? 0 : length;
}

static bool is_date(unsigned year, unsigned month, unsigned day) {
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) return false;
    bool leap = month == 2 && (year % 4 == 0 && (year % 100 || year % 400 == 0));
    return day <= days[month - 1] + (unsigned)leap;
}

/* Returns the check digit of seventeen digits (ISO 7064 MOD 11-2). */
static uint8_t check_digit(const uint8_t *digits) {
    static const uint8_t weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    unsigned total = 0;
    for (size_t i = 0; i < 17; i++) total += weights[i] * (unsigned)(digits[i] - '0');
    return (uint8_t)"10X98765432"[total % 11];
}

/* `length` is 15 or 18; the last character may be an X. Writes the canonical form to `out`. Returns 18, or 0 where
 * this is not a resident ID. */
size_t sw_resident_id(const struct sw_rules *rules, const uint8_t *digits, size_t length, uint8_t *out) {
    if (!rules->provinces[number(digits, 2)]) return 0;
    if (length == 15) {
        if (!is_digit(digits[14])) return 0;
        memcpy(out, digits, 6);
        memcpy(out + 6, "19", 2);
        memcpy(out + 8, digits + 6, 9);
        out[17] = check_digit(out);
    } else {
        memcpy(out, digits, 17);
        out[17] = upper(digits[17]);
        if (out[17] != check_digit(out)) return 0;
    }
    unsigned year = number(out + 6, 4);
    return year >= 1800 && year < 2100 && is_date(year, number(out + 10, 2), number(out + 12, 2)) ? 18 : 0;
}
