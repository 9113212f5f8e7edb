/* National numbers: places where one may be (identifiers/national_ids.py): by form, and numbers of digits alone by
 * their check digits. The specification decides about each. */
#include "digits.h"

/* In a pattern 9 is a digit, A a letter, X either; all else stands for itself. `letters`: characters before the first
 * digit. `first`: the digits that it begins with; digits.h gives whole groups. */
struct form {
    const char *pattern;
    uint8_t first, letters;
    bool spaced; /* four groups of four are a card */
};

static const struct form forms[] = {
    {"9 99 99 9X 999 999 99", 1, 0, false}, {"9-9999-99999-99-9", 1, 0, false}, {"9.999.999-X", 1, 0, false},
    {"99.999.999-X", 2, 0, false},         {"99.99.99-999.99", 2, 0, false},   {"99.99.99-999-99", 2, 0, false},
    {"99-99999999-9", 2, 0, false},        {"AAAAAA99A99A999A", 2, 6, false},  {"999.999.999-99", 3, 0, false},
    {"999.9999.9999.99", 3, 0, false},     {"9999 9999 9999", 4, 0, true},     {"9999-9999-9999", 4, 0, false},
    {"999999-9999999", 6, 0, false},       {"999999-999X", 6, 0, false},       {"999999+999X", 6, 0, false},
    {"999999A999X", 6, 0, false},          {"999999/9999", 6, 0, false},       {"999999 99999", 6, 0, false},
    {"AAAA999999AAAAAAX9", 6, 4, false},   {"A9999999A", 7, 1, false},         {"A-9999999-A", 7, 2, false},
    {"99999999-9999", 8, 0, false},        {"99999999A", 8, 0, false},         {"99999999-A", 8, 0, false},
};
#define LONGEST_FIRST 15 /* digits: of a number of digits alone */

static bool is_sign(uint8_t byte, char sign) {
    if (sign == '9') return is_digit(byte);
    if (sign == 'A') return sw_class[byte] & LETTER;
    return sign == 'X' ? is_word(byte) : byte == (uint8_t)sign;
}

/* Returns whether no digit or letter goes on before `start` or behind `end`, directly or behind a separator. */
static bool stands_alone(const uint8_t *text, size_t start, size_t end, size_t length, bool spaced) {
    if (start > 0) {
        uint8_t before = text[start - 1];
        if (is_word(before) || before == '+') return false;
        bool separates = before == '.' || before == '/' || before == '-' || (spaced && before == ' ');
        if (separates && start > 1 && is_digit(text[start - 2])) return false;
    }
    if (end == length) return true;
    uint8_t behind = text[end];
    if (is_word(behind)) return false;
    if (behind == '.' && end + 1 < length && text[end + 1] == '0') { /* .0 and .00 are no part of a number */
        size_t last = end + 2 + (end + 2 < length && text[end + 2] == '0');
        return last == length || !is_word(text[last]);
    }
    if (behind == '.' || behind == '/' || behind == '-') return end + 1 == length || !is_digit(text[end + 1]);
    return !(spaced && behind == ' ' && end + 1 < length && group_end(text, end + 1, length) - end == 5);
}

static unsigned weighted(const uint8_t *digits, const uint8_t *weights, size_t count) {
    unsigned total = 0;
    for (size_t i = 0; i < count; i++) total += weights[i] * (unsigned)(digits[i] - '0');
    return total;
}

static bool passes_luhn(const uint8_t *digits, size_t length) {
    static const uint8_t doubled[10] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    unsigned total = 0;
    for (size_t i = 0; i < length; i++)
        total += (length - i) % 2 ? (unsigned)(digits[i] - '0') : doubled[digits[i] - '0'];
    return total % 10 == 0;
}

static unsigned digit(const uint8_t *digits, size_t at) { return (unsigned)(digits[at] - '0'); }

static uint64_t long_number(const uint8_t *digits, size_t length) {
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) value = value * 10 + (uint64_t)(digits[i] - '0');
    return value;
}

static bool is_month_day(unsigned month, unsigned day) { return month >= 1 && month <= 12 && day >= 1 && day <= 31; }

