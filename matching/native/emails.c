/* E-mail addresses, outward from each @ (identifiers/emails.py), and the mailbox they reach (providers.py). */
#include "inside.h"

#define LONGEST_LOCAL 64
#define LONGEST_EMAIL 254
#define LONGEST_LABEL 63
#define MOST_LABELS 8 /* before the last */
#define SHORTEST_DOMAIN 4
#define VECTOR 16 /* bytes that a processor handles at once */

/* Returns where the local part before `at` begins, or `at` where there is none. A local part has 1 to 64 characters.
 * It begins with a letter, a digit or _, has no two dots together and no dot at its end. Two hyphens end it. */
static size_t local_start(const uint8_t *text, size_t at) {
    /* One character more than allowed, so that a longer part is refused instead of losing its beginning. */
    size_t low = at > LONGEST_LOCAL + 1 ? at - LONGEST_LOCAL - 1 : 0, start = at, two_dots = 0;
    for (; start > low; start--) {
        uint8_t byte = text[start - 1];
        if (sw_class[byte] & LOCAL) continue; /* most characters */
        if (byte == '.') {
            if (!two_dots && (start == at || text[start] == '.')) two_dots = start; /* the last two dots */
        } else if (byte != '-' || (start - 1 > low && text[start - 2] == '-')) {
            break;
        }
    }
    while (start < at && !(is_word(text[start]) || text[start] == '_')) start++; /* not %, +, . or - */
    return start < two_dots || at - start > LONGEST_LOCAL ? at : start;
}

/* A domain has two to nine labels. Each begins and ends with a letter or digit; the last one has two characters or
 * more and begins with a letter. */
static bool is_domain(const uint8_t *text, size_t start, size_t end) {
    size_t label = start, labels = 0;
    for (size_t i = start; i < end; i++) {
        if (text[i] != '.') continue;
        if (i == label || i - label > LONGEST_LABEL || text[label] == '-' || text[i - 1] == '-') return false;
        labels++;
        label = i + 1;
    }
    bool top = end - label > 1 && end - label <= LONGEST_LABEL && sw_class[text[label]] & LETTER;
    return top && labels && labels <= MOST_LABELS;
}

/* Returns where the domain from `start` on ends, or `start` where there is none. Two hyphens end it, except in xn--. */
static size_t domain_end(const uint8_t *text, size_t start, size_t length) {
    size_t limit = length - start > LONGEST_EMAIL ? start + LONGEST_EMAIL : length;
    size_t end = start;
    while (end < limit) {
        uint8_t byte = text[end];
        if (is_word(byte) || byte == '.') {
            end++;
        } else if (byte != '-' || end == start) {
            break;
        } else if (end + 1 < limit && text[end + 1] == '-') {
            if (lower(text[end - 2]) != 'x' || lower(text[end - 1]) != 'n') break;
            end += 2;
        } else {
            end++;
        }
    }
    while (end > start && !is_word(text[end - 1])) end--;
    return is_domain(text, start, end) ? end : start;
}

/* The first and last four bytes and the length tell the providers' domains apart well enough, and take the same time
 * for any length. */
static uint32_t domain_slot(const uint8_t *name, size_t length) {
    uint32_t first, last;
    memcpy(&first, name, sizeof first);
    memcpy(&last, name + length - sizeof last, sizeof last);
    return (uint32_t)((first * 0x9E3779B1u ^ (last + (uint32_t)length) * 0x85EBCA6Bu) >> 22) % SW_DOMAIN_SLOTS;
}

void sw_domain_slots(struct sw_scanner *scanner) {
    const struct sw_rules *rules = scanner->rules;
    for (uint32_t i = 0; i < rules->domain_count && i < SW_DOMAIN_SLOTS / 2; i++) {
        uint32_t slot = domain_slot((const uint8_t *)rules->domains[i].name, rules->domains[i].length);
        while (scanner->slots[slot]) slot = (slot + 1) % SW_DOMAIN_SLOTS;
        scanner->slots[slot] = (uint16_t)(i + 1);
    }
}

static const struct sw_provider *provider_of(const struct sw_scanner *scanner, const uint8_t *name, size_t length) {
    const struct sw_rules *rules = scanner->rules;
    if (length < SHORTEST_DOMAIN || length > sizeof rules->domains->name) return NULL;
    for (uint32_t slot = domain_slot(name, length); scanner->slots[slot]; slot = (slot + 1) % SW_DOMAIN_SLOTS) {
        const struct sw_domain *domain = &rules->domains[scanner->slots[slot] - 1];
        if (domain->length == length && !memcmp(domain->name, name, length)) return &rules->providers[domain->provider];
    }
    return NULL;
}

