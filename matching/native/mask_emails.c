/* Addresses and the passwords behind them: what _find_emails and _find_passwords of matching/masks.py find. */
#include "masks.h"

#define LONGEST_LOCAL 1024
#define LONGEST_LABEL 63
#define MOST_LABELS 8
#define LONGEST_DOMAIN 253

/* A text, and where it ends. */
struct text {
    const uint8_t *at;
    size_t length;
};

static uint8_t sign_at(struct text text, size_t place) { return place < text.length ? text.at[place] : 0; }

static bool is_written(struct text text, size_t at, const char *word) {
    size_t size = strlen(word);
    return at <= text.length && text.length - at >= size && !memcmp(text.at + at, word, size);
}

static bool is_label(uint8_t byte) { return is_word_sign(byte) || byte == '-'; }

static bool is_decimal(uint8_t byte) { return is_digit(byte) || byte == FOREIGN_DIGIT; }

static bool is_letter(uint8_t byte) { return sw_class[byte] & LETTER || byte == FOREIGN_LETTER; }

static size_t label_end(struct text text, size_t at, size_t most) {
    size_t end = at;
    while (end < text.length && end - at < most && is_label(text.at[end])) end++;
    return end;
}

/* Returns where the sign ends that stands for an @ and begins at `at`, or `at`. */
static size_t at_sign_end(struct text text, size_t at) {
    static const char *const references[] = {"#64;", "#x40;", "commat;"};
    switch (text.at[at]) {
    case '@': return at + 1;
    case '&':
        for (int i = 0; i < 3; i++)
            if (is_written(text, at + 1, references[i])) return at + 1 + strlen(references[i]);
        return at;
    case '[': case '(': case '{': case '<': case OPENED_BRACKET: break;
    default: return at;
    }
    size_t end = at + 1;
    end += sign_at(text, end) == ' ';
    if (sign_at(text, end) == '@') end++;
    else if (is_written(text, end, "at") || is_written(text, end, "AT") || is_written(text, end, "At")) end += 2;
    else return at;
    end += sign_at(text, end) == ' ';
    uint8_t closed = sign_at(text, end);
    return closed && (memchr("])}>", closed, 4) || closed == CLOSED_BRACKET) ? end + 1 : at;
}

/* _DOMAIN_START */
static bool begins_domain(struct text text, size_t at) {
    at += sign_at(text, at) == ' ';
    size_t end = label_end(text, at, LONGEST_LABEL + 1);
    bool plain = end > at; /* digits and hyphens only */
    size_t digits = 0;
    for (size_t i = at; i < end; i++) {
        if (is_word_sign(text.at[i]) && !is_decimal(text.at[i])) return true;
        digits += is_decimal(text.at[i]);
    }
    if (!plain || end - at > LONGEST_LABEL || sign_at(text, end) != '.') return false;
    uint8_t behind = sign_at(text, end + 1);
    return is_letter(behind) || (digits == end - at && digits <= 3 && is_decimal(behind));
}

/* _FOREIGN_DOMAIN */
static bool is_foreign_domain(struct text text, size_t at) {
    size_t end = label_end(text, at, LONGEST_LABEL);
    return end > at && sign_at(text, end) == '.' && is_word_sign(sign_at(text, end + 1));
}

/* _DOMAIN_BEHIND_BLANK */
static bool is_domain_behind_blank(struct text text, size_t at) {
    at += sign_at(text, at) == ' ';
    for (int i = 0; i < MOST_LABELS; i++) {
        size_t end = label_end(text, at, LONGEST_LABEL);
        if (end == at || sign_at(text, end) != '.') return false;
        at = end + 1;
        if (is_letter(sign_at(text, at)) && is_letter(sign_at(text, at + 1))) return true;
    }
    return false;
}

/* _SERVICE */
static bool is_service(const uint8_t *word, size_t length) {
    static const char *const names[] = {
        "telegram", "tele", "tg", "wechat", "wx", "discord", "instagram", "insta", "ig", "twitter", "snapchat", "snap",
        "skype", "icq", "signal", "session", "wire", "vk", "line", "contact", "dm", "pm", "jabber", "xmpp", "matrix",
        "by", "from", "via",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t at = 0;
        while (at < length && names[i][at] && lower(word[at]) == (uint8_t)names[i][at]) at++;
        if (at == length && !names[i][at]) return true;
    }
    return false;
}

