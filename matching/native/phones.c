/* Telephone numbers to E.164, by the tables that setup/phone_automata.py compiles from the rules of
 * identifiers/numbering_plans.py. */
#include "inside.h"

#define LONGEST_CODE 3
#define LONGEST_E164 24
#define FEWEST_GLUED 10
#define MOST_GLUED 15

/* Digits that are followed before the first look at SW_TAIL: fewer hardly ever decide, and the processor cannot
 * predict the branch. */
#define AHEAD 4

/* Returns false where the plan has no number of this length with these first two digits. That rules most digits out,
 * and faster than the rows do, where each load waits for the one before. */
static bool may_be_number(const struct sw_phone_table *table, const uint8_t *digits, size_t length) {
    return length < 2 || table->lengths[number(digits, 2)] >> length & 1;
}

static const struct sw_answer *follow(const struct sw_phone_table *table, const uint8_t *digits, size_t length) {
    const uint16_t *row = table->rows + SW_ROW;
    size_t i = 0;
    if (length >= AHEAD)
        for (; i < AHEAD; i++) row = table->rows + row[(uint8_t)(digits[i] - '0')];
    for (; i < length; i++) {
        if (row[SW_TAIL]) return &table->answers[table->tails[row[SW_TAIL] + length - i]];
        row = table->rows + row[(uint8_t)(digits[i] - '0')];
    }
    return &table->answers[row[SW_ANSWER]];
}

/* Returns the table of the country code that the digits begin with, or NULL. No code is the beginning of another one,
 * so three digits decide; fewer digits are not a number. */
static const struct sw_phone_table *country_table(const struct sw_rules *rules, const uint8_t *digits, size_t length) {
    if (length < LONGEST_CODE) return NULL;
    unsigned index = rules->codes[number(digits, LONGEST_CODE)];
    return index ? &rules->countries[index - 1] : NULL;
}

static bool has_country_code(const struct sw_phone_table *table, const uint8_t *digits) {
    for (uint32_t i = 0; i < table->code_length; i++)
        if (digits[i] != (uint8_t)table->code[i]) return false;
    return true;
}

static size_t write_e164(const struct sw_phone_table *table, const struct sw_answer *how, const uint8_t *digits,
                         size_t length, uint8_t *out) {
    uint8_t *to = out;
    *to++ = '+';
    memcpy(to, table->code, sizeof table->code), to += table->code_length;
    memcpy(to, how->literal, sizeof how->literal), to += how->literal_length;
    if (how->end) memcpy(to, digits + how->start, DIGITS_COPIED), to += how->end - how->start;
    memcpy(to, digits + how->rest, DIGITS_COPIED), to += length - how->rest;
    return (size_t)(to - out);
}

static size_t ask_python(const struct sw_rules *rules, const uint8_t *digits, size_t length, bool international,
                         uint8_t *out) {
    size_t size = rules->ask((const char *)digits, (uint32_t)length, international, (char *)out);
    return size <= LONGEST_E164 ? size : 0;
}

static size_t e164(const struct sw_rules *rules, const uint8_t *digits, size_t length, bool international,
                   uint8_t *out) {
    size_t skipped = 0;
    const struct sw_phone_table *table = international ? country_table(rules, digits, length) : NULL;
    if (!table) {
        if (!rules->home->rows) return ask_python(rules, digits, length, international, out);
        if (!may_be_number(rules->home, digits, length)) return 0;
        const struct sw_answer *how = follow(rules->home, digits, length);
        if (how->kind != SW_DIALLED) {
            if (how->kind == SW_NONE || international) return 0;
            if (how->kind == SW_ASK) return ask_python(rules, digits, length, international, out);
            return write_e164(rules->home, how, digits, length, out);
        }
        skipped = how->rest;
        table = country_table(rules, digits + skipped, length - skipped);
        if (!table) return 0;
    }
    if (!table->rows) return ask_python(rules, digits, length, international, out);
    skipped += table->code_length;
    if (!may_be_number(table, digits + skipped, length - skipped)) return 0;
    const struct sw_answer *how = follow(table, digits + skipped, length - skipped);
    if (how->kind == SW_NUMBER) return write_e164(table, how, digits + skipped, length - skipped, out);
    return how->kind == SW_ASK ? ask_python(rules, digits, length, international, out) : 0;
}

/* Reads 7 to 17 digits as the region dials them, or as a number with + (`international`). Writes the E.164 form to
 * `out` and returns its length, 0 where it is not a number. */
size_t sw_phone(const struct sw_rules *rules, const uint8_t *digits, size_t length, bool international, uint8_t *out) {
    return e164(rules, digits, length, international, out);
}

/* Reads digits that lost their +, or have 00 for it. `found`: the region's reading gave a number. A second reading is
 * possible only where they begin with the region's own code: see `readings` in identifiers/numbers.py. */
size_t sw_phone_glued(const struct sw_rules *rules, const uint8_t *digits, size_t length, bool found, uint8_t *out) {
    const struct sw_phone_table *home = rules->home;
    if (found && !has_country_code(home, digits)) return 0;
    if (digits[0] == '0' && digits[1] == '0') digits += 2, length -= 2;
    bool glued = length >= FEWEST_GLUED && length <= MOST_GLUED && digits[0] != '0';
    return glued ? e164(rules, digits, length, true, out) : 0;
}