static bool may_be_polish(const uint8_t *d) {
    static const uint8_t weights[10] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3};
    return is_month_day(number(d + 2, 2) % 20, number(d + 4, 2)) &&
           digit(d, 10) == (10 - weighted(d, weights, 10) % 10) % 10;
}

static bool may_be_brazilian_person(const uint8_t *d) {
    static const uint8_t weights[11] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    return digit(d, 9) == weighted(d, weights + 1, 9) * 10 % 11 % 10 && digit(d, 10) == weighted(d, weights, 10) * 10 % 11 % 10;
}

static bool may_be_turkish(const uint8_t *d) {
    unsigned odd = digit(d, 0) + digit(d, 2) + digit(d, 4) + digit(d, 6) + digit(d, 8);
    unsigned even = digit(d, 1) + digit(d, 3) + digit(d, 5) + digit(d, 7);
    return digit(d, 9) == (odd * 7 + 100 - even) % 10 && digit(d, 10) == (odd + even + digit(d, 9)) % 10;
}

static bool may_be_norwegian(const uint8_t *d) {
    static const uint8_t first[9] = {3, 7, 6, 1, 8, 9, 4, 5, 2}, second[10] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    return digit(d, 9) == (11 - weighted(d, first, 9) % 11) % 11 && digit(d, 10) == (11 - weighted(d, second, 10) % 11) % 11;
}

