/* Telephone numbers to E.164, by the tables that setup/phone_automata.py compiles from the rules of
 * identifiers/numbering_plans.py. */
#include "inside.h"

#define LONGEST_CODE 3
#define LONGEST_E164 24
#define FEWEST_GLUED 10
#define MOST_GLUED 15

/* Returns false where the plan has no number of this length with these first two digits. That rules most digits out,
 * and faster than the rows do, where each load waits for the one before. */
static bool may_be_number(const struct sw_phone_table *table, const uint8_t *digits, size_t length) {
    return length < 2 || table->lengths[number(digits, 2)] >> length & 1;
}

/* Goes on from the row that the first `from` digits lead to. */
static const struct sw_answer *follow(const struct sw_phone_table *table, const uint16_t *row, const uint8_t *digits,
                                      size_t from, size_t length) {
    for (size_t i = from; i < length; i++) {
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

/* Returns the place in the rows that the first digits lead to. They are followed without a look at SW_TAIL, because
 * fewer hardly ever decide, and the processor cannot predict the branch. */
static uint16_t row_ahead(const struct sw_phone_table *table, const uint8_t *digits) {
    uint16_t row = SW_ROW;
    for (size_t i = 0; i < SW_AHEAD; i++) row = table->rows[row + (uint8_t)(digits[i] - '0')];
    return row;
}

static const struct sw_answer *answer_at_home(const struct sw_scanner *scanner, const uint8_t *digits, size_t length) {
    const struct sw_phone_table *home = scanner->rules->home;
    if (length < SW_AHEAD) return follow(home, home->rows + SW_ROW, digits, 0, length);
    return follow(home, home->rows + scanner->home_rows[number(digits, SW_AHEAD)], digits, SW_AHEAD, length);
}

static const struct sw_answer *answer_abroad(const struct sw_phone_table *table, const uint8_t *digits, size_t length) {
    if (length < SW_AHEAD) return follow(table, table->rows + SW_ROW, digits, 0, length);
    return follow(table, table->rows + row_ahead(table, digits), digits, SW_AHEAD, length);
}

/* Returns the lengths, with the country code, that a number with these first digits may have: bit n for FEWEST_GLUED + n.
 * Any where no country has them, because then they may be a prefix that the region dials. */
static uint8_t lengths_of(const struct sw_rules *rules, const uint8_t *digits) {
    const struct sw_phone_table *table = country_table(rules, digits, SW_AHEAD);
    if (!table || !table->rows) return UINT8_MAX;
    uint32_t lengths = 0;
    for (uint8_t next = '0'; next <= '9'; next++) {
        const uint8_t longer[SW_AHEAD + 1] = {digits[0], digits[1], digits[2], digits[3], next};
        lengths |= table->lengths[number(longer + table->code_length, 2)];
    }
    return (uint8_t)(lengths << table->code_length >> FEWEST_GLUED);
}

/* Makes what the rules say about the first digits of a number: one look at it rules most digits out. */
void sw_phone_tables(struct sw_scanner *scanner) {
    const struct sw_rules *rules = scanner->rules;
    for (unsigned i = 0; i < SW_AHEADS; i++) {
        const uint8_t digits[SW_AHEAD] = {(uint8_t)('0' + i / 1000), (uint8_t)('0' + i / 100 % 10), (uint8_t)('0' + i / 10 % 10),
                                       (uint8_t)('0' + i % 10)};
        if (rules->home->rows) scanner->home_rows[i] = row_ahead(rules->home, digits);
        scanner->world_lengths[i] = lengths_of(rules, digits);
    }
}

static size_t e164(const struct sw_scanner *scanner, const uint8_t *digits, size_t length, bool international,
                   uint8_t *out) {
    const struct sw_rules *rules = scanner->rules;
    size_t skipped = 0;
    const struct sw_phone_table *table = international ? country_table(rules, digits, length) : NULL;
    if (!table) {
        if (!rules->home->rows) return ask_python(rules, digits, length, international, out);
        if (!may_be_number(rules->home, digits, length)) return 0;
        const struct sw_answer *how = answer_at_home(scanner, digits, length);
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
    const struct sw_answer *how = answer_abroad(table, digits + skipped, length - skipped);
    if (how->kind == SW_NUMBER) return write_e164(table, how, digits + skipped, length - skipped, out);
    return how->kind == SW_ASK ? ask_python(rules, digits, length, international, out) : 0;
}

/* Reads 7 to 17 digits as the region dials them, or as a number with + (`international`). Writes the E.164 form to
 * `out` and returns its length, 0 where it is not a number. */
size_t sw_phone(const struct sw_scanner *scanner, const uint8_t *digits, size_t length, bool international, uint8_t *out) {
    return e164(scanner, digits, length, international, out);
}

/* Reads digits that lost their +, or have 00 for it. `found`: the region's reading gave a number. A second reading is
 * possible only where they begin with the region's own code: see `readings` in identifiers/numbers.py. */
size_t sw_phone_glued(const struct sw_scanner *scanner, const uint8_t *digits, size_t length, bool found, uint8_t *out) {
    const struct sw_phone_table *home = scanner->rules->home;
    if (found && !has_country_code(home, digits)) return 0;
    if (digits[0] == '0' && digits[1] == '0') digits += 2, length -= 2;
    bool glued = length >= FEWEST_GLUED && length <= MOST_GLUED && digits[0] != '0';
    if (!glued || !(scanner->world_lengths[number(digits, SW_AHEAD)] >> (length - FEWEST_GLUED) & 1)) return 0;
    return e164(scanner, digits, length, true, out);
}