/* Turns `email`, in lower case and with its @ at `at`, into its mailbox (providers.py). Returns the new length. */
static size_t reduce_to_mailbox(const struct sw_scanner *scanner, uint8_t *email, size_t at, size_t length) {
    uint8_t *local = email, *domain = email + at + 1;
    size_t local_length = at, domain_length = length - at - 1;
    const struct sw_provider *provider = provider_of(scanner, domain, domain_length);
    if (!provider) {
        uint8_t *parent = memchr(domain, '.', domain_length);
        if (!parent) return length;
        size_t parent_length = (size_t)(domain + domain_length - ++parent);
        provider = provider_of(scanner, parent, parent_length);
        if (!provider || !provider->subdomain) return length;
        local = domain, local_length = (size_t)(parent - 1 - domain);
        domain = parent, domain_length = parent_length;
    }
    uint8_t owner[LONGEST_EMAIL];
    size_t kept = 0;
    for (size_t i = 0; i < local_length && (!provider->tag || local[i] != provider->tag); i++)
        if (!strchr(provider->ignored, local[i])) owner[kept++] = local[i];
    if (!kept) memcpy(owner, local, kept = local_length);
    uint8_t reached[sizeof provider->mailbox + LONGEST_EMAIL];
    size_t reached_length = provider->mailbox_length;
    if (reached_length)
        memcpy(reached, provider->mailbox, reached_length);
    else
        memcpy(reached, domain, reached_length = domain_length);
    memcpy(email, owner, kept);
    email[kept] = '@';
    memcpy(email + kept + 1, reached, reached_length);
    return kept + 1 + reached_length;
}

/* Copies `size` characters to `out` in lower case, and up to VECTOR - 1 more where the text has them: whole vectors are
 * faster than an exact count. */
static void copy_lower(uint8_t *out, const uint8_t *text, size_t size, size_t length) {
    size_t more = (size + VECTOR - 1) / VECTOR * VECTOR;
    if (more <= length) size = more;
    for (size_t i = 0; i < size; i++) out[i] = lower(text[i]);
}

#define LONGEST_MASK 64 /* signs */

/* Returns the size of the masking sign that ends before `at`, 0 where there is none: a star, or U+2022, U+25CF, U+25A0,
 * U+2588. */
static size_t mask_sign(const uint8_t *text, size_t at) {
    if (at > 0 && text[at - 1] == '*') return 1;
    if (at < 3 || text[at - 3] != 0xE2) return 0;
    unsigned rest = (unsigned)text[at - 2] << 8 | text[at - 1];
    return rest == 0x80A2 || rest == 0x978F || rest == 0x96A0 || rest == 0x9688 ? 3 : 0;
}

/* Returns whether start..end is what a mask left of an address (is_masked in identifiers/emails.py). */
static bool is_masked(const uint8_t *text, size_t start, size_t end, size_t length) {
    size_t at = start, signs = 0, stars = 0, size;
    while (signs < LONGEST_MASK && (size = mask_sign(text, at))) at -= size, signs++, stars += size == 1;
    if (!signs) return false;
    if (at > 0 && is_word(text[at - 1])) return true;
    if (stars < signs) return signs > 1;
    size_t behind = 0;
    while (end + behind < length && behind <= stars && text[end + behind] == '*') behind++;
    return behind != stars || (end + behind < length && is_word(text[end + behind]));
}

static void add_email(struct sw_scanner *scanner, const uint8_t *text, size_t at, size_t length) {
    size_t start = local_start(text, at);
    if (start == at) return;
    size_t end = domain_end(text, at + 1, length);
    if (end == at + 1 || end - start > LONGEST_EMAIL || is_masked(text, start, end, length)) return;
    uint8_t *value = sw_room(scanner, SW_EMAIL);
    if (!value) return;
    copy_lower(value, text + start, end - start, length - start);
    sw_add(scanner, SW_EMAIL, reduce_to_mailbox(scanner, value, at - start, end - start), start, end);
}

void sw_emails(struct sw_scanner *scanner, const uint8_t *text, size_t length) {
    const uint8_t *at = text, *last = text + length;
    while (at < last && (at = memchr(at, '@', (size_t)(last - at))))
        add_email(scanner, text, (size_t)(at++ - text), length);
}