static bool has_baltic_check(const uint8_t *d) {
    static const uint8_t first[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1}, second[10] = {3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
    unsigned check = weighted(d, first, 10) % 11;
    if (check == 10) check = weighted(d, second, 10) % 11 % 10;
    return digit(d, 10) == check;
}

static bool may_be_estonian(const uint8_t *d) {
    return d[0] >= '1' && d[0] <= '8' && is_month_day(number(d + 3, 2), number(d + 5, 2)) && has_baltic_check(d);
}

/* Those that begin with 9 need no date. */
static bool may_be_lithuanian(const uint8_t *d) { return d[0] == '9' ? has_baltic_check(d) : may_be_estonian(d); }

static bool may_be_belgian(const uint8_t *d) {
    uint64_t head = long_number(d, 9), check = number(d + 9, 2);
    return 97 - head % 97 == check || 97 - (2000000000 + head) % 97 == check;
}

static bool may_be_argentine(const uint8_t *d) {
    static const uint8_t weights[10] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    unsigned check = 11 - weighted(d, weights, 10) % 11;
    if (d[0] != '2' && d[0] != '3' && d[0] != '5') return false; /* the kinds of persons and companies */
    return digit(d, 10) == (check == 11 ? 0 : check == 10 ? 9 : check);
}

static bool may_be_indian(const uint8_t *d) { /* Verhoeff's check digit */
    static const uint8_t product[10][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
        {3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
        {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
        {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
    };
    static const uint8_t permuted[8][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
        {8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
        {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
    };
    unsigned check = 0;
    for (size_t i = 0; i < 12; i++) check = product[check][permuted[i % 8][digit(d, 11 - i)]];
    return check == 0;
}

static bool may_be_russian(const uint8_t *d) {
    static const uint8_t weights[11] = {3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8};
    return digit(d, 10) == weighted(d, weights + 1, 10) % 11 % 10 && digit(d, 11) == weighted(d, weights, 11) % 11 % 10;
}

static bool may_be_romanian(const uint8_t *d) {
    static const uint8_t weights[12] = {2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9};
    unsigned check = weighted(d, weights, 12) % 11;
    return is_month_day(number(d + 3, 2), number(d + 5, 2)) && digit(d, 12) == (check == 10 ? 1 : check);
}

static bool may_be_korean(const uint8_t *d) {
    static const uint8_t weights[12] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    return is_month_day(number(d + 2, 2), number(d + 4, 2)) && digit(d, 12) == (11 - weighted(d, weights, 12) % 11) % 10;
}

static bool may_be_slovenian(const uint8_t *d) {
    static const uint8_t weights[12] = {7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    return is_month_day(number(d + 2, 2), number(d, 2)) && digit(d, 12) == (11 - weighted(d, weights, 12) % 11) % 11 % 10;
}

static bool may_be_french(const uint8_t *d) { return 97 - long_number(d, 13) % 97 == number(d + 13, 2); }

static bool may_be_greek(const uint8_t *d) {
    return is_month_day(number(d + 2, 2), number(d, 2)) && passes_luhn(d, 11);
}

static bool may_be_south_african(const uint8_t *d) {
    return is_month_day(number(d + 2, 2), number(d + 4, 2)) && (d[10] == '0' || d[10] == '1') && passes_luhn(d, 13);
}

static bool may_be_swiss(const uint8_t *d) { return number(d, 3) == 756; }

/* Numbers of digits alone, in the order of PLAIN_COUNTRIES (identifiers/national_ids.py). */
static const struct {
    size_t length;
    bool (*may_be)(const uint8_t *digits);
} plain[] = {
    {11, may_be_polish},    {11, may_be_brazilian_person}, {11, may_be_turkish},   {11, may_be_norwegian},
    {11, may_be_estonian},  {11, may_be_lithuanian},       {11, may_be_belgian},   {11, may_be_argentine},
    {11, may_be_greek},     {12, may_be_indian},           {12, may_be_russian},   {13, may_be_romanian},
    {13, may_be_south_african}, {13, may_be_korean},       {13, may_be_slovenian}, {13, may_be_swiss},
    {15, may_be_french},
};
#define PLAIN (sizeof plain / sizeof *plain)

/* Returns whether digits alone may be a number of one of the countries that are searched for. */
static bool may_be_plain(const struct sw_rules *rules, const uint8_t *digits, size_t length) {
    for (size_t i = 0; i < PLAIN; i++)
        if (plain[i].length == length && rules->countries_of_ids >> i & 1 && plain[i].may_be(digits)) return true;
    return false;
}

/* Returns where a form ends whose first digit is at `digit_at`, if it is there; else 0. */
static size_t form_end(const uint8_t *text, size_t digit_at, size_t length, const struct form *form) {
    if (digit_at < form->letters) return 0;
    size_t at = digit_at - form->letters;
    for (const char *sign = form->pattern; *sign; sign++, at++)
        if (at == length || !is_sign(text[at], *sign)) return 0;
    return stands_alone(text, digit_at - form->letters, at, length, form->spaced) ? at : 0;
}

/* Adds the place of a form, with the characters on each side that decide whether it stands alone. */
static void add_form(struct sw_scanner *scanner, const uint8_t *text, size_t length, size_t start, size_t end) {
    size_t first = start > 2 ? start - 2 : 0, last = length - end > 5 ? end + 5 : length;
    while (first > 0 && (text[first] & 0xC0) == 0x80) first--; /* whole characters */
    while (last < length && (text[last] & 0xC0) == 0x80) last++;
    if (sw_room(scanner, SW_NATIONAL)) sw_add(scanner, SW_NATIONAL, 0, first, last);
}

/* By the digits of the first group: the index of the first of its forms. */
static const uint8_t from[LONGEST_FIRST + 2] = {0, 0, 3, 8, 10, 12, 12, 19, 21, 24, 24, 24, 24, 24, 24, 24, 24};

bool sw_has_national_form(const uint8_t *text, size_t length, struct group digits) {
    size_t count = digits.end - digits.start;
    if (count > LONGEST_FIRST) return false;
    for (size_t i = from[count]; i < from[count + 1]; i++)
        if (form_end(text, digits.start, length, &forms[i])) return true;
    return false;
}

void sw_national_ids(struct sw_scanner *scanner, const uint8_t *text, size_t length) {
    struct digit_search search = begin_search(text, length);
    struct group digits = next_digits(&search, 0);
    for (; digits.start < length; digits = next_digits(&search, digits.end)) {
        size_t count = digits.end - digits.start, end;
        if (count > LONGEST_FIRST) continue;
        for (size_t i = from[count]; i < from[count + 1]; i++)
            if ((end = form_end(text, digits.start, length, &forms[i])))
                add_form(scanner, text, length, digits.start - forms[i].letters, end);
        if (count >= 11 && stands_alone(text, digits.start, digits.end, length, false) &&
            may_be_plain(scanner->rules, text + digits.start, count))
            add_form(scanner, text, length, digits.start, digits.end);
    }
}