/* Returns where the local part begins that ends at `end`: not before `low`, with letters of other scripts if
 * `foreign`. Two hyphens end it. */
static size_t local_start(struct text text, size_t low, size_t end, bool foreign) {
    size_t at = end;
    while (at > low) {
        uint8_t byte = text.at[at - 1];
        if (byte == '-' && at - 1 > low && text.at[at - 2] == '-') break;
        bool is_local = is_word(byte) || (byte && memchr("_.%+*!$'^`~-", byte, 12)) ||
                        (foreign && (byte == FOREIGN_LETTER || byte == FOREIGN_DIGIT));
        if (!is_local) break;
        at--;
    }
    return at;
}

static void find_local_part(struct sw_scanner *scanner, struct text text, size_t sign, size_t sign_end) {
    size_t low = sign > LONGEST_LOCAL ? sign - LONGEST_LOCAL : 0;
    bool blank = sign > low && text.at[sign - 1] == ' ';
    size_t end = sign - blank, start = local_start(text, low, end, false);
    if (start == end) {
        blank = false;
        end = sign;
        if (!is_foreign_domain(text, sign_end)) return;
        start = local_start(text, low, end, true);
        if (start == end) return;
    }
    if (blank && text.at[sign] == '@') { /* `telegram @darkseller`: somebody's handle */
        if (!is_domain_behind_blank(text, sign_end)) return;
        if (sign_at(text, sign_end) != ' ' && is_service(text.at + start, end - start)) return;
    }
    sw_add_place(scanner, SW_MASK_EMAIL, start, end);
}

static const uint8_t is_sign[256] = {
    ['@'] = 1, ['&'] = 1, ['['] = 1, ['('] = 1, ['{'] = 1, ['<'] = 1, [OPENED_BRACKET] = 1,
};

void sw_mask_emails(struct sw_scanner *scanner, const uint8_t *bytes, size_t length) {
    struct text text = {bytes, length};
    for (size_t at = 0; at < length;) {
        for (; at + 8 <= length; at += 8) { /* most characters are no sign */
            const uint8_t *eight = bytes + at;
            if (is_sign[eight[0]] | is_sign[eight[1]] | is_sign[eight[2]] | is_sign[eight[3]] | is_sign[eight[4]] |
                is_sign[eight[5]] | is_sign[eight[6]] | is_sign[eight[7]])
                break;
        }
        while (at < length && !is_sign[bytes[at]]) at++;
        if (at == length) break;
        size_t end = at_sign_end(text, at);
        if (end > at && begins_domain(text, end)) find_local_part(scanner, text, at, end);
        at = end > at ? end : at + 1;
    }
}

/* Returns whether a masked local part that begins at `from` or behind it ends before the @ at `at`. */
static bool is_masked_local(const uint8_t *text, size_t from, size_t at) {
    if (at - from >= 3 && !memcmp(text + at - 3, "***", 3)) return true;
    return at - from >= 4 && text[at - 1] != '\n' && !memcmp(text + at - 4, "***", 3);
}

void sw_mask_passwords(struct sw_scanner *scanner, const uint8_t *bytes, size_t length) {
    struct text text = {bytes, length};
    size_t from = 0;
    const uint8_t *sign = bytes;
    while ((sign = length ? memchr(sign, '@', length - (size_t)(sign - bytes)) : NULL)) {
        size_t at = (size_t)(sign++ - bytes), end = at + 1;
        if (at < from || !is_masked_local(bytes, from, at)) continue;
        while (end < length && end - at <= LONGEST_DOMAIN && (is_label(bytes[end]) || bytes[end] == '.')) end++;
        if (end == at + 1 || sign_at(text, end) != ':' || is_written(text, end + 1, "//")) continue;
        size_t start = ++end;
        while (end < length && !is_space(bytes[end])) end++;
        if (end == start) continue;
        sw_add_place(scanner, SW_MASK_PASSWORD, start, end);
        from = end;
    }
}
